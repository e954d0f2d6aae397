"""The rule editor: an rmap of the edit context, edited step by step until it is submitted.

Pages show the rows of :mod:`rules.tables` with the steps applied, which needs nothing of the
library.  The rule file, its checks, and what selection would change are made by a job and kept
(see :mod:`jobs.kept`).  What is submitted in the end is that file, as if it had been uploaded.
"""

from __future__ import annotations

import hashlib
import json
import re
import time
from dataclasses import asdict, dataclass
from functools import cached_property

from django.conf import settings
from django.core.files.base import ContentFile
from django.db import transaction

from common.errors import BadRequest, NotFound, ServiceError, Unavailable
from interactive.models import CatalogFile, FileType, RuleLink
from interactive.services import contexts, rule_tables, store
from jobs import kept
from jobs.kept import Kept
from rules.editing import steps
from rules.tables import RuleTable

from ..models import Kind, RuleEdit, State, Submission

#: Names of references that the forms offer.
OFFERED = 300

#: Seconds that a submission waits for the checks.
PATIENCE = 15.0

#: The upload area of an edited rule begins with this.
AREA = "edit_"


class Outdated(ServiceError):
    """The list of edits changed in another window."""

    status = 409


@dataclass(frozen=True)
class Choice:
    """An rmap of the edit context; ``edits`` is the number of own edits that wait."""

    name: str
    instrument: str
    filekind: str
    edits: int


def choices(user, text: str = "") -> list[Choice]:
    """The rmaps of the edit context whose name has all words of ``text``."""
    context = contexts.pointer("edit")
    imaps = RuleLink.objects.filter(parent__name=context).values("child_id")
    rows = (CatalogFile.objects.published()
            .filter(links_up__parent_id__in=imaps, name__endswith=".rmap")
            .distinct().order_by("instrument", "filekind").only("name", "instrument", "filekind"))
    waiting = {edit.rmap: len(edit.steps) for edit in RuleEdit.objects.filter(user=user)}
    words = text.lower().split()
    return [Choice(row.name, row.instrument, row.filekind, waiting.get(row.name, 0))
            for row in rows if all(word in row.name.lower() for word in words)]


def waiting(user) -> list[RuleEdit]:
    """Edits of ``user`` that are not confirmed, the last one first."""
    found = RuleEdit.objects.filter(user=user).select_related("submission")
    return [edit for edit in found if edit.steps and not _is_confirmed(edit)]


def _is_confirmed(edit: RuleEdit) -> bool:
    return edit.submission is not None and edit.submission.state == State.CONFIRMED


@dataclass
class Editor:
    """An rmap as a user edits it."""

    user: object
    row: CatalogFile
    table: RuleTable
    edit: RuleEdit

    @property
    def name(self) -> str:
        return self.row.name

    @cached_property
    def dated(self) -> bool:
        return bool(self.table.columns) and self.table.columns[-1].selector == "UseAfter"

    @cached_property
    def editable(self) -> bool:
        """Whether the rules are of the usual form: match cases with dates, or without."""
        kinds = [column.selector for column in self.table.columns]
        matching = kinds[:-1] if self.dated else kinds
        rows = {row.values for row in self.table.rows}
        return bool(matching) and set(matching) == {"Match"} and len(rows) == len(self.table.rows)

    @property
    def width(self) -> int:
        return len(self.table.columns)

    @property
    def titles(self) -> list[str]:
        return [column.title for column in self.table.columns]

    @cached_property
    def edited(self) -> steps.Edited:
        return steps.apply([(row.values, row.result) for row in self.table.rows],
                           self.edit.steps, self.dated)

    @cached_property
    def listed(self) -> list[dict]:
        """The edits in words, with what is wrong with them."""
        wrong = dict(self.edited.problems)
        return [{"number": number, "text": steps.in_words(step, self.titles),
                 "problem": wrong.get(number, "")}
                for number, step in enumerate(self.edit.steps)]

    @cached_property
    def current(self) -> str:
        """The rmap of this type in the edit context, empty where there is none."""
        imaps = RuleLink.objects.filter(
            parent__name=contexts.pointer("edit"), key=self.row.instrument).values("child_id")
        found = RuleLink.objects.filter(parent_id__in=imaps, key=self.row.filekind)
        return found.values_list("child__name", flat=True).first() or ""

    @property
    def is_current(self) -> bool:
        return self.current == self.name

    def value_choices(self) -> list[list[str]]:
        """Values in use, for each matching column."""
        count = self.width - self.dated
        return [sorted({row.values[number] for row in self.table.rows})[:OFFERED]
                for number in range(count)]

    def references(self) -> list[str]:
        """Published references of the type, the newest first."""
        return list(_references(self.row).order_by("-delivery_date", "-name")
                    .values_list("name", flat=True)[:OFFERED])


def _references(row: CatalogFile):
    return CatalogFile.objects.published().filter(
        type=FileType.REFERENCE, instrument=row.instrument, filekind=row.filekind)


def open_editor(user, name: str) -> Editor:
    """The editor of ``user`` on the published rmap ``name``.  NotFound, Unavailable."""
    row = CatalogFile.objects.published().filter(name=name, type=FileType.MAPPING).first()
    if row is None or not name.endswith(".rmap"):
        raise NotFound(f"There is no published rmap '{name[:128]}'. Choose one from the list.")
    table = rule_tables.table_of(row)
    edit = (RuleEdit.objects.select_related("submission").filter(user=user, rmap=name).first()
            or RuleEdit(user=user, rmap=name))
    if _is_confirmed(edit):
        # What was edited is in CRDS now, in a newer file.
        edit = RuleEdit(user=user, rmap=name)
    return Editor(user, row, table, edit)


# ---- the list of edits -------------------------------------------------------


def add(editor: Editor, step: object) -> None:
    """Apply ``step`` after the others.  BadRequest says why it cannot be."""
    if not editor.editable:
        raise BadRequest("These rules are not of the form that can be edited here.")
    try:
        step = steps.clean(step, editor.width, editor.dated)
    except steps.BadStep as exc:
        raise BadRequest(str(exc)) from exc
    _check_reference(editor, step)
    with _locked(editor) as edit:
        if len(edit.steps) >= steps.MOST:
            raise BadRequest(f"An edit has at most {steps.MOST} steps. Submit these first.")
        before = steps.apply([(row.values, row.result) for row in editor.table.rows],
                             [*edit.steps, step], editor.dated)
        problem = dict(before.problems).get(len(edit.steps))
        if problem:
            raise BadRequest(problem)
        edit.steps.append(step)
        edit.undone = []


def _check_reference(editor: Editor, step: dict) -> None:
    """A reference that comes in is published, of this type, and not bad."""
    name = step.get("by") or (step.get("reference") if step["do"] in ("add", "replace") else "")
    if not name or name in steps.SPECIAL:
        return
    row = CatalogFile.objects.published().filter(name=name, type=FileType.REFERENCE).first()
    if row is None:
        raise BadRequest(
            f"There is no reference '{name}' in the catalogue. New files come in with Batch Submit"
            " References, which names them and puts them into the rules.")
    if (row.instrument, row.filekind) != (editor.row.instrument, editor.row.filekind):
        raise BadRequest(f"'{name}' is a {row.instrument} {row.filekind}, not a"
                         f" {editor.row.instrument} {editor.row.filekind}.")
    if row.rejected:
        raise BadRequest(f"'{name}' is marked bad. Rules must not lead to it.")


def undo(editor: Editor, count: int) -> None:
    """Take the last edit back; ``count`` is the number of edits that the page showed."""
    with _locked(editor) as edit:
        _expect(edit, count)
        if edit.steps:
            edit.undone.append(edit.steps.pop())


def redo(editor: Editor, count: int) -> None:
    """Make the edit again that was taken back last."""
    with _locked(editor) as edit:
        _expect(edit, count)
        if edit.undone:
            edit.steps.append(edit.undone.pop())


def remove(editor: Editor, number: int, count: int) -> None:
    """Remove edit ``number`` (from 0) out of the list."""
    with _locked(editor) as edit:
        _expect(edit, count)
        if not 0 <= number < len(edit.steps):
            raise BadRequest("There is no such edit.")
        del edit.steps[number]
        edit.undone = []


def clear(editor: Editor) -> None:
    """Remove all edits."""
    with _locked(editor) as edit:
        edit.steps, edit.undone, edit.submission = [], [], None


def carry_over(editor: Editor) -> str:
    """Take the edits to the current rmap of the type; returns its name."""
    name = editor.current
    if not name or name == editor.name:
        raise BadRequest("The edit context has no newer rules of this type.")
    target = open_editor(editor.user, name)
    with transaction.atomic():
        with _locked(target) as edit:
            if edit.steps:
                raise BadRequest(
                    f"You have edits of '{name}' already. Submit or remove them first.")
            edit.steps = list(editor.edit.steps)
        clear(editor)
    return name


def _expect(edit: RuleEdit, count: int) -> None:
    if len(edit.steps) != count:
        raise Outdated("The list of edits changed in another window. Look at it and try again.")


class _locked:
    """The user's edit of the rmap in a transaction, saved at the end."""

    def __init__(self, editor: Editor):
        self.editor = editor
        self.atomic = transaction.atomic()

    def __enter__(self) -> RuleEdit:
        self.atomic.__enter__()
        try:
            user, name = self.editor.user, self.editor.name
            RuleEdit.objects.get_or_create(user=user, rmap=name)
            self.edit = (RuleEdit.objects.select_for_update()
                         .get(user=user, rmap=name))
            if _is_confirmed(self.edit):
                self.edit.steps, self.edit.undone, self.edit.submission = [], [], None
        except BaseException as exc:
            self.atomic.__exit__(type(exc), exc, exc.__traceback__)
            raise
        return self.edit

    def __exit__(self, kind, exc, trace):
        if exc is None:
            self.edit.save()
            self.editor.edit = self.edit
            self.editor.__dict__.pop("edited", None)
            self.editor.__dict__.pop("listed", None)
        return self.atomic.__exit__(kind, exc, trace)


# ---- preview ----------------------------------------------------------------


def preview(editor: Editor) -> Kept:
    """What the edits make of the rules: made by a job, see :func:`make_preview`."""
    content = json.dumps([editor.name, editor.row.sha1sum, editor.edit.steps], sort_keys=True)
    key = hashlib.sha1(content.encode(), usedforsecurity=False).hexdigest()
    return kept.obtain("rule_edit", key, {"name": editor.name, "edits": editor.edit.steps})


def make_preview(folder, name: str, edits: list[dict]) -> None:
    """Fill ``folder``: ``result.json``, and ``text.rmap`` when it is a rule file.

    Runs in a job.
    """
    from rules import environment
    from rules.editing import edited, texts
    from rules.editing.rule_text import NotARule, decode

    environment.prepare(settings.CRDS_OBSERVATORY, settings.INSTANCE.file_cache)
    path = store.path(name)
    if path is None:
        raise NotFound(f"'{name}' is not stored here.")
    old = decode(path.read_bytes())
    try:
        result = edited.make(name, old, edits)
    except NotARule as exc:
        raise BadRequest(str(exc)) from exc
    if result.text:
        (folder / "text.rmap").write_text(result.text, encoding="utf-8")
    kept.write_json(folder / "result.json", {
        "ok": result.ok, "findings": [asdict(found) for found in result.findings],
        "section": result.section, "impact": result.impact,
        "text": texts.unified(old, result.text, name, "edited") if result.text else "",
        "datasets": _datasets(name, result.text) if result.ok and edits else None})


def _datasets(name: str, text: str) -> dict | None:
    """How many known datasets would get another reference; None where that cannot be said."""
    from affected.services import preview as count

    try:
        found = count(name, text)
    except ServiceError:
        return None
    return {"datasets": found.datasets, "affected": found.affected, "complete": found.complete,
            "changes": [list(change) for change in found.changes],
            "errors": [list(error) for error in found.errors]}


# ---- submission --------------------------------------------------------------


def submit(editor: Editor, fields: dict, *, channel: str = "", base_url: str = "") -> Submission:
    """Submit the edited rules as an uploaded rmap: a submission of kind mappings.

    Raises BadRequest when there are no edits or the rules are not right, Unavailable while the
    checks are not ready, and what :func:`.starting.start` raises.
    """
    from . import starting

    if not editor.edit.steps:
        raise BadRequest("There are no edits to submit. Change a row first.")
    if editor.edited.problems:
        raise BadRequest("Some edits cannot be applied any more. Remove them from the list first.")
    result = _ready(editor)
    found = result.json()
    if not found["ok"]:
        raise BadRequest("The edited rules have errors. Correct what the preview says first.")
    draft = _area(editor)
    _put(draft, editor.name, result.path("text.rmap").read_bytes())
    submission = starting.start(
        Kind.MAPPINGS, editor.user, draft=draft, channel=channel, base_url=base_url,
        fields={"pmap_mode": "pmap_edit", "auto_rename": "True", "generate_contexts": "True",
                **fields})
    with _locked(editor) as edit:
        edit.submission = submission
    return submission


def _ready(editor: Editor) -> Kept:
    """The preview, waited for a moment."""
    until = time.monotonic() + PATIENCE
    while True:
        result = preview(editor)
        if result.ready:
            return result
        if result.failed:
            raise Unavailable(f"The edited rules could not be checked: {result.error}")
        if time.monotonic() > until:
            raise Unavailable("The edited rules are still being checked. Your edits are kept:"
                              " press the button again in a moment.")
        time.sleep(0.3)


def _area(editor: Editor):
    """An upload area for this rmap alone, so that nothing else is submitted with it."""
    from fileupload.services import drafts

    name = AREA + re.sub(r"[^A-Za-z0-9._-]", "", editor.name.removesuffix(".rmap"))[:59]
    try:
        return drafts.get(editor.user, name)
    except NotFound:
        return drafts.create(editor.user, name)


def _put(draft, name: str, data: bytes) -> None:
    """The file alone in the area, as if it had been uploaded: links there are never followed."""
    from fileupload.services import incoming, receiving, removing

    files, strange = incoming.look(draft)
    for other in files:
        removing.remove_file(draft, other.name)
    for other in strange:
        if other.removable:
            removing.remove(draft, other.raw)
    receiving.whole(draft, name, ContentFile(data))
