"""What people may decide about a submission: confirm, force, cancel; and doing it.

Confirming is a job (:mod:`.confirming`); what is here only asks for it.  Every change of state is
one conditional update: of two people who decide at once, one is told that the other was faster.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

from django.db import transaction

from accounts.models import Role
from accounts.services import roles
from common.errors import BadRequest, ServiceError
from common.faultpoints import reach
from interactive.services import audit, publishing
from jobs import services as jobs

from ..models import Kind, Origin, State, Submission
from . import locks, settling
from .settling import settle

#: States from which there is a way back.
OPEN = (State.QUEUED, State.RUNNING, State.READY, State.CONFIRMING)

#: Characters of a reason that are kept.
REASON_LIMIT = 5000

#: Seconds between two looks of :func:`wait`.
LOOK = 0.1


class NotNow(ServiceError):
    """What was asked for is not possible in the state in which the submission is."""

    status = 409


class Forbidden(ServiceError):
    """The user may not decide about this submission."""

    status = 403


@dataclass(frozen=True)
class Choice:
    """One button: ``why`` says in a sentence why it is not ``possible``, else what to know."""

    possible: bool
    why: str = ""


@dataclass(frozen=True)
class Standing:
    """What the user may do now."""

    confirm: Choice
    force: Choice
    cancel: Choice


# ---- who may -------------------------------------------------------------------


def standing(submission: Submission, user) -> Standing:
    """Which of confirm, force and cancel ``user`` may do, with reasons in words."""
    settle(submission)
    return Standing(_confirm(submission, user), _force(submission, user),
                    _cancel(submission, user))


def _confirm(submission: Submission, user) -> Choice:
    refused = _not_signed_in(user) or _not_decidable(submission)
    if refused:
        return Choice(False, refused)
    if submission.user_id != user.pk and not _is_operator(submission, user):
        return Choice(False, f"Only {submission.user.get_username()}, who submitted it, or an"
                             " operator can confirm it.")
    if submission.user_id == user.pk and not _may_submit(submission, user):
        return Choice(False, "This needs the role submitter for the instruments of its files,"
                             " which you do not have any more.")
    holder = locks.others(submission)
    if holder is not None:
        return Choice(False, f"{holder.get_username()} has locked {submission.instrument}. Wait"
                             " until the lock is given back or has expired; an operator can force"
                             " the confirmation.")
    if submission.user_id == user.pk and submission.instrument and not locks.owner_holds(
            submission):
        return Choice(True, f"Your lock on {submission.instrument} has expired. It is taken again"
                            " with the confirmation; what others confirmed meanwhile is kept.")
    return Choice(True)


def _force(submission: Submission, user) -> Choice:
    refused = _not_signed_in(user) or _not_decidable(submission)
    if refused:
        return Choice(False, refused)
    if _is_operator(submission, user):
        return Choice(True, "Overrides locks and the check of what the edit context is; a reason"
                            " is needed.")
    if submission.user_id == user.pk and locks.others(submission) is None:
        return Choice(False, "There is no need to force it: you may confirm it.")
    if not roles.has(user, Role.SUBMITTER, submission.instrument):
        return Choice(False, "This needs the role submitter"
                             f" for {submission.instrument or 'all instruments'}.")
    if submission.user_id != user.pk and locks.owner_holds(submission):
        return Choice(False, f"{submission.user.get_username()}, who submitted it, still holds the"
                             f" lock on {submission.instrument}. Ask them, or wait until it has"
                             " expired.")
    if locks.others(submission) not in (None, user):
        return Choice(False, f"{submission.instrument} is locked by"
                             f" {locks.others(submission).get_username()}.")
    return Choice(True, f"{submission.user.get_username()}'s lock is gone. Force it only after"
                        " talking to them; a reason is needed.")


def _cancel(submission: Submission, user) -> Choice:
    if text := _not_signed_in(user):
        return Choice(False, text)
    if submission.state not in OPEN:
        return Choice(False, _ended(submission))
    if submission.user_id != user.pk and not _is_operator(submission, user):
        return Choice(False, f"Only {submission.user.get_username()}, who submitted it, or an"
                             " operator can cancel it.")
    return Choice(True)


def _not_signed_in(user) -> str:
    return "" if user.is_authenticated else "Log in to decide about it."


def _not_decidable(submission: Submission) -> str:
    """Why nobody can confirm it now; empty when somebody can."""
    if submission.kind == Kind.CERTIFY:
        return "Certifying changes nothing: there is nothing to confirm."
    if submission.state in (State.QUEUED, State.RUNNING):
        return "The checks are not finished yet."
    if submission.state == State.CONFIRMING:
        return "It is being confirmed at this moment."
    if submission.state != State.READY:
        return _ended(submission)
    return ""


def _ended(submission: Submission) -> str:
    when = f" at {submission.closed_at:%Y-%m-%d %H:%M:%S} UTC" if submission.closed_at else ""
    by = f" by {submission.closed_by}" if submission.closed_by else ""
    words = {State.CONFIRMED: "It was confirmed", State.CANCELLED: "It was cancelled",
             State.FAILED: "It ended with errors", State.DONE: "It is finished"}
    return f"{words.get(submission.state, 'It has ended')}{by}{when}."


def _may_submit(submission: Submission, user) -> bool:
    """Whether ``user`` still has the role for all that the submission changes."""
    if roles.has(user, Role.SUBMITTER, ""):
        return True
    files = submission.files.exclude(origin=Origin.GENERATED).values_list(
        "instrument", "uploaded_as")
    names = {instrument for instrument, name in files
             if instrument or name.endswith(".pmap")} or {submission.instrument}
    return all(roles.has(user, Role.SUBMITTER, name) for name in names)


def _is_operator(submission: Submission, user) -> bool:
    return roles.has(user, Role.OPERATOR, submission.instrument)


# ---- deciding ------------------------------------------------------------------


def confirm(submission: Submission, user, reason: str = "") -> Submission:
    """Ask for the confirmation; its job begins at once.  Confirming twice is harmless."""
    settle(submission)
    if submission.state in (State.CONFIRMING, State.CONFIRMED) and submission.user_id == user.pk:
        return submission
    return _begin(submission, user, standing(submission, user).confirm, reason, forced=False)


def force(submission: Submission, user, reason: str = "") -> Submission:
    """Confirm somebody else's submission, or against the rules about the edit context."""
    if not _checked(reason):
        raise BadRequest("To force a submission needs a reason: say why, and what was agreed.")
    return _begin(submission, user, standing(submission, user).force, reason, forced=True)


def _begin(submission: Submission, user, choice: Choice, reason: str, *,
           forced: bool) -> Submission:
    _require(choice, user, submission)
    reason = _checked(reason)
    with transaction.atomic():
        changed = Submission.objects.filter(pk=submission.pk, state=State.READY).update(
            state=State.CONFIRMING, forced=forced, reason=reason, error="",
            closed_by=user.get_username())
        if not changed:
            submission.refresh_from_db()
            raise NotNow(_not_decidable(submission) or "Somebody else decided at this moment.")
        job = jobs.submit("confirm_submission", {"submission": str(submission.pk)}, user=user)
        Submission.objects.filter(pk=submission.pk).update(decision_job=job)
        audit.record("force submission" if forced else "confirm submission", user=user, why=reason,
                     submission=str(submission.pk), kind=submission.kind,
                     submitter=submission.user.get_username())
        reach("decide.confirm")
    submission.refresh_from_db()
    return submission


def cancel(submission: Submission, user, reason: str = "") -> Submission:
    """Give the submission up, whatever is happening to it; nothing of it is published."""
    settle(submission)
    _require(standing(submission, user).cancel, user, submission)
    reason = _checked(reason)
    job = submission.decision_job if submission.state == State.CONFIRMING else submission.job
    with transaction.atomic():
        closed = settling.close(submission, State.CANCELLED, "", by=user.get_username(),
                                reason=reason, only=OPEN)
        if closed:
            audit.record("cancel submission", user=user, why=reason,
                         submission=str(submission.pk), kind=submission.kind,
                         submitter=submission.user.get_username())
        reach("decide.cancel")
    submission.refresh_from_db()
    if not closed:
        raise NotNow(_ended(submission))
    reach("decide.cancelled")
    _stop(job)
    reach("decide.stopped")
    if submission.decision_job_id is not None:
        withdraw(submission)
    remove_folder(submission)
    return submission


def withdraw(submission: Submission) -> None:
    """Take bytes that an unfinished confirmation put into the store out of it again."""
    publishing.withdraw(submission.files.exclude(origin=Origin.CATALOGUE).exclude(
        name="").values_list("name", flat=True))


def _stop(job) -> None:
    """End the job that works on it; a job that has ended needs no end."""
    if job is None:
        return
    try:
        jobs.cancel(job.pk)
    except ServiceError:
        # It ended by itself; its writes find that the submission is cancelled.
        return


def remove_folder(submission: Submission) -> None:
    """Remove the files of a submission that has ended; what is published is elsewhere.

    Differences are kept, they are small and pages show them.
    """
    import shutil

    for name in ("uploads", "files", "work"):
        shutil.rmtree(submission.folder / name, ignore_errors=True)


def _require(choice: Choice, user, submission: Submission) -> None:
    if choice.possible:
        return
    if not user.is_authenticated or "Only " in choice.why or "role" in choice.why:
        raise Forbidden(choice.why)
    raise NotNow(choice.why)


def _checked(reason: str) -> str:
    text = str(reason or "").strip()
    if len(text) > REASON_LIMIT:
        raise BadRequest(f"A reason has at most {REASON_LIMIT} characters.")
    return text


def wait(submission: Submission, seconds: float) -> Submission:
    """``submission`` once it is no longer being worked on, or as it is after ``seconds``."""
    until = time.monotonic() + seconds
    while True:
        submission.refresh_from_db()
        settle(submission)
        busy = submission.state in (State.QUEUED, State.RUNNING, State.CONFIRMING)
        if not busy or time.monotonic() > until:
            return submission
        time.sleep(LOOK)


__all__ = ["Choice", "Forbidden", "NotNow", "Standing", "cancel", "confirm", "force",
           "standing", "wait"]
