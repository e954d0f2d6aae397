"""Runs: asking for one, how it stands, ending it."""

from __future__ import annotations

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from accounts.services import roles
from common.errors import BadRequest, NotFound, ServiceError
from interactive.services import contexts
from jobs import services as jobs
from jobs.models import FINISHED, JobState

from ..models import ACTIVE, AffectedRun, Reason, RunState
from . import computing

JOB = "affected_datasets"

#: What-if comparisons that may wait or run at a time.
WHAT_IFS = 8

_ENDS = {JobState.CANCELLED: RunState.CANCELLED, JobState.FAILED: RunState.FAILED,
         JobState.DONE: RunState.DONE}


class Busy(ServiceError):
    """Too much waits already."""

    status = 503


def check_pair(old: str, new: str) -> tuple[str, str]:
    """The names of two published contexts (also dates, or such as ``hst-latest``), resolved."""
    pair = []
    for spec, what in ((old, "old"), (new, "new")):
        if not spec or not spec.strip():
            raise BadRequest(f"Name the {what} context.")
        name = contexts.resolve(spec.strip())
        if not name.endswith(".pmap"):
            raise BadRequest(f"'{name}' is not a context: its name has to end in .pmap.")
        pair.append(contexts.published_mapping(name))
    if pair[0] == pair[1]:
        raise BadRequest(f"Both are {pair[0]}: nothing changes. Choose two contexts.")
    return pair[0], pair[1]


def start(old: str, new: str, reason: str, user=None) -> AffectedRun:
    """A run in a job of its own, begun when the transaction commits.

    If the same comparison waits or runs already, that one is given; a what-if is given one
    that will be published, but not the other way round.
    """
    with transaction.atomic():
        for run in AffectedRun.objects.filter(
                old_context=old, new_context=new, state__in=ACTIVE):
            if refreshed(run).is_active and (run.published or reason == Reason.WHAT_IF):
                return run
        if reason == Reason.WHAT_IF and AffectedRun.objects.filter(
                state__in=ACTIVE, reason=Reason.WHAT_IF).count() >= WHAT_IFS:
            raise Busy("Too many comparisons wait. Try again when some are finished.")
        run = AffectedRun.objects.create(
            old_context=old, new_context=new, reason=reason,
            user=user if user is not None and user.is_authenticated else None)
        _submit(run, user)
    return run


def again(run: AffectedRun, user) -> AffectedRun:
    """Go on with a run that failed or was cancelled, or compute a finished one anew."""
    _require(run, user)
    run = refreshed(run)
    if run.is_active:
        return run
    if run.state == RunState.DONE:
        return start(run.old_context, run.new_context, run.reason, user)
    with transaction.atomic():
        AffectedRun.objects.filter(pk=run.pk).update(
            state=RunState.WAITING, problem="", finished=None)
        _submit(run, user)
    return get(run.pk)


def cancel(run: AffectedRun, user) -> AffectedRun:
    """End a run; what it has done stays for the next one."""
    _require(run, user)
    if run.job_id:
        try:
            jobs.cancel(run.job_id)
        except jobs.AlreadyFinished:
            return refreshed(run)
    elif run.is_active:
        raise BadRequest("It was started from the command line: stop that command (Ctrl-C).")
    return refreshed(run)


def may_change(run: AffectedRun, user) -> bool:
    """Whether ``user`` may cancel the run or begin it again."""
    if not user.is_authenticated:
        return False
    return (run.user_id == user.pk and roles.has(user, "submitter")) or roles.has(
        user, "operator")


def get(pk: int) -> AffectedRun:
    run = AffectedRun.objects.select_related("job", "user").filter(pk=pk).first()
    if run is None:
        raise NotFound(f"There is no comparison {pk}.")
    return refreshed(run)


def listed() -> QuerySet[AffectedRun]:
    """All runs, newest first; those whose process died are told so."""
    for run in AffectedRun.objects.filter(state__in=ACTIVE):
        refreshed(run)
    return AffectedRun.objects.select_related("job", "user")


def newest(old: str, new: str) -> AffectedRun | None:
    """The run that a page about two contexts shows: the newest finished, else the newest."""
    runs = AffectedRun.objects.select_related("job", "user").filter(
        old_context=old, new_context=new)
    run = runs.filter(state=RunState.DONE).first() or runs.first()
    return refreshed(run) if run else None


def refreshed(run: AffectedRun) -> AffectedRun:
    """``run`` with the end of a process that could not write it down itself."""
    if not run.is_active:
        return run
    if run.job_id:
        job = jobs.get(run.job_id)
        if job.state in FINISHED:
            _end(run, _ENDS[job.state], job.error)
    elif not computing.is_locked(computing.folder_of(run)) and _is_stale(run):
        _end(run, RunState.CANCELLED, "The process that computed it was stopped."
             " The same command goes on with it.")
    return run


def _is_stale(run: AffectedRun) -> bool:
    """A process takes the lock before it says that it runs, and soon after it made the run."""
    waited = (timezone.now() - (run.started or run.created)).total_seconds()
    return run.state == RunState.RUNNING or waited > 10


def _end(run: AffectedRun, state: str, problem: str) -> None:
    AffectedRun.objects.filter(pk=run.pk, state__in=ACTIVE).update(
        state=state, problem=problem, finished=timezone.now())
    run.refresh_from_db()


def _submit(run: AffectedRun, user) -> None:
    job = jobs.submit(JOB, {"run": run.pk}, user=user)
    AffectedRun.objects.filter(pk=run.pk).update(job=job)
    run.job = job


def _require(run: AffectedRun, user) -> None:
    if not may_change(run, user):
        raise roles.NotAllowed(
            "Only who asked for a comparison, or an operator, can cancel it or begin it again.")
