"""Login and logout."""

from __future__ import annotations

from urllib.parse import urlencode

from django.conf import settings
from django.contrib.auth import login as open_session
from django.contrib.auth import logout as end_session
from django.http import HttpResponseRedirect
from django.shortcuts import redirect, render, resolve_url
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_protect, ensure_csrf_cookie
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from accounts.forms import LoginForm
from accounts.services import oidc
from accounts.services.signing_in import TOKEN_OF_SESSION
from interactive.services import file_lists

TLS_NEEDED = ("Logging in needs an encrypted connection, so that nobody reads the password on its"
              " way. Open this page with https instead of http.")


@sensitive_post_parameters("password")
@never_cache
@csrf_protect
# The client takes the token from the cookie of this very answer (contract 4.4).
@ensure_csrf_cookie
@require_http_methods(["GET", "HEAD", "POST"])
def login(request):
    """Name, password (or token) and, if wanted, the instrument to lock."""
    if settings.LOGIN_NEEDS_TLS and not request.is_secure():
        return _page(request, LoginForm(request), TLS_NEEDED, status=403)
    form = LoginForm(request, request.POST if request.method == "POST" else None)
    if not form.is_valid():
        return _page(request, form, error_text(form))
    open_session(request, form.user)
    if token := getattr(form.user, "api_token", None):
        request.session[TOKEN_OF_SESSION] = token.pk
    return HttpResponseRedirect(target(request))


def _page(request, form: LoginForm, error: str, status: int = 200):
    after = target(request)
    return render(request, "accounts/login.html", {
        "form": form, "error": error, "next": after, "oidc": oidc.configured(),
        "oidc_address": f"{resolve_url('login_oidc')}?{urlencode({'next': after})}",
        "instruments": file_lists.values("instrument"),
        "instrument": form.data.get("instrument", "none").lower(),
    }, status=status)


def target(request, name: str = "next") -> str:
    """Where a login leads: the page that was asked for, if it is on this server; else home."""
    wanted = request.POST.get(name) or request.GET.get(name, "")
    safe = url_has_allowed_host_and_scheme(
        wanted, allowed_hosts={request.get_host()}, require_https=request.is_secure())
    return wanted if safe and wanted != "/" else resolve_url("home")


def error_text(form) -> str:
    """Everything wrong with ``form`` as one text: clients read a single text node."""
    return " ".join(
        text if field == "__all__" else f"{form.fields[field].label or field}: {text}"
        for field, texts in form.errors.items() for text in texts)


# By GET too: the client ends its sessions so.  Locks are given back by locking.signals.
@never_cache
@require_http_methods(["GET", "POST"])
def logout(request):
    end_session(request)
    return redirect("home")
