"""What the top of every page shows of the account."""

from __future__ import annotations

from django.db import DatabaseError
from django.utils.functional import SimpleLazyObject

from locking import services as locking


def account(request) -> dict:
    """The locks of the user, looked up when a template shows them."""
    return {"my_locks": SimpleLazyObject(lambda: _locks(request))}


def _locks(request) -> list:
    user = getattr(request, "user", None)
    if user is None or not user.is_authenticated:
        return []
    try:
        seen = getattr(request, "lasting_locks", None)
        return locking.lasting(user) if seen is None else seen
    except DatabaseError:
        # The page may be the one that tells of the database's failure.
        return []
