"""Places at which tests end a process as a power cut would.

``reach`` marks a moment between two steps of work that must bear being killed.  It does nothing
unless the environment asks for it: ``CRDS_FAULT_POINT=name`` kills the process when ``name`` is
reached, ``name:3`` at the third time; ``CRDS_FAULT_TRACE=file`` writes down what was reached.
"""

from __future__ import annotations

import os
import signal

POINT, TRACE = "CRDS_FAULT_POINT", "CRDS_FAULT_TRACE"

_reached: dict[str, int] = {}


def reach(name: str) -> None:
    """The moment called ``name``; ends the process at once when a test wants that."""
    if POINT not in os.environ and TRACE not in os.environ:
        return
    _reached[name] = _reached.get(name, 0) + 1
    if trace := os.environ.get(TRACE):
        with open(trace, "a", encoding="utf-8") as stream:
            stream.write(f"{name}:{_reached[name]}\n")
    wanted, _, turn = os.environ.get(POINT, "").partition(":")
    if name == wanted and _reached[name] == int(turn or 1):
        os.kill(os.getpid(), signal.SIGKILL)


def forget() -> None:
    """Count from the beginning; for processes that are forked from one that counted."""
    _reached.clear()
