"""The worker: django-q2's cluster below a process that watches over it.

Processes: this one, django-q2's sentinel, its pusher and monitor, and the pool
that runs jobs.  All of them die with their parent, so that a kill of any leaves
none behind.
"""

from __future__ import annotations

import contextlib
import logging
import os
import select
import time
from datetime import timedelta

from django.conf import settings
from django.db import DatabaseError, InterfaceError, connections
from django.db.models import Min
from django.utils import timezone
from django_q.cluster import Cluster
from django_q.conf import Conf

from jpoll.services import clear_old_channels

from . import leases, processes, queue, rounds, runner, services
from .models import Job, JobState, Worker
from .times import times

log = logging.getLogger(__name__)

#: Seconds between two rounds of tidying.
TIDY = 3600


class JobCluster(Cluster):
    """A cluster that notices in its own time when it was told to stop."""

    def __init__(self):
        self.reader, self.writer = os.pipe()
        os.set_blocking(self.writer, False)
        super().__init__()

    def sig_handler(self, signum, frame):
        # Only a byte: whatever takes locks could wait for ever in a signal handler.
        with contextlib.suppress(BlockingIOError):
            os.write(self.writer, b"x")

    def told_to_stop(self, seconds: float) -> bool:
        """Whether a signal to stop comes within ``seconds``."""
        return bool(select.select([self.reader], [], [], max(0, seconds))[0])


def run() -> None:
    """Work until told to stop (SIGTERM, SIGINT).

    Jobs that run then may finish for ``stop_grace`` seconds; after that they
    are killed and queued again.
    """
    processes.bind_forks()
    runner.resume_all()
    cluster = JobCluster()
    watchdog = Watchdog()
    cluster.start()
    next_look = time.monotonic()
    while not cluster.told_to_stop(next_look - time.monotonic()):
        next_look = time.monotonic() + times().watch
        hangs = watchdog.look()
        # Workers are forked from here, and a connection must not be shared.
        connections.close_all()
        if hangs or not cluster.sentinel.is_alive():
            log.error("The worker processes %s; they are started again",
                      "hang" if hangs else "died")
            _restart(cluster)
    _stop(cluster)
    watchdog.leave()


def _restart(cluster: JobCluster) -> None:
    cluster.sentinel.kill()
    cluster.sentinel.join()
    try:
        cluster.start()
    except RuntimeError:
        # Out of memory or processes, say: the next look tries again.
        log.exception("The worker processes cannot be started")


def _stop(cluster: JobCluster) -> None:
    runner.stop_all()
    cluster.stop_event.set()
    cluster.sentinel.join(times().stop_grace + 3 * times().tick + 8)
    if cluster.sentinel.is_alive():
        log.error("The worker processes do not end; they are killed")
        cluster.sentinel.kill()
        cluster.sentinel.join()


class Watchdog:
    """Looks every few seconds whether jobs have lost their worker or their wake-up call."""

    def __init__(self):
        self.name = processes.identity()
        self.tidy_at = time.monotonic() + TIDY
        self.starving_since: float | None = None

    def look(self) -> bool:
        """Do what is to be done; True if the worker processes hang."""
        try:
            self._sign()
            for job in leases.take_back_overdue():
                log.warning("Job %s: its worker %s is gone", job.pk, job.worker)
            hangs = self._see_that_jobs_start()
            rounds.run_due()
            if time.monotonic() >= self.tidy_at:
                self.tidy_at = time.monotonic() + TIDY
                self._tidy()
            return hangs
        except (DatabaseError, InterfaceError) as exc:
            log.error("The watchdog cannot use the database: %s", exc)
            return False
        except Exception:
            # Without this process nobody would work on jobs.
            log.exception("The watchdog could not do all it should")
            return False

    def leave(self) -> None:
        """Say that this worker has ended."""
        with contextlib.suppress(DatabaseError, InterfaceError):
            Worker.objects.filter(pk=self.name).delete()

    def _sign(self) -> None:
        now = timezone.now()
        if not Worker.objects.filter(pk=self.name).update(seen=now):
            Worker.objects.create(name=self.name, started=now, seen=now)

    def _see_that_jobs_start(self) -> bool:
        """Call workers again for jobs that wait although there is room; True if none comes."""
        now = timezone.now()
        host = self.name.partition(":")[0]
        oldest = leases.ready(now, host).aggregate(Min("not_before"))["not_before__min"]
        waits = (now - oldest).total_seconds() if oldest else 0
        running = Job.objects.filter(state=JobState.RUNNING).count()
        if waits < times().wake_after or running >= Conf.WORKERS:
            self.starving_since = None
            return False
        if not queue.calls_pending():
            queue.wake()
        return self._starved(running)

    def _starved(self, running: int) -> bool:
        """With a job running the next one is at least taken up after it: no reason to kill that."""
        if running:
            self.starving_since = None
            return False
        now = time.monotonic()
        self.starving_since = self.starving_since or now
        if now - self.starving_since < times().starved_after:
            return False
        self.starving_since = None
        return True

    def _tidy(self) -> None:
        services.clear_old_jobs()
        clear_old_channels()
        Worker.objects.filter(seen__lt=timezone.now() - timedelta(days=1)).delete()


def settings_note() -> str:
    """One line for the log: which instance this worker belongs to."""
    return f"Worker of {settings.INSTANCE.name} with {Conf.WORKERS} processes for jobs"
