"""The public answer to: what does this user have locked?"""

from __future__ import annotations

from django.http import HttpRequest, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from . import services


@never_cache
@require_safe
def lock_status(request: HttpRequest, user: str) -> JsonResponse:
    """Asked by the client before it logs in, so without any cookie."""
    return JsonResponse(services.status(user))
