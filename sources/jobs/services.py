"""Submitting jobs and looking at them."""

from __future__ import annotations

import uuid
from datetime import timedelta

from django.db import transaction
from django.utils import timezone

from common.errors import NotFound, ServiceError

from . import kinds, leases, queue, runner
from .models import FINISHED, Job, JobState, KeptResult, Worker
from .times import times


class AlreadyFinished(ServiceError):
    """The job has ended; there is nothing to cancel."""

    status = 409


class NotAllowed(ServiceError):
    """The job belongs to somebody else."""

    status = 403


def submit(kind: str, parameters: dict | None = None, *, user=None, channel: str | None = None,
           ) -> Job:
    """Queue a job; it starts when the surrounding transaction commits.

    ``channel`` is the key of a status channel that gets the job's messages and
    its end.  BadRequest if there is no such kind, or if it does not take these
    parameters.
    """
    parameters = parameters or {}
    known = kinds.find(kind)
    known.check(parameters)
    with transaction.atomic():
        job = Job.objects.create(
            kind=kind,
            lane=known.lane,
            parameters=parameters,
            user=user if user and user.is_authenticated else None,
            channel=channel or "",
            max_attempts=known.max_attempts,
            time_limit=known.time_limit,
            memory_limit=known.memory_limit,
        )
        queue.wake()
    return job


def get(job_id) -> Job:
    """The job as it stands; a job whose worker died is taken back at this look."""
    try:
        key = uuid.UUID(str(job_id))
    except ValueError:
        raise NotFound(f"There is no job {job_id}.") from None
    job = Job.objects.select_related("user").filter(pk=key).first()
    if job is None:
        raise NotFound(f"There is no job {job_id}. Finished jobs are kept for some weeks.")
    if leases.take_back(job):
        job.refresh_from_db()
    return job


def jobs(*, kind: str | None = None, user=None, active: bool | None = None):
    """Jobs as a query, newest first: of a kind, of a user, those that still go on.

    Jobs whose worker died are taken back first.
    """
    leases.take_back_overdue()
    found = Job.objects.select_related("user")
    if kind is not None:
        found = found.filter(kind=kind)
    if user is not None:
        found = found.filter(user=user)
    if active is not None:
        found = found.exclude(state__in=FINISHED) if active else found.filter(state__in=FINISHED)
    return found.order_by("-created")


def may_see(job: Job, user) -> bool:
    """Owners, and users with the permission to change jobs, see a job and may cancel it."""
    if not user.is_authenticated:
        return False
    return job.user_id == user.pk or user.has_perm("jobs.change_job")


def cancel(job_id, user=None) -> Job:
    """Cancel a job that waits, or ask the one that runs to end; its process tree is killed soon.

    ``user=None`` is the server itself.  Raises NotAllowed, AlreadyFinished, NotFound.
    """
    job = get(job_id)
    if user is not None and not may_see(job, user):
        raise NotAllowed("Only the one who submitted a job, or an operator, can cancel it.")
    now = timezone.now()
    with transaction.atomic():
        waiting = Job.objects.filter(pk=job.pk, state=JobState.QUEUED)
        if waiting.update(state=JobState.CANCELLED, cancel_requested=True, finished=now,
                          error="Cancelled before it started."):
            leases.close_channel(job, JobState.CANCELLED, None, "Cancelled before it started.")
            asked = True
        else:
            asked = Job.objects.filter(pk=job.pk, state=JobState.RUNNING).update(
                cancel_requested=True)
    if not asked:
        raise AlreadyFinished(f"The job is {get(job_id).state} already.")
    return get(job_id)


def worker_running() -> bool:
    """Whether some worker was seen lately, so that jobs that wait will be run."""
    since = timezone.now() - timedelta(seconds=3 * times().watch + 5)
    return Worker.objects.filter(seen__gte=since).exists()


def describe(job: Job) -> dict:
    """``job`` for JSON and pages; times in ISO form, UTC."""
    return {
        "id": str(job.pk),
        "kind": job.kind,
        "title": kinds.title(job.kind),
        "state": job.state,
        "finished": job.is_finished,
        "user": job.user.get_username() if job.user else None,
        "parameters": job.parameters,
        "created_at": _iso(job.created),
        "started_at": _iso(job.started),
        "finished_at": _iso(job.finished),
        "attempt": job.attempt,
        "max_attempts": job.max_attempts,
        "cancel_requested": job.cancel_requested,
        "progress": job.progress,
        "progress_text": job.progress_text,
        "note": _note(job),
        "result": job.result,
        "error": job.error if job.is_finished else "",
        "channel": job.channel,
    }


def _note(job: Job) -> str:
    """What people should know about a job that is not finished."""
    if job.state == JobState.RUNNING and job.cancel_requested:
        return "It is being cancelled."
    if job.state != JobState.QUEUED:
        return ""
    happened = f"{job.error} " if job.error else ""
    if not worker_running():
        return (f"{happened}It waits for a worker, and none is running:"
                f" ./run starts one, or ask the operators.")
    if job.not_before > timezone.now():
        return f"{happened}It is tried again at {job.not_before:%Y-%m-%d %H:%M:%S} UTC."
    return f"{happened}It waits for a free worker."


def _iso(moment) -> str | None:
    return moment.isoformat() if moment else None


def read_log(job: Job, limit: int = 256 * 1024) -> str:
    """The last ``limit`` bytes of what the job wrote; for its owner and operators."""
    if not job.log:
        return ""
    try:
        with open(runner.log_path(job), "rb") as file:
            file.seek(0, 2)
            file.seek(max(0, file.tell() - limit))
            return file.read().decode("utf-8", "replace")
    except FileNotFoundError:
        return ""


def clear_old_jobs() -> int:
    """Forget finished jobs, and their logs, after their time; returns how many."""
    old = Job.objects.filter(
        state__in=FINISHED, finished__lt=timezone.now() - timedelta(seconds=times().keep))
    count = 0
    for job in old.iterator():
        if job.log:
            runner.log_path(job).unlink(missing_ok=True)
        count += job.delete()[0]
    # Notes of results that were never made, and whose job is forgotten now.
    KeptResult.objects.filter(job__isnull=True, size=0).delete()
    return count
