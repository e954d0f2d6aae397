"""Confirming: files, rules, contexts, pointer, delivery and audit in one step.

.. code-block:: text

   look at the edit context ──► plan: rules as they are, or built anew on what came in between
        ▲                         │
        │ it has moved            ▼
        └──────────────── bytes into the store ──► one transaction ──► completion

The transaction compares the edit context with the one that was planned for and swaps it.  What
follows it (:func:`complete`) is repeated until it is done.  Confirmations of one server wait for
each other at a lock in the file system; that saves work, correctness does not depend on it.
"""

from __future__ import annotations

import contextlib
import fcntl
import logging
import time
from dataclasses import dataclass, field
from pathlib import Path

from django.conf import settings
from django.db import OperationalError
from django.utils import timezone

from accounts.models import Role
from accounts.services import roles
from common.errors import ServiceError
from common.faultpoints import reach
from interactive.models import CatalogFile, FileType
from interactive.services import audit, cache_config, contexts, publishing
from interactive.services.publishing import NewFile, Provenance
from jobs.context import JobCancelled

from ..models import Kind, Origin, State, Submission, SubmittedFile
from . import locks, mails
from .deciding import remove_folder, withdraw
from .processing import checking, rebuilding
from .processing.work import Work, library_ready

log = logging.getLogger(__name__)

#: Rounds in which the edit context may move before a confirmation gives up.
ROUNDS = 20

#: Seconds between two looks at the lock of confirmations.
LOOK = 0.05


class NotConfirmed(ServiceError):
    """The submission cannot be confirmed as it stands; it is ready again, with the reason."""

    status = 409


@dataclass
class Plan:
    """What one round wants to publish.

    ``edit`` is the edit context that it is for, ``new_context`` the pmap that comes, empty without
    one, ``moves`` whether the edit context goes there.
    """

    edit: str
    files: list[NewFile] = field(default_factory=list)
    rebuilt: list[rebuilding.Rebuilt] = field(default_factory=list)
    new_context: str = ""
    moves: bool = False

    @property
    def made(self) -> list[str]:
        """Names of the files that were made for this round alone."""
        return [file.name for file in self.files if file.name in self.own]

    own: set[str] = field(default_factory=set)


class Confirmation(Work):
    """A submission while it is confirmed."""

    MADE = 200_000

    def __init__(self, context, submission: Submission):
        super().__init__(context, submission, State.CONFIRMING)
        self.user = context.user

    @property
    def made_here(self):
        """Rows of files that were made by the confirmation, not by the checks."""
        return self.submission.files.filter(origin=Origin.GENERATED, position__gte=self.MADE)


def run(context, submission_id: str) -> dict:
    """Confirm a submission; the result of its job.  Raises what stands in the way."""
    submission = Submission.objects.select_related("user").get(pk=submission_id)
    if submission.state == State.CONFIRMING:
        _confirm(Confirmation(context, submission))
    submission.refresh_from_db()
    if submission.state == State.CANCELLED:
        raise JobCancelled
    if submission.state != State.CONFIRMED:
        raise NotConfirmed(submission.error or "It is not being confirmed any more.")
    complete(submission)
    return {"ready_url": mails.result_url(submission), "context": submission.new_context}


def _confirm(work: Confirmation) -> None:
    try:
        with _turn(work):
            library_ready()
            _rounds(work)
    except OperationalError:
        raise  # the database is away or busy: the job is run again
    except JobCancelled:
        _back_to_ready(work, "The confirmation was cancelled.")
        raise
    except ServiceError as exc:
        _back_to_ready(work, exc.message)
        raise
    except Exception as exc:
        _back_to_ready(work, f"A fault of this server ({type(exc).__name__}). Nothing was"
                             " published; tell the operators the id of this submission.")
        raise
    finally:
        work.close()


@contextlib.contextmanager
def _turn(work: Confirmation):
    """Wait until no other confirmation of this server is being made."""
    folder = settings.INSTANCE.server_files / "submissions"
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / ".confirming", "ab") as stream:
        while True:
            try:
                fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                work.progress(0, 1, "Waiting for another confirmation.")
                work.context.check()
                time.sleep(LOOK)
        yield


def _rounds(work: Confirmation) -> None:
    for _ in range(ROUNDS):
        plan = _plan(work)
        reach("confirm.planned")
        publishing.place(plan.files)
        reach("confirm.placed")
        if _commit(work, plan):
            reach("confirm.committed")
            return
        publishing.withdraw(plan.made)
        work.say("The edit context has moved; the rules are built on the new one.")
    raise NotConfirmed("The edit context moves faster than this can be confirmed. Try again.")


# ---- plan ------------------------------------------------------------------------


def _plan(work: Confirmation) -> Plan:
    submission = work.submission
    plan = Plan(contexts.pointer("edit"))
    _no_duplicates(work)
    if submission.kind in (Kind.ADD_REFERENCES, Kind.DELETE_REFERENCES):
        brought = []
    else:
        brought = [row for row in work.uploaded() if row.name]
    rows = [*brought, *submission.files.filter(
        origin=Origin.GENERATED, position__lt=work.MADE)]
    rules = [row for row in rows if row.type == FileType.MAPPING]
    plan.files = [_new_file(work, row) for row in rows if row.type == FileType.REFERENCE]
    if rules:
        base = _base(work, plan)
        if base != (submission.rebased_on or submission.base_context):
            plan.rebuilt = rebuilding.rebuild(work, base)
        paths = _rule_files(work, plan, rules)
        _contexts(work, plan, base, paths)
    plan.files = [publishing.prepare(file) for file in plan.files]
    return plan


def _base(work: Confirmation, plan: Plan) -> str:
    """The context that the new one derives from."""
    submission = work.submission
    if submission.base_context == submission.edit_context:
        return plan.edit if submission.generate_contexts else submission.base_context
    if submission.generate_contexts and plan.edit != submission.edit_context and not (
            _operator_forces(work)):
        raise NotConfirmed(
            f"It derives from {submission.base_context}, not from the edit context, and the edit"
            f" context has moved from {submission.edit_context} to {plan.edit} since it was"
            " submitted. Submit it again, or ask an operator to publish it by force, which leaves"
            " the edit context alone.")
    return submission.base_context


def _operator_forces(work: Confirmation) -> bool:
    return work.submission.forced and work.user is not None and roles.has(
        work.user, Role.OPERATOR, work.submission.instrument)


def _rule_files(work: Confirmation, plan: Plan, rules: list[SubmittedFile]) -> list[Path]:
    """Add the rules themselves to the plan; their paths."""
    anew = {one.row.pk: one for one in plan.rebuilt}
    paths = []
    for row in rules:
        one = anew.get(row.pk)
        name, path = (one.name, one.path) if one else (row.name, work.path(row))
        if one:
            plan.own.add(name)
        plan.files.append(NewFile(
            path, name, row.instrument, row.filekind,
            uploaded_as=row.uploaded_as if row.origin == Origin.UPLOADED else "",
            derived_from=one.old if one else row.derived_from))
        paths.append(path)
    return paths


def _contexts(work: Confirmation, plan: Plan, base: str, rules: list[Path]) -> None:
    """Imaps and the pmap around ``rules``, or the pmap among them."""
    from rules.editing import contexts as making
    from rules.editing.rule_text import NotARule

    submission = work.submission
    brought = [path.name for path in rules if path.name.endswith(".pmap")]
    if brought:
        _brought_context(work, plan, brought)
        if not submission.generate_contexts:
            return
    if not submission.generate_contexts:
        return
    known = {path.name: path for path in rules}
    try:
        made = making.generate(
            work.stored(base), rules, lambda series: _context_name(work, plan, base, series),
            work.files, locate=lambda name: known.get(name) or work.stored(name))
    except NotARule as exc:
        raise NotConfirmed(f"The new context cannot be made: {exc}") from exc
    for path in [*made.imaps, made.pmap]:
        if path is not None and path.name not in known:
            plan.own.add(path.name)
            plan.files.append(NewFile(path, path.name))
    if made.pmap is not None and not brought:
        plan.new_context = made.pmap.name
        plan.moves = submission.base_context == submission.edit_context or (
            plan.edit == submission.edit_context)


def _brought_context(work: Confirmation, plan: Plan, pmaps: list[str]) -> None:
    """A pmap that people made: the edit context goes there only from its own parent."""
    from rules.reading import read_rule

    if len(pmaps) > 1:
        raise NotConfirmed(f"There are several pmaps, {', '.join(pmaps)}: it is not clear which is"
                           " to be the edit context. Submit them one by one.")
    parent = read_rule(work.files / pmaps[0]).header.get("derived_from", "")
    plan.new_context = pmaps[0]
    plan.moves = parent == plan.edit
    if not plan.moves and not _operator_forces(work):
        raise NotConfirmed(
            f"{pmaps[0]} derives from {parent or 'nothing that it names'}, but the edit context is"
            f" {plan.edit}: what others added since would be lost. Derive it from {plan.edit} and"
            " submit it again; or an operator publishes it by force, which leaves the edit context"
            " alone.")


def _context_name(work: Confirmation, plan: Plan, base: str, series: str) -> str:
    """The name of a new imap or pmap, given once for each that it derives from."""
    if series.endswith(".pmap"):
        old, instrument = base, ""
    else:
        instrument = series.removesuffix(".imap").partition("_")[2]
        old = (CatalogFile.objects.filter(
            links_up__parent__name=base, links_up__key=instrument, extension=".imap")
            .values_list("name", flat=True).first() or f"first of {series} in {base}")
    return work.generated(old, series, instrument=instrument).name


def _new_file(work: Confirmation, row: SubmittedFile) -> NewFile:
    return NewFile(work.path(row), row.name, row.instrument, row.filekind,
                   uploaded_as=row.uploaded_as, sha1sum=row.sha1sum)


def _no_duplicates(work: Confirmation) -> None:
    """Somebody may have published the same content meanwhile."""
    for name, found in checking.identical(work.uploaded()).items():
        raise NotConfirmed(f"{name}: {found[0].text} Cancel this, take the file out of the upload"
                           " area, and submit the others again.")


# ---- the one transaction ---------------------------------------------------------


def _commit(work: Confirmation, plan: Plan) -> bool:
    """All rows and the pointer; False if the edit context has moved since the plan."""
    from deliveries.services import making

    submission = work.submission
    user = submission.closed_by or submission.user.get_username()
    with work.transaction():
        # Locked from here on: two confirmations follow each other, whoever planned first.
        if publishing.edit_context_for_update() != plan.edit:
            return False
        rows = publishing.write_rows(plan.files, _provenance(submission))
        reach("confirm.rows")
        publishing.note_replacements(_replacements(submission, plan))
        if plan.moves and not publishing.move_edit_context(
                plan.edit, plan.new_context, user=user, reason=submission.description):
            raise OperationalError("The edit context moved under its lock.")
        delivery = making.create(
            files=rows, user=submission.user, description=submission.description)
        _audit(submission, rows, delivery, user)
        _close(work, plan, delivery, user)
        publishing.count_up()
        reach("confirm.before-commit")
    return True


def _provenance(submission: Submission) -> Provenance:
    return Provenance(
        user=submission.user.get_username(), email=submission.user.email,
        creator=submission.creator or _team(submission), description=submission.description,
        change_level=submission.change_level)


def _team(submission: Submission) -> str:
    return str(submission.questionnaire.get("deliverer", "")) if submission.questionnaire else ""


def _replacements(submission: Submission, plan: Plan) -> dict[str, str]:
    """New references by those whose place they took in the rules."""
    sections = {change.new: change.rows for change in submission.rule_changes.all()}
    for one in plan.rebuilt:
        sections.pop(one.before.new, None)
        sections[one.name] = one.change.section
    found: dict[str, str] = {}
    for section in sections.values():
        for row in section["rows"]:
            pair = [*row["old"], *row["new"]]
            if row["action"] == "replaced" and len(pair) == 2 and pair[0] in section["replaced"]:
                found.setdefault(*pair)
    return found


def _audit(submission: Submission, rows: list[CatalogFile], delivery, user: str) -> None:
    names = [row.name for row in rows]
    for row in rows:
        audit.record("submit file", user=user, file=row.name, why=submission.description,
                     submission=str(submission.pk), delivery=delivery.catalog,
                     files=[delivery.catalog, *names[:50]])


def _close(work: Confirmation, plan: Plan, delivery, user: str) -> None:
    """The submission's own rows, as they are published."""
    submission, now = work.submission, timezone.now()
    published = {file.name: file for file in plan.files}
    for one in plan.rebuilt:
        submission.files.filter(name=one.name, position__gte=work.MADE).delete()
        one.settle(submission)
    # Names of rounds that came to nothing stay given out; nothing shows them.
    submission.files.filter(position__gte=work.MADE).exclude(name__in=published).delete()
    for row in submission.files.exclude(origin=Origin.CATALOGUE):
        if file := published.get(row.name):
            row.size, row.sha1sum = file.size, file.sha1sum
            row.save(update_fields=["size", "sha1sum"])
    Submission.objects.filter(pk=submission.pk).update(
        state=State.CONFIRMED, closed_at=now, closed_by=user, error="", delivery=delivery,
        new_context=plan.new_context,
        rebased_on=plan.edit if plan.rebuilt else submission.rebased_on)
    submission.refresh_from_db()
    locks.release(submission)
    mails.write(submission, "CONFIRMED")


def _back_to_ready(work: Confirmation, error: str) -> None:
    """Nothing was published: the submission waits for another decision, with the reason."""
    submission = work.submission
    made = list(work.made_here.values_list("name", flat=True))
    changed = Submission.objects.filter(pk=submission.pk, state=State.CONFIRMING).update(
        state=State.READY, error=error, forced=False, closed_by="")
    submission.refresh_from_db()
    if changed or submission.state == State.CANCELLED:
        # Also of one that was cancelled while its bytes went into the store.
        publishing.withdraw(made)
        withdraw(submission)
    if changed:
        submission.files.filter(origin=Origin.GENERATED, position__gte=work.MADE).delete()
        reach("confirm.refused")


# ---- after it ---------------------------------------------------------------------


def complete(submission: Submission) -> bool:
    """Everything that follows a confirmation; may be repeated.  False if something is left.

    The confirmation stands, whatever happens here: what cannot be done now is done by the sweep.
    """
    if submission.completed_at is not None:
        return True
    done = all([_try(step, submission) for step in (
        _complete_delivery, _write_configuration, _clear_uploads, remove_folder)])
    if done:
        Submission.objects.filter(pk=submission.pk, completed_at=None).update(
            completed_at=timezone.now())
    reach("complete.done")
    return done


def _try(step, submission: Submission) -> bool:
    try:
        step(submission)
    except Exception:  # whatever disks and networks lead to
        log.exception("Submission %s: %s is repeated later", submission.pk, step.__name__)
        return False
    reach(f"complete.{step.__name__.lstrip('_')}")
    return True


def _complete_delivery(submission: Submission) -> None:
    from deliveries.services import making

    if submission.delivery is not None:
        making.complete(submission.delivery)


def _write_configuration(submission: Submission) -> None:
    cache_config.write()


def _clear_uploads(submission: Submission) -> None:
    """Take what was published out of the upload area, if it is still the same."""
    from fileupload.services import taking

    if submission.draft is None:
        return
    taking.clear(submission.draft, dict(
        submission.files.filter(origin=Origin.UPLOADED).values_list(
            "uploaded_as", "uploaded_sha1sum")))

