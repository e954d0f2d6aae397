"""Best references of datasets and headers, with what the catalogue knows about them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from archive import ids as dataset_id
from archive import services as archive
from common.errors import BadRequest, ServiceError
from interactive.models import CatalogFile
from interactive.services.latest_references import descriptions
from rules import dataset_headers, selection
from rules.loading import load

NOT_FOUND = "NOT FOUND"
#: Names per query: SQLite takes no more than 999 values.
CHUNK = 500


class Kind(StrEnum):
    """What a lookup came to."""

    FILE = "file"
    NOT_APPLICABLE = "n/a"
    FAILED = "failed"
    #: The type is omitted for this dataset, or the context has no such type.
    NONE = "none"


@dataclass(frozen=True)
class Choice:
    """The answer for one type under one context: ``text`` is the library's own.

    ``file`` is the catalogue's row where there is one.
    """

    text: str
    kind: Kind
    file: CatalogFile | None = None

    @property
    def reason(self) -> str:
        """Why there is no file, for people."""
        if self.text.startswith("("):
            return f"The rules name several files of equal weight: {self.text}"
        return self.text.removeprefix(NOT_FOUND).strip() or "No reason was given."


NO_CHOICE = Choice("", Kind.NONE)


@dataclass(frozen=True)
class Subject:
    """What best references are asked of: a dataset or a header, or an error in its place.

    ``near`` are ids that resemble an unknown one.
    """

    label: str
    header: dict[str, str] = field(default_factory=dict)
    error: str = ""
    is_dataset: bool = False
    near: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


@dataclass
class Row:
    """One type of reference of one subject: the choice, and that under the second context."""

    type: str
    description: str
    choice: Choice
    second: Choice | None = None

    @property
    def differs(self) -> bool:
        return self.second is not None and self.second.text != self.choice.text

    @property
    def choices(self) -> list[Choice]:
        return [self.choice] if self.second is None else [self.choice, self.second]


@dataclass
class Answer:
    """Best references of one subject; ``errors`` by context where a lookup failed as a whole.

    ``parameters`` are those that the rules of the contexts ask for.
    """

    subject: Subject
    instrument: str = ""
    parameters: dict[str, str] = field(default_factory=dict)
    rows: list[Row] = field(default_factory=list)
    errors: dict[str, str] = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        return not self.subject.error and not self.errors

    @property
    def error(self) -> str:
        """Why nothing is answered; under several contexts the first reason stands for all."""
        return self.subject.error or next(iter(self.errors.values()), "")

    @property
    def differing(self) -> list[Row]:
        return [row for row in self.rows if row.differs]

    def references(self, second: bool = False) -> dict[str, str]:
        """``{type: text}`` as the library answers."""
        choices = ((row.type, row.second if second else row.choice) for row in self.rows)
        return {kind: choice.text for kind, choice in choices if choice and choice.text}


def of_ids(ids: Sequence[str]) -> list[Subject]:
    """Subjects of dataset ids; a product stands for each of its exposures.

    Ids that are unknown, or no ids at all, give a subject with an error, so that they never
    stop the others.
    """
    problems = {name: problem for name in ids if (problem := _bad_id(name))}
    found = archive.find([name for name in ids if name not in problems])
    subjects: list[Subject] = []
    for name in ids:
        if name in problems:
            subjects.append(Subject(name[:128], error=problems[name], is_dataset=True))
        elif not found[name]:
            subjects.append(Subject(
                name, error=archive.missing_text(name).removeprefix(f"{NOT_FOUND} "),
                is_dataset=True))
        else:
            subjects += [Subject(one.key, one.header, is_dataset=True) for one in found[name]]
    return list({subject.label: subject for subject in subjects}.values())


def _bad_id(name: str) -> str:
    try:
        dataset_id.parse(name)
    except ServiceError as exc:
        return exc.message
    return ""


def answer(subjects: Iterable[Subject], context: str, context2: str = "",
           types: Iterable[str] | None = None) -> list[Answer]:
    """Best references of ``subjects`` under the rule file ``context``, and under a second one.

    Equal to :func:`rules.selection.best_references`.  What fails for one subject is in its
    answer and does not stop the others.
    """
    contexts = [name for name in (context, context2) if name]
    types = [kind.lower() for kind in types] if types else None
    answers = [Answer(subject) for subject in subjects]
    asked = [one for one in answers if not one.subject.error]
    headers = [one.subject.header for one in asked]
    found: list[dict[str, dict[str, str]]] = [{} for _ in asked]
    for name in contexts:
        rule = load(name)
        for made, references, selected in zip(
                asked, found, selection.many(name, headers, types), strict=True):
            if isinstance(selected, BadRequest):
                made.errors[name] = selected.message
                continue
            references[name] = selected
            _describe(made, rule)
    for made, references in zip(asked, found, strict=True):
        made.parameters = dataset_headers.ordered(made.parameters)
        made.rows = _rows(made.instrument, contexts, references)
    _add_files(answers)
    return answers


def _describe(made: Answer, rule) -> None:
    """Add what the rules of one context looked at."""
    header = made.subject.header
    made.instrument = rule.get_instrument(dict(header)).lower()
    for key, value in dataset_headers.of_rule(rule, header).items():
        made.parameters.setdefault(key, value)


def _rows(instrument: str, contexts: list[str], found: dict[str, dict[str, str]]) -> list[Row]:
    described = descriptions().get(instrument, {})
    types = sorted({kind for references in found.values() for kind in references})
    rows = []
    for kind in types:
        choices = [_choice(found.get(name, {}).get(kind, "")) for name in contexts]
        rows.append(Row(kind, described.get(kind, ""), choices[0], *choices[1:]))
    return rows


def _choice(text: str) -> Choice:
    if not text:
        return NO_CHOICE
    if text.upper() in ("N/A", f"{NOT_FOUND} N/A"):
        return Choice(text, Kind.NOT_APPLICABLE)
    if text.startswith((NOT_FOUND, "(")):
        return Choice(text, Kind.FAILED)
    return Choice(text, Kind.FILE)


def _add_files(answers: list[Answer]) -> None:
    """The catalogue's rows of all files named, in one query for some hundred of them."""
    rows = [row for answer in answers for row in answer.rows]
    names = {choice.text for row in rows for choice in row.choices if choice.kind is Kind.FILE}
    files = catalogue(names)
    for row in rows:
        row.choice = _with_file(row.choice, files)
        if row.second is not None:
            row.second = _with_file(row.second, files)


def _with_file(choice: Choice, files: dict[str, CatalogFile]) -> Choice:
    if choice.kind is not Kind.FILE:
        return choice
    return Choice(choice.text, choice.kind, files.get(choice.text))


def catalogue(names: Iterable[str]) -> dict[str, CatalogFile]:
    """Published files by name."""
    ordered = sorted(names)
    found: dict[str, CatalogFile] = {}
    for start in range(0, len(ordered), CHUNK):
        rows = CatalogFile.objects.published().filter(name__in=ordered[start:start + CHUNK]).only(
            "name", "state", "stored", "rejected", "blacklisted", "size", "sha1sum", "type",
            "instrument", "useafter_date")
        found.update((row.name, row) for row in rows)
    return found
