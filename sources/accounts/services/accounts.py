"""Accounts: added, disabled, given a password."""

from __future__ import annotations

from django.contrib.auth import get_user_model
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import transaction

from common.errors import BadRequest
from interactive.services import audit
from locking import services as locking

from . import names, roles, tokens


def add(name: str, *, email: str, password: str | None, role: str, instrument: str = "", by):
    """A new account; without a password only sign-in by OpenID Connect and tokens work.

    Raises BadRequest if the name or address is taken or the password too weak.
    """
    users = get_user_model()
    user = users(username=name.strip(), email=users.objects.normalize_email(email.strip()))
    if names.called(user.username).exists():
        raise BadRequest(f"There is an account {user.username!r} already.")
    _check_email(user.email, user)
    if password is None:
        user.set_unusable_password()
    else:
        _set_checked(user, password)
    try:
        user.full_clean()
    except ValidationError as exc:
        raise BadRequest(_text(exc)) from exc
    with transaction.atomic():
        user.save()
        audit.record("add account", user=by, account=user.get_username())
        roles.grant(user, role, instrument, by=by)
    return user


def set_password(user, password: str, *, by) -> None:
    """Give ``user`` the password; other sessions of this account end."""
    _set_checked(user, password)
    with transaction.atomic():
        user.save(update_fields=["password"])
        audit.record("set password", user=by, account=user.get_username())


def set_email(user, email: str, *, by) -> None:
    """Give ``user`` another mail address; no two accounts have the same."""
    email = get_user_model().objects.normalize_email(email.strip())
    _check_email(email, user)
    with transaction.atomic():
        user.email = email
        user.save(update_fields=["email"])
        audit.record("set mail address", user=by, account=user.get_username())


def disable(user, *, by, reason: str = "") -> None:
    """Close the account: sessions and tokens end, locks are free.  What it did stays."""
    with transaction.atomic():
        _set_active(user, False)
        tokens.revoke_all(user, by=by)
        locking.release_all(user)
        audit.record("disable account", user=by, why=reason, account=user.get_username())


def enable(user, *, by) -> None:
    """Open a disabled account again; its tokens stay revoked."""
    with transaction.atomic():
        _set_active(user, True)
        audit.record("enable account", user=by, account=user.get_username())


def listing():
    """All accounts by name, with what they were granted."""
    return get_user_model().objects.order_by("username").prefetch_related("grants", "api_tokens")


def _check_email(email: str, user) -> None:
    if not email:
        raise BadRequest("An account needs a mail address: results of submissions go there.")
    try:
        validate_email(email)
    except ValidationError as exc:
        raise BadRequest(f"{email!r} is no mail address.") from exc
    if names.with_mail(email).exclude(pk=user.pk).exists():
        raise BadRequest("Another account has this mail address; people log in with it too.")


def _set_active(user, active: bool) -> None:
    user.is_active = active
    user.save(update_fields=["is_active"])


def _set_checked(user, password: str) -> None:
    try:
        validate_password(password, user)
    except ValidationError as exc:
        raise BadRequest(" ".join(exc.messages)) from exc
    user.set_password(password)


def _text(error: ValidationError) -> str:
    return " ".join(f"{field}: {' '.join(texts)}" for field, texts in error.message_dict.items())
