"""Brings a submission into step with its jobs: a job that ended without a word is noticed here.

The work itself writes every end in one transaction with its results.  What is left is a job that
failed from outside, such as one that was killed too often: then its submission says so at the
next look, instead of waiting for ever.
"""

from __future__ import annotations

from django.db import transaction
from django.utils import timezone

from jobs import services as jobs
from jobs.models import FINISHED, Job, JobState

from ..models import Kind, State, Submission


def settle(submission: Submission) -> Submission:
    """``submission`` as it stands, after a look at the job that works on it."""
    if submission.state in (State.QUEUED, State.RUNNING):
        _after(submission, submission.job, _processing_ended)
    elif submission.state == State.CONFIRMING:
        _after(submission, submission.decision_job, _confirmation_ended)
    elif submission.state == State.CONFIRMED and submission.completed_at is None:
        _finish_later(submission)
    return submission


def is_at_rest(job) -> bool:
    """Whether nobody works on ``job`` any more."""
    return job is None or jobs.get(job.pk).is_finished


def _finish_later(submission: Submission) -> None:
    """Have the rest of a confirmation done whose job was cut short after its transaction."""
    waiting = Job.objects.filter(kind="sweep_submissions").exclude(state__in=FINISHED)
    if is_at_rest(submission.decision_job) and not waiting.exists():
        jobs.submit("sweep_submissions")


def _after(submission: Submission, job, ended) -> None:
    if job is not None:
        job = jobs.get(job.pk)
    if job is not None and not job.is_finished:
        return
    before = submission.state
    # The work may have written its end between the two looks.
    submission.refresh_from_db()
    if submission.state == before:
        ended(submission, job)
        submission.refresh_from_db()


def _processing_ended(submission: Submission, job) -> None:
    cancelled = job is not None and job.state == JobState.CANCELLED
    error = _reason(job, "The work on it ended without a result.")
    close(submission, State.CANCELLED if cancelled else State.FAILED,
          "" if cancelled else error, by="system",
          reason="The work was cancelled." if cancelled else "")


def _confirmation_ended(submission: Submission, job) -> None:
    error = _reason(job, "The confirmation ended without a result.")
    Submission.objects.filter(
        pk=submission.pk, state=State.CONFIRMING, decision_job=submission.decision_job_id,
    ).update(state=State.READY, forced=False,
             error=f"It was not confirmed: {error} Nothing was changed; try again.")


def _reason(job, otherwise: str) -> str:
    if job is None:
        return otherwise
    return job.error or otherwise


def close(submission: Submission, state: str, error: str, *, by: str, reason: str = "",
          only=(State.QUEUED, State.RUNNING)) -> bool:
    """End a submission that is in one of the states ``only``; False if it is in none of them.

    Gives the lock back, frees the upload area and writes the mail, all in one transaction.
    """
    from . import locks, mails

    with transaction.atomic():
        now = timezone.now()
        if not Submission.objects.filter(pk=submission.pk, state__in=only).update(
                state=state, error=error, closed_at=now, closed_by=by, reason=reason,
                active_draft=None):
            return False
        submission.refresh_from_db()
        locks.release(submission)
        if submission.kind != Kind.CERTIFY:
            mails.write(submission, "CANCELLED" if state == State.CANCELLED else "FAILED")
    return True
