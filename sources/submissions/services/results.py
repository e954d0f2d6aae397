"""What a submission led to, for pages and the REST API: plain values, a constant number of queries.

:func:`of` gives everything; :func:`summaries` one line for each submission of a list.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from django.db.models import Value
from django.db.models.functions import Length, Substr

from interactive.models import CatalogFile, FileType
from jobs import services as jobs

from ..models import Finding, Level, Origin, RuleChange, State, Submission, SubmittedFile, Verdict
from . import mails, settling

#: Characters of a text difference that a page shows; the rest can be downloaded.
TEXT_LIMIT = 400_000

#: Characters of the log of one file that a page shows, and of all of them together.
LOG_LIMIT, LOGS_LIMIT = 20_000, 2_000_000


@dataclass(frozen=True)
class Found:
    """A finding: ``level`` is error, warning or note; ``file`` the name at upload, or empty."""

    stage: str
    level: str
    code: str
    text: str
    advice: str
    file: str = ""


@dataclass(frozen=True)
class FileResult:
    """A file of the submission.

    ``name`` is the official name, empty until there is one; ``published`` tells whether it can be
    opened at ``/browse/<name>``.  ``log`` is the beginning of what the checks printed, ``log_cut``
    tells that there is more.  ``verdict`` is ok, warnings, errors or empty (not checked yet).
    """

    id: int
    uploaded_as: str
    name: str
    type: str
    origin: str
    instrument: str
    filekind: str
    verdict: str
    size: int | None
    sha1sum: str
    derived_from: str
    published: bool
    log: str
    log_cut: bool = False
    findings: tuple[Found, ...] = ()

    @property
    def verdict_label(self) -> str:
        return Verdict(self.verdict).label

    @property
    def is_rule(self) -> bool:
        return self.type == FileType.MAPPING

    def count(self, level: str) -> int:
        return sum(found.level == level for found in self.findings)


@dataclass(frozen=True)
class RuleChangeResult:
    """A rule file beside the one it derives from.

    ``rows`` are dictionaries of the logical difference: ``case`` (values of ``parameters``),
    ``date``, ``action``, ``old``, ``new``, ``text``.  ``impact`` is what selection would change,
    ``text`` the unified difference (``text_cut`` if only its beginning).
    """

    old: str
    new: str
    instrument: str
    filekind: str
    parameters: tuple[str, ...]
    rows: tuple[dict, ...]
    headers: tuple[dict, ...]
    impact: dict
    text: str
    text_cut: bool = False

    @property
    def heading(self) -> str:
        """The words from which the client reads the pair of names (contract 4.8)."""
        return f"Logical Diff ('{self.old}', '{self.new}')"


@dataclass(frozen=True)
class Progress:
    """How the work goes: ``share`` 0 to 1 or None, ``text``, and ``note`` (why it waits)."""

    job: str
    state: str
    share: float | None
    text: str
    note: str
    error: str


@dataclass(frozen=True)
class Results:
    """All of a submission.

    ``references`` and ``rules`` are the files that people brought or that were made from them;
    ``contexts`` the new imaps and the pmap, known once it is confirmed.  ``collisions`` are those
    findings with the stage ``collisions``, ``findings`` those that belong to no file.
    """

    submission: Submission
    url: str
    references: list[FileResult]
    rules: list[FileResult]
    contexts: list[FileResult]
    changes: list[RuleChangeResult]
    findings: list[Found]
    collisions: list[Found]
    progress: Progress | None
    decision: Progress | None
    edit_context: str = ""
    tests: list[dict] = field(default_factory=list)

    @property
    def files(self) -> list[FileResult]:
        return self.references + self.rules

    @property
    def is_busy(self) -> bool:
        """Whether it changes by itself, so that pages look again."""
        return self.submission.state in (State.QUEUED, State.RUNNING, State.CONFIRMING)

    @property
    def file_map(self) -> dict[str, str]:
        """Official names by names at upload, and new rule files by those they derive from."""
        names = {one.uploaded_as: one.name for one in self.files
                 if one.name and one.origin == Origin.UPLOADED}
        names.update({change.old: change.new for change in self.changes if change.old})
        names.update({one.derived_from: one.name for one in self.contexts if one.derived_from})
        return names

    def all_findings(self) -> list[Found]:
        return [*self.findings, *self.collisions,
                *(found for one in [*self.files, *self.contexts] for found in one.findings)]


def of(submission: Submission, *, logs: bool = True) -> Results:
    """The results of ``submission`` as they stand; a job that died is noticed at this look.

    Of the logs of files there is the beginning, without ``logs`` nothing.
    """
    from interactive.services import contexts

    submission = settling.settle(submission)
    by_file: dict[int | None, list[Found]] = {}
    rows = _rows(submission, logs)
    uploaded = {row.pk: row.uploaded_as for row in rows}
    for finding in submission.findings.all():
        by_file.setdefault(finding.file_id, []).append(
            _found(finding, uploaded.get(finding.file_id, "")))
    published = set(CatalogFile.objects.published().filter(
        name__in=[row.name for row in rows if row.name]).values_list("name", flat=True))
    files = [_file(row, by_file.get(row.pk, []), row.name in published) for row in rows]
    loose = by_file.get(None, [])
    return Results(
        submission=submission, url=mails.result_url(submission),
        references=[one for one in files if not one.is_rule],
        rules=[one for one in files if one.is_rule and not _is_generated_context(one)],
        contexts=[one for one in files if _is_generated_context(one)],
        changes=[_change(row) for row in submission.rule_changes.all()],
        findings=[found for found in loose if found.stage != "collisions"],
        collisions=[found for found in loose if found.stage == "collisions"],
        progress=_progress(submission.job), decision=_progress(submission.decision_job),
        edit_context=contexts.pointer("edit"), tests=_tests(submission))


def summaries(submissions: Iterable[Submission]) -> list[dict]:
    """One dictionary for each submission, for lists and the REST API; no further queries."""
    return [summary(submission) for submission in submissions]


def summary(submission: Submission) -> dict:
    """What a list shows; plain JSON values."""
    return {
        "id": str(submission.pk),
        "kind": submission.kind,
        "title": submission.get_kind_display(),
        "state": submission.state,
        "user": submission.user.get_username(),
        "instrument": submission.instrument,
        "base_context": submission.base_context,
        "new_context": submission.new_context,
        "description": submission.description,
        "change_level": submission.change_level,
        "creator": submission.creator,
        "created_at": _iso(submission.created_at),
        "ready_at": _iso(submission.ready_at),
        "closed_at": _iso(submission.closed_at),
        "closed_by": submission.closed_by,
        "forced": submission.forced,
        "reason": submission.reason,
        "error": submission.error,
        "errors": submission.error_count,
        "warnings": submission.warning_count,
        "url": mails.result_url(submission),
    }


def as_dict(results: Results) -> dict:
    """``results`` in plain JSON values, for the REST API."""
    from dataclasses import asdict

    return {
        **summary(results.submission),
        "files": [asdict(one) for one in [*results.files, *results.contexts]],
        "rule_changes": [asdict(change) for change in results.changes],
        "findings": [asdict(found) for found in [*results.findings, *results.collisions]],
        "file_map": results.file_map,
        "progress": asdict(results.progress) if results.progress else None,
        "decision": asdict(results.decision) if results.decision else None,
        "tests": results.tests,
    }


# ---- parts ---------------------------------------------------------------------


def _rows(submission: Submission, logs: bool) -> list[SubmittedFile]:
    """Files of the submission with ``log_start`` and ``log_length``: a log may have a megabyte."""
    files = submission.files.defer("log")
    share = max(1, min(LOG_LIMIT, LOGS_LIMIT // max(1, files.count()))) if logs else 0
    start = Substr("log", 1, share) if share else Value("")
    return list(files.annotate(log_start=start, log_length=Length("log")))


def _found(row: Finding, file: str) -> Found:
    return Found(row.stage, row.level, row.code, row.text, row.advice, file)


def _file(row: SubmittedFile, findings: list[Found], published: bool) -> FileResult:
    order = {Level.ERROR: 0, Level.WARNING: 1, Level.NOTE: 2}
    return FileResult(
        row.pk, row.uploaded_as, row.name, row.type, row.origin, row.instrument, row.filekind,
        row.verdict, row.size, row.sha1sum, row.derived_from, published,
        row.log_start, row.log_length > len(row.log_start),
        tuple(sorted(findings, key=lambda found: order[Level(found.level)])))


def _is_generated_context(one: FileResult) -> bool:
    return one.origin == Origin.GENERATED and one.name.endswith((".imap", ".pmap"))


def difference_path(submission: Submission, new: str) -> Path:
    """Where the text difference of the new rule file ``new`` lies."""
    return submission.folder / "results" / f"{new}.diff"


def _change(row: RuleChange) -> RuleChangeResult:
    path = difference_path(row.submission, row.new)
    text = ""
    if path.is_file():
        with open(path, encoding="utf-8", errors="replace") as stream:
            text = stream.read(TEXT_LIMIT + 1)
    parts = row.rows if isinstance(row.rows, dict) else {"rows": row.rows}
    return RuleChangeResult(
        row.old, row.new, row.instrument, row.filekind, tuple(parts.get("parameters", ())),
        tuple(parts.get("rows", ())), tuple(parts.get("headers", ())), row.impact,
        text[:TEXT_LIMIT], len(text) > TEXT_LIMIT)


def _progress(job) -> Progress | None:
    if job is None:
        return None
    told = jobs.describe(job)
    return Progress(told["id"], told["state"], told["progress"], told["progress_text"],
                    told["note"], told["error"])


def _tests(submission: Submission) -> list[dict]:
    """Integration tests (synphot): dictionaries with ``title``, ``verdict`` and ``log``."""
    path = submission.folder / "results" / "tests.json"
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return []


def _iso(moment) -> str | None:
    return moment.isoformat() if moment else None
