"""In a worker: take jobs, run each in a child process, watch over it."""

from __future__ import annotations

import enum
import logging
import mmap
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from django.conf import settings
from django.db import DatabaseError, InterfaceError, close_old_connections
from django.utils import timezone

from jpoll import services as jpoll

from . import execution, leases, processes
from .models import Job, JobState
from .times import times

log = logging.getLogger(__name__)

#: One byte that all processes of the worker share, set when it is to stop.  No lock
#: goes with it: a process that is killed while it holds one would block the others.
_stopping = mmap.mmap(-1, 1)


def stop_all() -> None:
    """Ask all runners that were forked from this process to come to an end."""
    _stopping[0] = 1


def resume_all() -> None:
    """Take :func:`stop_all` back."""
    _stopping[0] = 0


def stopping() -> bool:
    return _stopping[0] == 1


def drain() -> None:
    """Run jobs until none waits.  What django-q2 calls; never raises."""
    while not stopping():
        try:
            close_old_connections()
            job = leases.claim(processes.identity())
        except (DatabaseError, InterfaceError):
            # The watchdog calls again once the database answers.
            log.exception("Jobs cannot be read")
            return
        if job is None:
            return
        try:
            run(job)
        except Exception:
            # The lease runs out and the job is taken back.
            log.exception("Job %s: the runner failed", job.pk)


class End(enum.Enum):
    """Why a runner stops watching over a job."""

    EXITED = "exited"
    CANCELLED = "cancelled"
    TOO_LONG = "too long"
    LOST = "lost"
    STOPPED = "stopped"


def log_path(job: Job) -> Path:
    """The file with what the job wrote."""
    return settings.INSTANCE.logs / "jobs" / job.log


def run(job: Job) -> None:
    """Run ``job`` in a child process and see that it ends in some state."""
    log.info("Job %s (%s): attempt %d", job.pk, job.kind, job.attempt)
    if job.attempt > 1:
        processes.kill_marked(job.pk, range(1, job.attempt))
    child = _spawn(job)
    try:
        end = _Watch(job, child.pid).until_end()
    finally:
        processes.kill_group(child.pid)
        status = child.wait()
        if status:
            # Also those that left the group; a job that ended well has none.
            processes.kill_marked(job.pk, range(job.attempt, job.attempt + 1))
    _conclude(job, end, status)


def _spawn(job: Job) -> subprocess.Popen:
    path = log_path(job)
    path.parent.mkdir(parents=True, exist_ok=True)
    environment = {
        **os.environ,
        processes.MARK: processes.mark(job.pk, job.attempt),
        "CRDS_ROOT": str(settings.INSTANCE.root),
        "PYTHONUNBUFFERED": "1",
    }
    command = [sys.executable, str(settings.SOURCES / "manage.py"), "run_job", str(job.pk),
               str(job.attempt), "--worker", str(os.getpid())]
    with open(path, "ab") as output:
        output.write(
            f"--- {timezone.now():%Y-%m-%d %H:%M:%S} {job.kind}, attempt {job.attempt} ---\n"
            .encode())
        output.flush()
        return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output,
                                stderr=subprocess.STDOUT, env=environment, start_new_session=True)


class _Watch:
    """Looks after one child until it ends or has to be ended."""

    def __init__(self, job: Job, pid: int):
        self.job = job
        self.pid = pid
        now = time.monotonic()
        self.deadline = now + job.time_limit
        self.renew_at = now + times().renew
        self.cancelled_at: float | None = None
        self.stopped_at: float | None = None

    def until_end(self) -> End:
        while not processes.wait(self.pid, times().tick):
            end = self._by_clock() or self._by_database()
            if end:
                return end
        return End.EXITED

    def _by_clock(self) -> End | None:
        now = time.monotonic()
        if now > self.deadline:
            return End.TOO_LONG
        if stopping():
            self.stopped_at = self.stopped_at or now
            if now - self.stopped_at >= times().stop_grace:
                return End.STOPPED
        return None

    def _by_database(self) -> End | None:
        try:
            close_old_connections()
            return self._look()
        except (DatabaseError, InterfaceError) as exc:
            # The child goes on, and the lease is renewed as soon as the database is back.
            self.renew_at = 0.0
            log.error("Job %s: the database does not answer: %s", self.job.pk, exc)
            return None

    def _look(self) -> End | None:
        now = time.monotonic()
        cancelled = leases.held(self.job).values_list("cancel_requested", flat=True).first()
        if cancelled is None:
            return self._no_longer_ours()
        if cancelled or (self.job.channel and jpoll.is_aborted(self.job.channel)):
            self.cancelled_at = self.cancelled_at or now
            if now - self.cancelled_at >= times().cancel_grace:
                return End.CANCELLED
        if now >= self.renew_at:
            self.renew_at = now + times().renew
            if not leases.renew(self.job):
                return self._no_longer_ours()
        return None

    def _no_longer_ours(self) -> End:
        """The child has written its result and is about to exit, or the job went elsewhere."""
        return End.EXITED if processes.wait(self.pid, times().tick) else End.LOST


def _conclude(job: Job, end: End, status: int) -> None:
    """Write down an end that the child could not write itself; nothing happens if it did."""
    close_old_connections()
    job.refresh_from_db(fields=["cancel_requested"])
    if end is End.LOST:
        log.warning("Job %s: attempt %d was given up", job.pk, job.attempt)
    elif end is End.CANCELLED:
        leases.finish(job, JobState.CANCELLED, error="Cancelled.")
    elif end is End.TOO_LONG:
        leases.finish(job, JobState.FAILED, error=(
            f"Stopped after {job.time_limit} seconds, the time that a job of this kind may take."))
    elif end is End.STOPPED:
        leases.hand_back(job, "The server was stopped.", counts=False)
    elif status == execution.TRY_LATER:
        leases.hand_back(job, "The database did not answer.", delay=times().retry_delay)
    else:
        leases.hand_back(job, _manner_of_death(status))


def _manner_of_death(status: int) -> str:
    if status == -signal.SIGKILL:
        return ("Its process was killed (signal 9), by hand or because the machine ran out of"
                " memory.")
    if status == -signal.SIGXCPU:
        return "Its process used more processor time than it may."
    if status < 0:
        return f"Its process crashed (signal {-status})."
    return f"Its process ended without a result (exit status {status})."
