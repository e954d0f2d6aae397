"""Who may do what.

Roles include each other: an operator may submit, an administrator may do everything.  A grant
for one instrument holds only for work on that instrument.
"""

from __future__ import annotations

from common.errors import ServiceError

from ..models import Grant, Role

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
    grants = Grant.objects.filter(user=user, role__in=INCLUDED_IN[Role(role)])
    if instrument is not None:
        grants = grants.filter(instrument__in=["", instrument.lower()])
    return grants.exists()


def require(user, role: Role | str, instrument: str | None = None) -> None:
    """Raise :class:`NotAllowed` unless ``user`` has ``role`` (see :func:`has`)."""
    if not has(user, role, instrument):
        where = f" for instrument {instrument}" if instrument else ""
        raise NotAllowed(f"This needs the role {Role(role).value}{where}."
                         " An administrator grants it; ask the team that runs this server.")
