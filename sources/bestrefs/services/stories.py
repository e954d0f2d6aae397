"""One type's explanation in the order in which a page tells it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from rules.explaining.model import Case, Entry, Expression, Group, Lookup, Trace, TypeExplanation

from .date_line import DateLine, draw

#: Dates listed on each side of the exposure.
AROUND = 4
#: Matching cases that a page lists at first.
LISTED = 40


@dataclass(frozen=True)
class MatrixRow:
    """A match case and what became of it."""

    case: Case
    fate: str
    tone: str


@dataclass(frozen=True)
class Matrix:
    """Match cases by parameter; the values of the header stand above."""

    parameters: list[tuple[str, str]]
    rows: list[MatrixRow]
    left_out: int = 0


@dataclass(frozen=True)
class Line:
    """Dates, versions or numbers, as many as a page lists, and the pictures of all."""

    trace: Trace
    entries: list[Entry]
    before: int
    after: int
    pictures: list[DateLine]
    cases: list[Case] = field(default_factory=list)
    chosen: bool = True
    runner_up: bool = False
    first_case: int = 1
    """Number that the first of the cases has in the matrix."""

    @property
    def merged(self) -> bool:
        return len(self.cases) > 1

    @property
    def contested(self) -> bool:
        return any(entry.replaced for entry in self.entries)

    @property
    def word(self) -> str:
        return {"UseAfter": "USEAFTER date", "VersionAfter": "version", "SelectVersion": "version",
                "ClosestTime": "time"}.get(self.trace.selector, "value")


@dataclass(frozen=True)
class Pass:
    """One lookup: the first, or that with the values of the fallback."""

    lookup: Lookup
    expressions: list[Expression]
    matrix: Matrix | None
    misses: Matrix | None
    lines: list[Line]


@dataclass(frozen=True)
class Story:
    """All that is told about one type under one context."""

    one: TypeExplanation
    conditions: list[Expression]
    passes: list[Pass]


def tell(one: TypeExplanation) -> Story:
    conditions = [each for each in one.expressions if each.kind != "parkey_relevance"]
    relevance = [each for each in one.expressions if each.kind == "parkey_relevance"]
    return Story(one, conditions, [_pass(lookup, relevance) for lookup in one.lookups])


def _pass(lookup: Lookup, relevance: list[Expression]) -> Pass:
    trace = lookup.trace
    if trace is None:
        return Pass(lookup, relevance, None, None, [])
    matching = trace.selector == "Match"
    return Pass(
        lookup, relevance,
        _candidates(trace) if matching else None,
        _misses(trace) if matching and trace.misses else None,
        list(_lines(trace)))


def _candidates(trace: Trace) -> Matrix | None:
    rows = [MatrixRow(case, *_fate(trace, group)) for group in trace.groups
            for case in group.cases]
    if not rows or not trace.parameters:  # one case that matches everything needs no table
        return None
    return Matrix(_head(rows[0].case), rows[:LISTED], max(0, len(rows) - LISTED))


def _fate(trace: Trace, group: Group) -> tuple[str, str]:
    if group.chosen:
        return ("merged, gave the answer" if len(group.cases) > 1 else "gave the answer"), "good"
    if group.tried:
        early = "tried first, no date early enough"
        return (early if _dated(group) else "tried first, no answer"), "warn"
    if not any(each.chosen for each in trace.groups) and trace.error:
        return "not reached", "bad"
    return "matches with less weight", ""


def _dated(group: Group) -> bool:
    return group.below is not None and group.below.error_kind == "UseAfterError"


def _misses(trace: Trace) -> Matrix:
    rows = [MatrixRow(case, f"fails in {case.failed} parameter{'s' * (case.failed > 1)}", "")
            for case in trace.misses]
    return Matrix(_head(rows[0].case), rows)


def _head(case: Case) -> list[tuple[str, str]]:
    return [(cell.parameter, cell.value) for cell in case.cells]


def _lines(trace: Trace) -> Iterator[Line]:
    """The ordered selectors of a trace, those below the tried groups of a Match."""
    if trace.selector != "Match":
        yield from _with_below(trace, _line(trace))
        return
    number = 1
    for group in trace.groups:
        if group.below is not None:
            line = _line(group.below)
            yield from _with_below(group.below, replace(
                line, cases=group.cases, chosen=group.chosen, runner_up=not group.tried,
                first_case=number))
        number += len(group.cases)


def _with_below(trace: Trace, line: Line) -> Iterator[Line]:
    if trace.selector != "Match":
        yield line
        for below in trace.below:
            yield from _lines(below)
    else:
        yield from _lines(trace)


def _line(trace: Trace) -> Line:
    entries = trace.entries
    places = [place for place, entry in enumerate(entries) if entry.chosen] or [0]
    first, last = max(0, places[0] - AROUND), places[-1] + AROUND + 1
    return Line(trace, entries[first:last], trace.skipped_before + first,
                trace.skipped_after + max(0, len(entries) - last), draw(trace))
