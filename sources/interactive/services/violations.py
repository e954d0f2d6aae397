"""What checks of invariants report."""

from __future__ import annotations

from typing import NamedTuple

FAULT, NOTE = "fault", "note"


class Violation(NamedTuple):
    """``check`` names the invariant, ``severity`` is ``fault`` or ``note``."""

    check: str
    name: str
    sentence: str
    severity: str = FAULT
