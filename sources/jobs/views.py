"""The state of a job as JSON."""

from __future__ import annotations

from django.http import HttpRequest, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from common.errors import NotFound

from . import services


@never_cache
@require_safe
def job(request: HttpRequest, job_id) -> JsonResponse:
    """For its owner and for operators; to everybody else no job exists."""
    try:
        found = services.get(job_id)
        if not services.may_see(found, request.user):
            raise NotFound(f"There is no job {job_id} of yours. Log in as its owner.")
    except NotFound as exc:
        return JsonResponse({"detail": exc.message}, status=exc.status)
    return JsonResponse(services.describe(found))
