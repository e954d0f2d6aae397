"""One long-running program of an instance."""

from __future__ import annotations

import signal
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Service:
    """A program that ``./run`` starts.

    ``patience`` is the time in seconds that it gets to finish when it is stopped, ``settling``
    how long it must have lived to count as started.  ``ready`` tells whether it serves; without
    it a living process is enough.  ``user`` is the Unix user it is started as by root.
    """

    name: str
    title: str
    command: list[str]
    log: Path
    pid_file: Path
    patience: float = 20.0
    settling: float = 0.0
    user: str | None = None
    stop_signal: signal.Signals = signal.SIGTERM
    ready: Callable[[], bool] | None = None
