"""Which account a name means."""

from __future__ import annotations

from django.contrib.auth import get_user_model
from django.db.models.functions import Lower

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
    found = list(with_mail(name).filter(is_active=True)[:2])
    return found[0] if len(found) == 1 else None


def with_mail(address: str):
    """Accounts with this mail address, in any case."""
    return _in_any_case("email", address)


def called(name: str):
    """Accounts of this name, in any case."""
    return _in_any_case(get_user_model().USERNAME_FIELD, name)


def _in_any_case(field: str, text: str):
    # Not iexact: on MariaDB the collation decides what that means.
    return get_user_model().objects.alias(lower=Lower(field)).filter(lower=text.strip().lower())


def get(name: str):
    """As :func:`find`; NotFound without such an account."""
    user = find(name)
    if user is None:
        raise NotFound(f"There is no account {name!r}. tools/accounts list shows all of them.")
    return user
