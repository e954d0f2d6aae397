"""Which account a name means."""

from __future__ import annotations

from django.contrib.auth import get_user_model

from common.errors import NotFound


def name_of(who) -> str:
    """The name of a user, or the text itself, such as ``system``."""
    return who if isinstance(who, str) else who.get_username()


def find(name: str):
    """The account called ``name``, else the only active one with that mail address, else None."""
    users = get_user_model().objects
    name = name.strip()
    # No database compares a text with this character.
    if not name or "\0" in name:
        return None
    if user := users.filter(username=name).first():
        return user
    if "@" not in name:
        return None
    found = list(users.filter(email__iexact=name, is_active=True)[:2])
    return found[0] if len(found) == 1 else None


def get(name: str):
    """As :func:`find`; NotFound without such an account."""
    user = find(name)
    if user is None:
        raise NotFound(f"There is no account {name!r}. tools/accounts list shows all of them.")
    return user
