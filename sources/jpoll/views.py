"""The address that opens a status channel."""

from __future__ import annotations

from django.http import HttpRequest, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import ensure_csrf_cookie
from django.views.decorators.http import require_GET

from . import services


@never_cache
@ensure_csrf_cookie
@require_GET
def open_channel(request: HttpRequest) -> JsonResponse:
    """The key of a new channel, a bare JSON string; forms posted in this session write to it."""
    session = request.session
    if not session.session_key:
        session.create()
    user = request.user if request.user.is_authenticated else None
    return JsonResponse(services.open_channel(session.session_key, user), safe=False)
