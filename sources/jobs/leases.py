"""Who works on a job.

Each step is one conditional update, so that of any number of processes exactly
one succeeds, on SQLite as on MariaDB.  ``attempt`` is the fence: it rises with
each claim, and every later write of that claim requires it unchanged.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Case, F, IntegerField, Value, When
from django.utils import timezone

from jpoll import services as jpoll

from . import lanes, queue
from .models import Job, JobState, Lane
from .times import times

#: How many waiting jobs a claim looks at before it asks the database again.
CANDIDATES = 10


#: Faster lanes come first.
_LANE_ORDER = Case(*(When(lane=lane, then=Value(place)) for place, lane in enumerate(Lane.values)),
                   output_field=IntegerField())


def ready(now: datetime, host: str):
    """Jobs that a worker of ``host`` may take up, in the order in which they are taken."""
    return Job.objects.filter(
        state=JobState.QUEUED, not_before__lte=now, lane__in=lanes.open_lanes(host),
    ).order_by(_LANE_ORDER, "not_before", "created")


def claim(worker: str) -> Job | None:
    """Take the job that waits longest in the fastest open lane; None if none waits there."""
    host = worker.partition(":")[0]
    while True:
        now = timezone.now()
        waiting = list(ready(now, host).values_list("pk", "attempt")[:CANDIDATES])
        if not waiting:
            return None
        for pk, attempt in waiting:
            taken = Job.objects.filter(pk=pk, attempt=attempt, state=JobState.QUEUED).update(
                state=JobState.RUNNING,
                attempt=attempt + 1,
                worker=worker,
                started=now,
                lease_until=now + timedelta(seconds=times().lease),
                log=f"{now:%Y-%m}/{pk}.log",
                progress=None,
                progress_text="",
                error="",
            )
            if taken:
                return Job.objects.get(pk=pk)


def held(job: Job):
    """The row of ``job`` while this claim of it lasts: base of every write."""
    return Job.objects.filter(pk=job.pk, attempt=job.attempt, state=JobState.RUNNING)


def renew(job: Job) -> bool:
    """Prolong the lease; False if the job is no longer ours."""
    until = timezone.now() + timedelta(seconds=times().lease)
    return bool(held(job).update(lease_until=until))


def finish(job: Job, state: JobState, *, result=None, error: str = "") -> bool:
    """End the job; False if it is no longer ours.  Its channel is told."""
    with transaction.atomic():
        changed = held(job).update(
            state=state, result=result, error=error, finished=timezone.now(), lease_until=None,
            **({"progress": 1.0} if state == JobState.DONE else {}))
        if changed:
            close_channel(job, state, result, error)
    return bool(changed)


def hand_back(job: Job, why: str, *, counts: bool = True, delay: float = 0) -> bool:
    """Queue the job again, or fail it if this was its last attempt.

    ``why`` says what happened to the attempt.  With ``counts=False`` the
    attempt is not held against the job.  ``delay`` in seconds.  False if the
    job is no longer ours.
    """
    if job.cancel_requested:
        return finish(job, JobState.CANCELLED, error="Cancelled.")
    if counts and not job.attempts_left:
        tried = f" It was tried {job.max_attempts} times." if job.max_attempts > 1 else ""
        return finish(job, JobState.FAILED, error=f"{why}{tried} Its log has more.")
    with transaction.atomic():
        changed = held(job).update(
            state=JobState.QUEUED,
            not_before=timezone.now() + timedelta(seconds=delay),
            interruptions=F("interruptions") + (0 if counts else 1),
            lease_until=None,
            worker="",
            progress=None,
            progress_text="",
            error=why,
        )
        if changed:
            _tell(job, "warning", f"{why} The work starts again.")
            if not delay:
                queue.wake()
    return bool(changed)


def overdue():
    """Running jobs whose lease has run out."""
    return Job.objects.filter(state=JobState.RUNNING, lease_until__lt=timezone.now())


def take_back_overdue() -> list[Job]:
    """Take jobs back from workers that died; returns those that this call took."""
    return [job for job in overdue() if take_back(job)]


def take_back(job: Job) -> bool:
    """Take ``job`` back if its lease has run out and nobody else was faster."""
    if job.state != JobState.RUNNING or not job.lease_until or job.lease_until >= timezone.now():
        return False
    with transaction.atomic():
        # Renewed since it was read: the worker lives.
        if not held(job).filter(lease_until=job.lease_until).update(lease_until=job.lease_until):
            return False
        return hand_back(job, f"The worker that ran it ({job.worker}) ended or stopped answering.")


# ---- the channel of a job -----------------------------------------------


def _tell(job: Job, type: str, text: str) -> None:
    if job.channel:
        try:
            jpoll.log(job.channel, type, text)
        except (jpoll.ChannelAborted, jpoll.ChannelNotFound):
            # The runner sees the abort; a channel that is gone has no reader.
            return


def close_channel(job: Job, state: JobState, result, error: str) -> None:
    """Say ``done`` unless the job itself has; a reader must never wait for ever."""
    if not job.channel:
        return
    status = {JobState.DONE: jpoll.COMPLETED, JobState.FAILED: jpoll.FAILED}.get(
        state, jpoll.CANCELLED)
    url = result.get("ready_url", "") if isinstance(result, dict) else ""
    try:
        jpoll.done(job.channel, status, error or url)
    except jpoll.ChannelNotFound:
        return
