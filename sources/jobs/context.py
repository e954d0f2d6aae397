"""What the function of a job may ask and tell while it runs."""

from __future__ import annotations

import contextlib
import time

from django.db import transaction

from jpoll import services as jpoll

from . import leases
from .models import Job

#: Seconds between two writes of progress.
PROGRESS_GRAIN = 0.5


class JobEnded(BaseException):
    """The job must not go on.  Not an Exception, so that no broad handler keeps it going."""


class JobCancelled(JobEnded):
    """Somebody cancelled the job; there are seconds left to tidy up."""


class JobSuperseded(JobEnded):
    """The job was given to another worker; nothing this one does may count."""


class JobContext:
    """The running job, seen from its function."""

    def __init__(self, job: Job):
        self.job = job
        self._last_write = float("-inf")

    @property
    def id(self) -> str:
        return str(self.job.pk)

    @property
    def user(self):
        """Who submitted it; None for jobs of the server itself."""
        return self.job.user

    @property
    def channel(self) -> str:
        """Key of the status channel, empty without one."""
        return self.job.channel

    @property
    def attempt(self) -> int:
        """1 at the first run; more means that an earlier run was cut off somewhere."""
        return self.job.attempt

    def progress(self, done: float, total: float = 1, text: str = "") -> None:
        """Show that ``done`` of ``total`` is behind us; call it as often as you like.

        Raises JobCancelled or JobSuperseded when the job must not go on.
        """
        now = time.monotonic()
        if done < total and now - self._last_write < PROGRESS_GRAIN:
            return
        self._last_write = now
        share = min(1.0, max(0.0, done / total)) if total else None
        self._write(progress=share, progress_text=text[:255])

    def check(self) -> None:
        """Raise JobCancelled or JobSuperseded when the job must not go on."""
        current = leases.held(self.job).values_list("cancel_requested", flat=True).first()
        self._judge(current)

    @contextlib.contextmanager
    def transaction(self):
        """A transaction that commits only while the job is ours.

        It holds the job's row until its end, so that nobody can take the job
        over in between.  Keep it short: the worker cannot renew the lease
        meanwhile.
        """
        with transaction.atomic():
            self._write(attempt=self.job.attempt)
            yield

    def log(self, text: str, type: str = "log_message") -> None:
        """Say ``text`` in the job's log and on its channel; JobCancelled if that was aborted."""
        print(f"{type}: {text}", flush=True)
        if self.channel:
            try:
                jpoll.log(self.channel, type, text)
            except jpoll.ChannelAborted as exc:
                raise JobCancelled from exc
            except jpoll.ChannelNotFound:
                # Forgotten for its age; nobody listens.
                return

    def _write(self, **values) -> None:
        changed = leases.held(self.job).filter(cancel_requested=False).update(**values)
        if not changed:
            self.check()

    def _judge(self, cancel_requested: bool | None) -> None:
        if cancel_requested is None:
            raise JobSuperseded
        if cancel_requested:
            raise JobCancelled
