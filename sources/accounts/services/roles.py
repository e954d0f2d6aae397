"""Who may do what.

Roles include each other: an operator may submit, an administrator may do everything.  A grant
for one instrument holds only for work on that instrument.
"""

from __future__ import annotations

import re

from django.db import transaction

from common.errors import BadRequest, NotFound, ServiceError
from interactive.services import audit

from ..models import Grant, Role
from .names import name_of

INSTRUMENT = re.compile(r"[a-z0-9_-]{1,32}")

#: Roles that include each role.
INCLUDED_IN = {
    Role.SUBMITTER: (Role.SUBMITTER, Role.OPERATOR, Role.ADMINISTRATOR),
    Role.OPERATOR: (Role.OPERATOR, Role.ADMINISTRATOR),
    Role.ADMINISTRATOR: (Role.ADMINISTRATOR,),
}


class NotAllowed(ServiceError):
    """The user lacks the role that an act needs."""

    status = 403


def has(user, role: Role | str, instrument: str | None = None) -> bool:
    """Whether ``user`` has ``role``: for ``instrument``, for all (``""``), or for any (None)."""
    if not user.is_authenticated or not user.is_active:
        return False
    if user.is_superuser:
        return True
    # In memory: a user has few grants, and pages prefetch them once for all their questions.
    return any(
        grant.role in INCLUDED_IN[Role(role)]
        and (instrument is None or grant.instrument in ("", instrument.lower()))
        for grant in user.grants.all())


def require(user, role: Role | str, instrument: str | None = None) -> None:
    """Raise :class:`NotAllowed` unless ``user`` has ``role`` (see :func:`has`)."""
    if not has(user, role, instrument):
        where = f" for instrument {instrument}" if instrument else ""
        raise NotAllowed(f"This needs the role {Role(role).value}{where}."
                         " An administrator grants it; ask the team that runs this server.")


def of(user) -> list[Grant]:
    """What ``user`` was granted, the most powerful role first."""
    order = {role.value: number for number, role in enumerate(Role)}
    return sorted(Grant.objects.filter(user=user), key=lambda g: (-order[g.role], g.instrument))


def grant(user, role: Role | str, instrument: str = "", *, by) -> Grant:
    """Give ``user`` the role, for one instrument or (``""``) for all; again changes nothing.

    Administrators of everything may open the admin site.  ``by`` is who acts.
    """
    role, instrument = _role(role), _instrument(instrument)
    if role == Role.ADMINISTRATOR and instrument:
        raise BadRequest("Administrators are for all instruments. Leave the instrument out.")
    with transaction.atomic():
        made, new = Grant.objects.get_or_create(
            user=user, role=role, instrument=instrument, defaults={"granted_by": name_of(by)})
        if new:
            _set_staff(user)
            audit.record("grant role", user=by, account=user.get_username(), role=role.value,
                         instrument=instrument)
    return made


def revoke(user, role: Role | str, instrument: str = "", *, by) -> None:
    """Take the role back; NotFound if ``user`` does not have exactly this grant."""
    role, instrument = _role(role), _instrument(instrument)
    with transaction.atomic():
        count, _ = Grant.objects.filter(user=user, role=role, instrument=instrument).delete()
        if not count:
            has_now = "; ".join(map(_text, of(user))) or "none"
            raise NotFound(
                f"User {user.get_username()} does not have the role {role.value} for"
                f" {instrument or 'all instruments'}. Roles of this user: {has_now}.")
        _set_staff(user)
        audit.record("revoke role", user=by, account=user.get_username(), role=role.value,
                     instrument=instrument)


def assign(user, role: Role | str, instrument: str = "", *, by) -> None:
    """Make the role the only one of ``user`` for the instrument, or (``""``) for all."""
    role, instrument = _role(role), _instrument(instrument)
    with transaction.atomic():
        grant(user, role, instrument, by=by)
        for other in Grant.objects.filter(user=user, instrument=instrument).exclude(role=role):
            revoke(user, other.role, instrument, by=by)


def _set_staff(user) -> None:
    staff = user.is_superuser or Grant.objects.filter(
        user=user, role=Role.ADMINISTRATOR, instrument="").exists()
    if user.is_staff != staff:
        user.is_staff = staff
        user.save(update_fields=["is_staff"])


def _role(text: Role | str) -> Role:
    try:
        return Role(text)
    except ValueError:
        known = ", ".join(Role.values)
        raise BadRequest(f"There is no role {text!r}; roles are {known}.") from None


def _instrument(text: str) -> str:
    text = text.strip().lower()
    if text and not INSTRUMENT.fullmatch(text):
        raise BadRequest(f"{text!r} is no name of an instrument. Write it such as acs.")
    return text


def _text(grant: Grant) -> str:
    return f"{grant.role} for {grant.instrument or 'all instruments'}"
