"""Explanations for people: a dataset or header, one context or two, every type or one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from archive import ids as dataset_id
from archive import services as archive
from common.errors import BadRequest, NotFound, ServiceError
from interactive.services import contexts
from interactive.services.latest_references import descriptions
from rules.explaining import Explanation, Extent, Outcome, TypeExplanation, explain

from .questions import Question

#: An overview needs no neighbours of a date and no near misses but the first.
BRIEF = Extent(misses=3, entries=1)
#: Dates on each side of the exposure that a page lists; the picture shows all.
FULL = Extent(misses=8)

#: Longest name of a type in an address.
MAX_TYPE = 64


@dataclass(frozen=True)
class Subject:
    """What is explained: a header, where it comes from, and siblings of a product's exposure."""

    label: str
    header: dict[str, str]
    is_dataset: bool = False
    siblings: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Side:
    """The explanation under one context, or why there is none."""

    context: str
    explanation: Explanation | None
    error: str = ""


@dataclass(frozen=True)
class Row:
    """One type under each context."""

    filekind: str
    description: str
    sides: list[TypeExplanation | None]

    @property
    def first(self) -> TypeExplanation:
        return next(side for side in self.sides if side is not None)

    @property
    def differs(self) -> bool:
        return len(self.sides) > 1 and self.sides[0] != self.sides[1] and (
            _answer(self.sides[0]) != _answer(self.sides[1]))

    @property
    def rules_differ(self) -> bool:
        """Whether there are two rule files to compare."""
        files = {side.rules for side in self.sides if side is not None}
        return len(files) == 2 and None not in files

    @property
    def change(self) -> str:
        """What is different under the second context, in words."""
        return change(*self.sides) if len(self.sides) > 1 else ""


@dataclass(frozen=True)
class Comparison:
    """All that a page shows."""

    subject: Subject
    sides: list[Side]
    rows: list[Row]

    @property
    def explained(self) -> list[Explanation]:
        return [side.explanation for side in self.sides if side.explanation is not None]

    @property
    def instrument(self) -> str:
        return self.explained[0].instrument if self.explained else ""

    @property
    def agrees(self) -> bool:
        return all(explanation.agrees for explanation in self.explained)

    @property
    def differing(self) -> list[Row]:
        return [row for row in self.rows if row.differs]

    def groups(self) -> list[tuple[str, list[Row]]]:
        """Rows under headings, those that people look for first."""
        if len(self.sides) > 1:
            same = [row for row in self.rows if not row.differs]
            return _filled(("Different under the second context", self.differing),
                           ("The same under both contexts", same))
        by = {outcome: [row for row in self.rows if row.first.outcome is outcome]
              for outcome in Outcome}
        return _filled(("No reference was found", by[Outcome.ERROR]),
                       ("With a reference", by[Outcome.FILE]),
                       ("Not applicable", by[Outcome.NOT_APPLICABLE]),
                       ("Left out", by[Outcome.OMITTED]))

    def counts(self, side: int = 0) -> dict[str, int]:
        """How many types have which outcome."""
        found = [row.sides[side].outcome for row in self.rows if row.sides[side]]
        return {str(outcome.value): found.count(outcome) for outcome in Outcome}


def _filled(*groups: tuple[str, list[Row]]) -> list[tuple[str, list[Row]]]:
    return [group for group in groups if group[1]]


# ---- the question --------------------------------------------------------------


def subject_of(question: Question) -> Subject:
    """The header that ``question`` is about; NotFound for an unknown dataset."""
    if not question.asked:
        raise BadRequest("Give a dataset id, or keywords of a header with the instrument.")
    if not question.id:
        return Subject(question.name or "the parameters below", question.header)
    dataset_id.parse(question.id)
    found = archive.find([question.id])[question.id]
    if not found:
        raise NotFound(
            f"There is no dataset '{question.id}' in this server's archive catalogue. Check the"
            " id, or give the parameters of the header instead.")
    # Parameters beside an id are tried on top of its header: what would change?
    return Subject(found[0].key, {**found[0].header, **question.header}, True,
                   [one.key for one in found[1:]])


def compare(subject: Subject, names: Iterable[str], kinds: Sequence[str] = (),
            extent: Extent | None = None) -> Comparison:
    """Explain ``subject`` under the rule files ``names``; no ``kinds`` are all types."""
    extent = extent or (FULL if kinds else BRIEF)
    sides = [_side(name, subject, kinds, extent) for name in names]
    if all(side.explanation is None for side in sides):
        raise BadRequest(sides[0].error)
    return Comparison(subject, sides, _rows(sides))


def near(question: Question) -> list[str]:
    """Datasets whose id resembles one that is not known."""
    try:
        return archive.near(question.id) if question.id else []
    except ServiceError:
        return []


def contexts_of(question: Question) -> list[str]:
    """The rule files that a question names: one or two; the latest context if it names none."""
    specs = [question.context, *([question.context2] if question.context2 else [])]
    return [_rules(spec) for spec in specs]


def _rules(spec: str) -> str:
    name = contexts.resolve(spec or None)
    if name == "N/A":
        raise BadRequest(f"'{spec}' does not apply: there are no rules for it.")
    return name


def type_name(value: str) -> str:
    """A type as it stands in an address; BadRequest for what cannot be one."""
    value = value.strip().lower()
    if len(value) > MAX_TYPE or (value and not value.isascii()) or not value.isprintable():
        raise BadRequest("The name of the type is not one that rules can have.")
    return value


def _side(name: str, subject: Subject, kinds: Sequence[str], extent: Extent) -> Side:
    try:
        return Side(name, explain(name, subject.header, kinds, extent))
    except ServiceError as exc:
        return Side(name, None, exc.message)


def _rows(sides: list[Side]) -> list[Row]:
    tables = [{one.filekind: one for one in side.explanation.types} if side.explanation else {}
              for side in sides]
    instrument = next(side.explanation.instrument for side in sides if side.explanation)
    described = descriptions().get(instrument, {})
    kinds = sorted({kind for table in tables for kind in table})
    return [Row(kind, described.get(kind, ""), [table.get(kind) for table in tables])
            for kind in kinds]


# ---- what changed --------------------------------------------------------------


def _answer(one: TypeExplanation | None) -> tuple[str, str | None]:
    return ("", None) if one is None else (str(one.outcome), one.result)


def change(one: TypeExplanation | None, other: TypeExplanation | None) -> str:
    """How the way to the answer differs between two contexts."""
    if one is None or other is None:
        return "Only one of the contexts has rules for this type."
    parts = []
    if one.rules == other.rules:
        parts.append("Both contexts have the same rules.")
    elif _answer(one) == _answer(other):
        parts.append(f"The rules changed from {one.rules or 'none'} to {other.rules or 'none'},"
                     " and the answer is the same.")
    if _answer(one) != _answer(other):
        parts.append(_difference(one, other))
    return " ".join(parts)


def _difference(one: TypeExplanation, other: TypeExplanation) -> str:
    if one.cause != other.cause:
        return (f"First: {one.reason} Then: {other.reason}")
    before, after = _chosen(one), _chosen(other)
    if before is None or after is None:
        return "The answer differs."
    if before.cases != after.cases:
        added, gone = after.cases - before.cases, before.cases - after.cases
        if added and not gone:
            return f"{_counted(len(added), 'case')} more took part in the merge."
        if gone and not added:
            return f"{_counted(len(gone), 'case')} less took part in the merge."
        return "Another match case was chosen."
    if before.key != after.key:
        return f"The chosen date went from {before.key} to {after.key}, in the same match case."
    return f"The same match case and date ({after.key}) now name another file."


@dataclass(frozen=True)
class _Chosen:
    cases: frozenset[tuple[str, ...]]
    key: str


def _chosen(one: TypeExplanation) -> _Chosen | None:
    """The cases and the date that gave an answer."""
    if one.decisive is None or one.decisive.trace is None:
        return None
    trace = one.decisive.trace
    group = next((group for group in trace.groups if group.chosen), None)
    cases = frozenset(case.key for case in group.cases) if group else frozenset()
    line = group.below if group else trace
    key = next((entry.key for entry in line.entries if entry.chosen), "") if line else ""
    return _Chosen(cases, key)


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
