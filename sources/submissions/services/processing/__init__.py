"""The work on a submission, from uploaded files to results that wait for a decision.

* :mod:`.work` what all steps share: folders, findings, fenced writes, names
* :mod:`.checking` collect, identify, lock, certify, duplicates
* :mod:`.naming` official names for references
* :mod:`.photometry` lookup tables and tests of synthetic photometry
* :mod:`.rulemaking` rules from references: trial, insertion, deletion
* :mod:`.hand_made` rules that people bring
* :mod:`.reviewing` collisions, differences, what would change

A run that was killed begins again from the uploads.  Names that were given stay with their
files (rows), everything else is made anew.
"""

from __future__ import annotations

import functools

from django.db import OperationalError
from django.utils import timezone

from common.errors import ServiceError
from common.faultpoints import reach
from interactive.services import contexts
from jobs.context import JobCancelled

from ...models import BaseMode, Kind, Level, State, Submission
from .. import mails, settling
from . import checking, hand_made, naming, photometry, reviewing, rulemaking
from .work import Refused, Work, begin, library_ready

REFERENCES = (checking.collect, checking.identify, checking.lock, checking.certify,
              checking.duplicates)

#: Steps of each kind, in their order.
STEPS = {
    Kind.CERTIFY: (
        checking.collect, checking.identify, checking.certify, checking.duplicates),
    Kind.BATCH: (
        *REFERENCES, photometry.make_tables, rulemaking.trial, naming.rename,
        photometry.test_ensemble, rulemaking.insert, rulemaking.certify, reviewing.review),
    Kind.REFERENCES: (*REFERENCES, naming.rename, reviewing.collisions),
    Kind.MAPPINGS: (
        checking.collect, checking.only_rules, checking.lock, checking.duplicates,
        hand_made.resolve, hand_made.certify, reviewing.review),
    Kind.ADD_REFERENCES: (
        rulemaking.catalogued, checking.lock, rulemaking.add, rulemaking.certify,
        reviewing.review),
    Kind.DELETE_REFERENCES: (
        rulemaking.catalogued, checking.lock, rulemaking.delete, rulemaking.certify,
        reviewing.review),
}
STEPS[Kind.EXTENDED] = STEPS[Kind.BATCH]

#: After these the next step is made all the same: people learn all that is wrong at once.
GO_ON = (checking.certify,)


def run(context, submission_id: str) -> dict:
    """Work on a submission; the result of its job.  Raises :class:`Refused` for errors in it."""
    submission = Submission.objects.select_related("user").get(pk=submission_id)
    work = Work(context, submission)
    if submission.state == State.QUEUED:
        _begin(work)
    if submission.state != State.RUNNING:
        return _told(submission)
    try:
        _all_steps(work)
    except JobCancelled:
        settling.close(submission, State.CANCELLED, "", by=submission.user.get_username(),
                       reason="The work was cancelled.")
        raise
    except OperationalError:
        raise  # the database is away: the job is run again
    except ServiceError as exc:
        _fail(work, exc.message)
        raise Refused(f"{exc.message} Details: {mails.result_url(submission)}") from exc
    except Exception as exc:
        # Of this server, not of the files: people are told, the log has the rest.
        _fail(work, f"The work failed on a fault of this server ({type(exc).__name__}). Your"
                    " uploads are kept; tell the operators the id of this submission.")
        raise
    finally:
        work.close()
    return _told(submission)


def _begin(work: Work) -> None:
    submission = work.submission
    with work.context.transaction():
        Submission.objects.filter(pk=submission.pk, state=State.QUEUED).update(
            state=State.RUNNING, started_at=timezone.now())
    submission.refresh_from_db()
    reach("process.started")


def _all_steps(work: Work) -> None:
    begin(work)
    _follow_edit_context(work)
    library_ready()
    work.say("Starting submission processing.")
    steps = STEPS[work.submission.kind]
    for place, step in enumerate(steps):
        work.progress(place, len(steps), (step.__doc__ or "").splitlines()[0].rstrip("."))
        step(work)
        reach(f"process.{step.__module__.rpartition('.')[2]}.{step.__name__}")
        if work.submission.kind != Kind.CERTIFY and step not in GO_ON:
            work.stop_on_errors()
    _finish(work)


def _follow_edit_context(work: Work) -> None:
    """Who chose the edit context gets that of the moment in which the work begins."""
    submission = work.submission
    edit = contexts.pointer("edit")
    if edit and submission.base_mode == BaseMode.EDIT and edit != submission.base_context:
        submission.base_context = submission.edit_context = edit
        work.save(submission, "base_context", "edit_context")


def _finish(work: Work) -> None:
    submission = work.submission
    counts = functools.partial(submission.findings.filter)
    values = {
        "error_count": counts(level=Level.ERROR).count(),
        "warning_count": counts(level=Level.WARNING).count(),
        "ready_at": timezone.now(), "active_draft": None}
    if submission.kind == Kind.CERTIFY:
        values |= {"state": State.DONE, "closed_at": timezone.now()}
    else:
        values["state"] = State.READY
    with work.transaction():
        Submission.objects.filter(pk=submission.pk).update(**values)
        submission.refresh_from_db()
        if submission.state == State.READY:
            mails.write(submission, "READY")
    reach("process.ready")


def _fail(work: Work, error: str) -> None:
    submission = work.submission
    Submission.objects.filter(pk=submission.pk).update(
        error_count=submission.findings.filter(level=Level.ERROR).count(),
        warning_count=submission.findings.filter(level=Level.WARNING).count())
    # As an error the end of the channel tells it; findings were told when they were found.
    work.say(error)
    settling.close(submission, State.FAILED, error, by="system")
    reach("process.failed")


def _told(submission: Submission) -> dict:
    """The job's result; its channel says ``done`` with the address."""
    submission.refresh_from_db()
    if submission.state == State.FAILED:
        raise Refused(f"{submission.error} Details: {mails.result_url(submission)}")
    if submission.state == State.CANCELLED:
        raise JobCancelled
    return {"ready_url": mails.result_url(submission), "submission": str(submission.pk)}
