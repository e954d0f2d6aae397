"""Locks between commands that run at the same time."""

from __future__ import annotations

import fcntl
from contextlib import contextmanager
from pathlib import Path

from .console import say


@contextmanager
def exclusive(path: Path, what: str):
    """Hold the lock file ``path``; waits for another holder and says so.

    The kernel drops the lock with the process, so a killed command leaves none behind.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say(f"Waiting for another command that is {what} ...")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield
