"""Sign-in by OpenID Connect: to the provider and back."""

from __future__ import annotations

from urllib.parse import urlsplit

from django.conf import settings
from django.contrib.auth import login as open_session
from django.http import HttpResponseRedirect
from django.shortcuts import resolve_url
from django.urls import get_script_prefix
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from accounts.services import oidc

from .signing_in import target

#: Of the session that waits for the provider: where to go afterwards.
NEXT = "after_oidc"


@never_cache
@require_GET
def start(request):
    """The button of the login page leads here."""
    redirect = oidc.start(request, _callback_address(request))
    request.session[NEXT] = target(request)
    return redirect


@never_cache
@require_GET
def callback(request):
    """Where the provider sends people back to."""
    user = oidc.finish(request)
    after = request.session.pop(NEXT, "") or resolve_url("home")
    open_session(request, user, backend="accounts.backends.PasswordBackend")
    return HttpResponseRedirect(after)


def _callback_address(request) -> str:
    """As registered at the provider: of the public address, else of this request."""
    path = resolve_url("login_oidc_callback")
    if not settings.PUBLIC_URL:
        return request.build_absolute_uri(path)
    # The public address has the prefix already, if the site has one.
    if urlsplit(settings.PUBLIC_URL).path.rstrip("/") == get_script_prefix().rstrip("/"):
        path = "/" + path.removeprefix(get_script_prefix())
    return settings.PUBLIC_URL + path
