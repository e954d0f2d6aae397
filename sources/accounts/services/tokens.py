"""Tokens: made, recognised, revoked.

A token reads ``crds_PREFIX_SECRET``.  It has letters and digits only, since the client also
sends it in a cookie.  The secret has more than 200 random bits, so one round of a salted hash
is enough: nobody can try them all.
"""

from __future__ import annotations

import hashlib
import re
import secrets
import string
from datetime import timedelta

from django.db import transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.crypto import constant_time_compare

from common.errors import BadRequest, NotFound
from interactive.services import audit

from ..models import ApiToken
from .names import name_of

LETTERS = string.ascii_letters + string.digits
PREFIX_LENGTH, SECRET_LENGTH, SALT_LENGTH = 8, 40, 16
FORM = re.compile(rf"crds_([A-Za-z0-9]{{{PREFIX_LENGTH}}})_[A-Za-z0-9]{{{SECRET_LENGTH}}}\Z")

#: Most tokens that one user may have at a time.
MOST = 50
#: Days that a token lasts unless something else is asked for.
DAYS = 365
#: A token's last use is written at most this often.
NOTED_EVERY = timedelta(minutes=5)


def create(user, label: str = "", *, days: int | None = DAYS, by=None) -> tuple[ApiToken, str]:
    """A new token of ``user`` that lasts ``days`` (None: for ever), and its text.

    The text is nowhere else: whoever asked has to see it now.  ``by`` is who acts, by default
    the user.
    """
    label = " ".join(label.split())
    if len(label) > ApiToken._meta.get_field("label").max_length:
        raise BadRequest("The name of a token has at most 80 characters. Shorten it.")
    if days is not None and not 0 < days <= 3660:
        raise BadRequest("A token lasts between 1 and 3660 days, or for ever.")
    by = by or user
    prefix, secret, salt = (_random(n) for n in (PREFIX_LENGTH, SECRET_LENGTH, SALT_LENGTH))
    text = f"crds_{prefix}_{secret}"
    now = timezone.now()
    with transaction.atomic():
        if valid(user).count() >= MOST:
            raise BadRequest(f"There are {MOST} tokens already. Revoke those that are not used.")
        token = ApiToken.objects.create(
            user=user, label=label, prefix=prefix, salt=salt, digest=_digest(salt, text),
            created_at=now, created_by=name_of(by),
            expires_at=None if days is None else now + timedelta(days=days))
        audit.record("create token", user=by, account=user.get_username(), token=token.prefix,
                     label=label)
    return token, text


def looks_like_one(text: str) -> bool:
    """Whether ``text`` has the form of a token."""
    return FORM.match(text) is not None


def recognise(text: str) -> ApiToken | None:
    """The valid token that ``text`` is, of an active user; notes that it was used."""
    match = FORM.match(text)
    if not match:
        return None
    token = ApiToken.objects.select_related("user").filter(prefix=match[1]).first()
    if token is None or not constant_time_compare(token.digest, _digest(token.salt, text)):
        return None
    if not token.is_valid or not token.user.is_active:
        return None
    _note_use(token)
    return token


def valid(user):
    """Tokens of ``user`` that can be used."""
    return ApiToken.objects.filter(
        Q(expires_at=None) | Q(expires_at__gt=timezone.now()), user=user, revoked_at=None)


def revoke(user, prefix: str, *, by=None) -> ApiToken:
    """End the token of ``user`` whose visible part is ``prefix``; sessions it opened end too.

    A token that is revoked already stays as it is.
    """
    prefix = prefix.strip().removeprefix("crds_").partition("_")[0]
    token = ApiToken.objects.filter(user=user, prefix=prefix).first()
    if token is None:
        raise NotFound(f"User {user.get_username()} has no token crds_{prefix}_….")
    if token.revoked_at is None:
        by = by or user
        with transaction.atomic():
            token.revoked_at, token.revoked_by = timezone.now(), name_of(by)
            token.save(update_fields=["revoked_at", "revoked_by"])
            audit.record("revoke token", user=by, account=user.get_username(),
                         token=token.prefix, label=token.label)
    return token


def revoke_all(user, *, by) -> int:
    """End every token of ``user``; returns how many were valid."""
    tokens = list(valid(user))
    for token in tokens:
        revoke(user, token.prefix, by=by)
    return len(tokens)


def _note_use(token: ApiToken) -> None:
    now = timezone.now()
    if token.last_used_at is None or now - token.last_used_at >= NOTED_EVERY:
        ApiToken.objects.filter(pk=token.pk).update(last_used_at=now)


def _random(length: int) -> str:
    return "".join(secrets.choice(LETTERS) for _ in range(length))


def _digest(salt: str, text: str) -> str:
    return hashlib.sha256(f"{salt}{text}".encode()).hexdigest()
