"""What other parts of the server tell: the latest context changed."""

from __future__ import annotations

from ..models import AffectedRun, Reason
from . import runs


def latest_changed(old: str, new: str) -> AffectedRun | None:
    """The latest context changed from ``old`` to ``new``: find out what that affects.

    Call it in the transaction of the change: the job starts with its commit.  Each change is
    computed, also when the next one follows at once.  None if nothing changed, or if there
    was no context before.
    """
    if not old or not new or old == new:
        return None
    return runs.start(old, new, Reason.LATEST)
