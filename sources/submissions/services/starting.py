"""Takes a submission in: fields checked, files taken, work queued.

Order: bytes of the submission's own folder, then its rows and its job in one transaction.  A
stop before that transaction leaves a folder that nobody owns, which the sweep removes; the
uploads are still where they were.
"""

from __future__ import annotations

import shutil
import uuid

from django.db import IntegrityError, transaction

from accounts.models import Role
from accounts.services import roles
from common.errors import BadRequest, ServiceError
from common.faultpoints import reach
from interactive.models import FileType
from interactive.services import audit, contexts
from jobs import services as jobs
from rules.names import is_mapping

from ..models import ENDED, Kind, Origin, State, Submission, SubmittedFile
from . import mails, settling
from .fields import BY_NAME, FieldErrors, Values, check

#: Work goes on in these states, and the upload area is not free.
BUSY = (State.QUEUED, State.RUNNING)

__all__ = ["BUSY", "ENDED", "AreaBusy", "FieldErrors", "start"]


class AreaBusy(ServiceError):
    """A submission of the same upload area is still being worked on."""

    status = 409


def start(kind: str, user, *, draft=None, fields: dict, channel: str = "",
          base_url: str = "") -> Submission:
    """Take in a submission of ``kind`` (see :class:`~submissions.models.Kind`) and queue its work.

    ``fields`` are texts and booleans by the names of the forms (contract 4.3 and 4.9).  A box
    that is absent counts as ticked, so forms send False for one that is not.  ``draft`` is the
    upload area with the files, the default one of ``user`` for None; ``channel`` the key of a
    status channel.  ``base_url`` is the server's address as the caller reached it, for links.

    Raises :class:`FieldErrors`, :class:`AreaBusy`, ``NotAllowed`` of roles, and BadRequest when
    there are no files or not all of a file has arrived.
    """
    if kind not in Kind.values:
        raise BadRequest(f"There is no submission of kind {kind!r}.")
    roles.require(user, Role.SUBMITTER)
    values = check(kind, fields)
    if values.instrument:
        roles.require(user, Role.SUBMITTER, values.instrument)
    submission = Submission(
        id=uuid.uuid4(), kind=kind, user=user, channel=channel or "",
        base_url=(base_url or "").rstrip("/")[:512], **_columns(values))
    submission.edit_context = contexts.pointer("edit")
    if kind in BY_NAME:
        _record(submission, [], values)
        return submission
    draft = draft or _default_draft(user)
    _require_free(draft)
    taken = _take(submission, draft)
    try:
        _record(submission, taken, values, draft)
    except Exception:
        # Only what nothing speaks of: something may also fail after the commit.
        if not Submission.objects.filter(pk=submission.pk).exists():
            shutil.rmtree(submission.folder, ignore_errors=True)
        raise
    return submission


def _columns(values: Values) -> dict:
    return vars(values)


def _default_draft(user):
    from fileupload.services import drafts

    return drafts.default(user)


def _require_free(draft) -> None:
    active = Submission.objects.filter(active_draft=draft).first()
    if active is not None and settling.settle(active).state in BUSY:
        raise AreaBusy(
            f"The submission {active.pk} of this upload area is still being worked on. Wait until"
            " it is ready, cancel it, or use another upload area.")


def _take(submission: Submission, draft) -> list:
    """The submission's own copies of all files of ``draft``."""
    from fileupload.services import taking

    folder = submission.folder / "uploads"
    folder.mkdir(parents=True, exist_ok=True)
    reach("start.folder")
    try:
        taken = taking.take(draft, folder)
    except BaseException:
        shutil.rmtree(submission.folder, ignore_errors=True)
        raise
    if not taken:
        shutil.rmtree(submission.folder, ignore_errors=True)
        raise BadRequest(
            "There are no files in the upload area. Upload the files first, then submit them.")
    reach("start.taken")
    return taken


def _record(submission: Submission, taken: list, values: Values, draft=None) -> None:
    """Rows, job, audit and mail in one transaction."""
    submission.draft = submission.active_draft = draft
    try:
        with transaction.atomic():
            _insert(submission, taken, values)
            reach("start.rows")
    except IntegrityError as exc:
        # Somebody was faster between the look and the insert.
        if draft is not None and Submission.objects.filter(active_draft=draft).exists():
            raise AreaBusy(
                "Another submission of this upload area was started at the same moment.") from exc
        raise
    reach("start.committed")


def _insert(submission: Submission, taken: list, values: Values) -> None:
    submission.save(force_insert=True)
    SubmittedFile.objects.bulk_create(
        [SubmittedFile(
            submission=submission, position=place, uploaded_as=one.name,
            origin=Origin.UPLOADED, uploaded_sha1sum=one.sha1sum, sha1sum=one.sha1sum,
            size=one.size,
            type=FileType.MAPPING if is_mapping(one.name) else FileType.REFERENCE)
         for place, one in enumerate(sorted(taken, key=lambda one: one.name))])
    submission.job = jobs.submit(
        "process_submission", {"submission": str(submission.pk)}, user=submission.user,
        channel=submission.channel or None)
    submission.save(update_fields=["job"])
    audit.record(
        "start submission", user=submission.user, why=submission.description,
        submission=str(submission.pk), kind=submission.kind, context=submission.base_context,
        files=[one.name for one in taken] or values.names)
    if submission.kind != Kind.CERTIFY:
        mails.write(submission, "STARTED")
