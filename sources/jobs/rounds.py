"""Short work that every worker does again and again, beside its jobs.

An app registers it in its ``tasks.py``::

    @every(15)
    def look_at_deliveries():
        ...

The function runs in a thread of the watchdog's process: nothing that it waits for (a file system
of the network, say) holds up the watching.  While it runs it is not started again.  Several
workers may do the same at once, so it has to bear that.  Long work belongs into a job.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from django.db import connections

from . import kinds

log = logging.getLogger(__name__)


@dataclass
class Round:
    """``run`` is due every ``seconds``."""

    run: Callable[[], object]
    seconds: float
    due: float = 0.0
    busy: threading.Lock = field(default_factory=threading.Lock)

    def start(self, now: float) -> threading.Thread | None:
        """Run in a thread if it is due and not running; the thread."""
        if now < self.due or not self.busy.acquire(blocking=False):
            return None
        self.due = now + self.seconds
        thread = threading.Thread(target=self._work, name=self.run.__name__, daemon=True)
        thread.start()
        return thread

    def _work(self) -> None:
        try:
            self.run()
        except Exception as exc:
            # The next round tries again; the log says what is wrong.
            log.error("%s: %s: %s", self.run.__name__, type(exc).__name__, exc)
        finally:
            connections.close_all()
            self.busy.release()


_rounds: dict[str, Round] = {}


def every(seconds: float):
    """Register the decorated function, to be run every ``seconds`` or a little later."""

    def register(run: Callable[[], object]) -> Callable:
        _rounds[f"{run.__module__}.{run.__name__}"] = Round(run, seconds)
        return run

    return register


def run_due() -> list[threading.Thread]:
    """Start whatever is due; returns the threads."""
    kinds.discover()
    now = time.monotonic()
    return [thread for each in _rounds.values() if (thread := each.start(now))]
