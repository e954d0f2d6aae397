"""How long what takes; settings may change it with ``JOB_TIMES = {"lease": …}``."""

from __future__ import annotations

from dataclasses import dataclass

from django.conf import settings


@dataclass(frozen=True)
class Times:
    """All in seconds."""

    #: A job whose lease was not renewed for this long has lost its worker.
    lease: float = 20
    renew: float = 5
    #: How often a worker looks whether its job is wanted, and its reader still there.
    tick: float = 1
    #: How often the watchdog looks.
    watch: float = 5
    #: A job that waits for longer, with a worker idle, missed its wake-up call.
    wake_after: float = 3
    #: … and one that waits for longer finds workers that hang.
    starved_after: float = 20
    #: A job that learns of its cancellation may tidy up for this long.
    cancel_grace: float = 2
    #: A job may go on this long after the worker was told to stop.
    stop_grace: float = 15
    #: Wait before a job tries again that failed for want of the database.
    retry_delay: float = 30
    #: Finished jobs and their logs are kept this long.
    keep: float = 30 * 86400


def times() -> Times:
    return Times(**getattr(settings, "JOB_TIMES", {}))
