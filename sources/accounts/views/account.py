"""The account page: roles, tokens, password, locks."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth import update_session_auth_hash
from django.contrib.auth.decorators import login_required
from django.contrib.auth.forms import PasswordChangeForm
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import ensure_csrf_cookie
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST, require_safe

from accounts.forms import TokenForm
from accounts.models import ApiToken
from accounts.services import accounts, roles, tokens
from accounts.services.roles import NotAllowed
from accounts.services.signing_in import TOKEN_OF_SESSION

from .signing_in import error_text

#: Revoked and expired tokens that are listed.
ENDED_SHOWN = 20


def signed_in(view):
    """For everybody with an account, whatever the role."""
    return ensure_csrf_cookie(never_cache(login_required(view)))


@signed_in
@require_safe
def account(request):
    return _page(request)


@signed_in
@require_POST
def create_token(request):
    """A new token, shown in this answer and never again."""
    if TOKEN_OF_SESSION in request.session:
        raise NotAllowed("You are logged in with a token, and a token makes no tokens."
                         " Log in with your password first.")
    form = TokenForm(request.POST)
    if not form.is_valid():
        return _page(request, token_form=form, error=error_text(form))
    token, text = tokens.create(
        request.user, form.cleaned_data["label"], days=form.cleaned_data["days"])
    return _page(request, new_token=token, new_text=text)


@signed_in
@require_POST
def revoke_token(request):
    token = tokens.revoke(request.user, request.POST.get("prefix", ""))
    messages.success(request, f"The token {token.shown} is revoked; sessions it opened have ended.")
    return redirect("account")


@sensitive_post_parameters()
@signed_in
@require_POST
def change_password(request):
    if not request.user.has_usable_password():
        raise NotAllowed("This account has no password here; it signs in elsewhere."
                         " Change the password there.")
    form = PasswordChangeForm(request.user, request.POST)
    if not form.is_valid():
        return _page(request, error=error_text(form))
    accounts.set_password(request.user, form.cleaned_data["new_password1"], by=request.user)
    # This session goes on; others of the account end.
    update_session_auth_hash(request, request.user)
    messages.success(request, "The password is changed. Other sessions of this account have ended.")
    return redirect("account")


def _page(request, *, token_form: TokenForm | None = None, error: str = "", **more):
    mine = list(ApiToken.objects.filter(user=request.user))
    return render(request, "accounts/account.html", {
        "grants": roles.of(request.user),
        "tokens": [token for token in mine if token.is_valid],
        "ended": [token for token in mine if not token.is_valid][:ENDED_SHOWN],
        "token_form": token_form or TokenForm(), "error": error,
        "by_token": TOKEN_OF_SESSION in request.session,
        "has_password": request.user.has_usable_password(), **more,
    })
