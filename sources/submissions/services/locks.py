"""The lock that a submission takes on its instrument: a courtesy to colleagues."""

from __future__ import annotations

from locking import services as locking

from ..models import Kind, Submission


def release(submission: Submission) -> None:
    """Give the locks back, as confirming and cancelling do; certifying takes none."""
    if submission.kind == Kind.CERTIFY:
        return
    names = set(submission.files.values_list("instrument", flat=True)) | {submission.instrument}
    for name in sorted(names - {""}):
        locking.release(name, submission.user)


def others(submission: Submission):
    """The user who holds the instrument's lock and is not the submitter, or None."""
    holder = locking.holder(submission.instrument) if submission.instrument else None
    return holder if holder is not None and holder.pk != submission.user_id else None


def owner_holds(submission: Submission) -> bool:
    """Whether the submitter's own lock on the instrument lasts."""
    holder = locking.holder(submission.instrument) if submission.instrument else None
    return holder is not None and holder.pk == submission.user_id
