"""The product's addresses, and ``/benchmark/empty/`` in front of none of them."""

from __future__ import annotations

from django.http import JsonResponse
from django.urls import path
from django.views.decorators.csrf import csrf_exempt

from urls import handler400, handler403, handler404, handler500, urlpatterns  # noqa: F401


@csrf_exempt
def empty(request):
    """A JSON answer without a question to anything; takes POST, as calls are posted."""
    request.body  # noqa: B018  (a call reads its parameters, so does its yardstick)
    return JsonResponse({"error": None, "result": None})


urlpatterns = [*urlpatterns, path("benchmark/empty/", empty)]
