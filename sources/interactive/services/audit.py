"""Records of who did what to the catalogue, kept for ever."""

from __future__ import annotations

from ..models import AuditRecord

#: Acts on accounts: administrators see them, the public list of recent activity leaves them out.
PRIVATE = frozenset({
    "add account", "disable account", "enable account", "set password", "set mail address",
    "grant role", "revoke role", "create token", "revoke token",
})


def record(action: str, *, user, file: str = "", why: str = "", **details) -> AuditRecord:
    """Append one record; called inside the transaction of the act itself.

    ``user`` is a user object or a name such as ``system``.  ``details`` must be
    plain JSON values; they say with what parameters the act was done.
    """
    name = user if isinstance(user, str) else user.get_username()
    return AuditRecord.objects.create(
        user=name, action=action, file=file, why=why, details=details)
