"""Where a reference stood in all rules of its type: patterns by range of rules, and neighbours.

Rules are read one after another as a series.  Most steps leave a reference where it was;
the lines of the text around its name tell that quickly and surely, so that only rules at
changes are parsed.  The result is made once for each reference and state of its series and
kept, see :func:`obtain`.
"""

from __future__ import annotations

import hashlib
import re
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field

from common.errors import ServiceError
from interactive.models import CatalogFile, FileState, RuleLink
from interactive.services import rule_tables, store
from jobs import kept
from rules.tables import RuleTable

from .ranges import in_order

#: Changes of one series that are looked at; beyond, only the newest are.
CHANGES_LIMIT = 60

#: Patterns of one range, and neighbours of each relation, that are kept.
PATTERNS_LIMIT = 500
NEIGHBOURS_LIMIT = 40

#: What a neighbour is to the reference.
REPLACED, FOLLOWS, REPLACED_BY, FOLLOWED_BY = "replaced", "follows", "replaced by", "followed by"
RELATIONS = (REPLACED, FOLLOWS, REPLACED_BY, FOLLOWED_BY)

#: Values of a match case that let any value through.
OPEN = {"*", "N/A", "ANY"}

WORD = re.compile(rb"[A-Za-z0-9_.-]+")


@dataclass
class Neighbour:
    """``name`` in ``relation`` to the reference, in ``cases`` match cases, first in ``rules``."""

    name: str
    relation: str
    rules: str
    cases: int = 0


@dataclass
class Span:
    """Rules from ``first`` to ``last``, ``count`` of them, with the same ``patterns``.

    A pattern is ``{"values": […], "dates": […]}``: one value for each of ``titles``,
    and the keys of the selectors below, USEAFTER as a rule.
    """

    first: str
    last: str
    count: int
    titles: list[str] = field(default_factory=list)
    patterns: list[dict] = field(default_factory=list)
    more: int = 0
    problem: str = ""


@dataclass
class Series:
    """The rules of one type as far as they contain the reference, oldest first."""

    instrument: str
    filekind: str
    spans: list[Span] = field(default_factory=list)
    neighbours: list[Neighbour] = field(default_factory=list)
    #: The rules in which it appeared and those before; and where it was left out again.
    appeared: list[dict] = field(default_factory=list)
    left: list[dict] = field(default_factory=list)
    complete: bool = True


# ---- the rules of the series ---------------------------------------------------


def members(reference: CatalogFile) -> dict[tuple[str, str], list[CatalogFile]]:
    """All published rmaps of each (instrument, type) that ever used the reference, in order.

    Two queries.
    """
    kinds = set(
        RuleLink.objects.filter(child=reference).exclude(parent__state=FileState.UPLOADED)
        .values_list("parent__instrument", "parent__filekind").distinct())
    found: dict[tuple[str, str], list[CatalogFile]] = {}
    for instrument, filekind in sorted(kinds):
        rows = {row.name: row for row in CatalogFile.objects.published().mappings().filter(
            instrument=instrument, filekind=filekind, extension=".rmap").only(
            "name", "sha1sum", "stored", "state")}
        found[instrument, filekind] = [rows[name] for name in in_order(rows)]
    return found


def key(reference: CatalogFile, series: dict) -> str:
    """What names the result: the reference and the rules that it is made from."""
    digest = hashlib.sha256(reference.name.encode())
    for rows in series.values():
        for row in rows:
            digest.update(f"\n{row.name} {row.sha1sum}".encode())
    return digest.hexdigest()


def compute(reference: CatalogFile, step: Callable[[int, int], None] | None = None) -> list[Series]:
    """The history of ``reference`` in each series; ``step`` is told how many rules were read."""
    using = set(RuleLink.objects.filter(child=reference).values_list("parent_id", flat=True))
    series = members(reference)
    total, done = sum(map(len, series.values())), 0
    found = []
    for (instrument, filekind), rows in series.items():
        signatures = []
        for row in rows:
            signatures.append(_signature(row, reference.name) if row.pk in using else b"")
            done += 1
            if step:
                step(done, total)
        found.append(_Reader(reference.name, instrument, filekind, rows, signatures).read())
    return found


# ---- what the text tells -------------------------------------------------------


def _signature(row: CatalogFile, name: str) -> bytes:
    """Bytes that are equal in two rules if ``name`` stands at the same places of both."""
    path = store.location(row.name) if row.stored else None
    if path is None:
        return b"not stored " + row.name.encode()
    return signature(path.read_bytes(), name.encode())


def signature(text: bytes, name: bytes) -> bytes:
    """Lines around ``name`` in the text of an rmap, without those that cannot matter.

    The lines themselves, the lines that open the selectors around them, and the header's
    parameters.  Where the text is not laid out as rules are, all of it.
    """
    if name not in text:
        return b""
    if text.count(b"({") != len(re.findall(rb"\(\{[ \t]*\r?$", text, re.MULTILINE)):
        return hashlib.sha256(text).digest()
    digest = hashlib.sha256()
    opened: list[bytes] = []
    for line in text.splitlines():
        stripped = line.strip()
        if stripped.endswith(b"({"):
            opened.append(stripped)
        elif stripped.startswith(b"})"):
            del opened[-1:]
        elif not opened and stripped.startswith((b"'parkey'", b"'substitutions'")):
            digest.update(stripped)
        elif name in stripped and name in WORD.findall(stripped):
            digest.update(b"\n".join([*opened, stripped]))
    return digest.digest()


# ---- what the tables tell ------------------------------------------------------


class _Reader:
    """Reads one series; tables are parsed where the text says that something changed."""

    def __init__(self, name: str, instrument: str, filekind: str, rows: list[CatalogFile],
                 signatures: list[bytes]):
        self.name = name
        self.rows = rows
        self.signatures = signatures
        self.series = Series(instrument, filekind)
        self._neighbours: dict[tuple[str, str], Neighbour] = {}
        self._tables: dict[int, RuleTable | None] = {}

    def read(self) -> Series:
        groups = list(self._groups())
        if len(groups) > CHANGES_LIMIT:
            self.series.complete = False
            groups = groups[-CHANGES_LIMIT:]
        for start, end in groups:
            if start > 0:
                self._change(start - 1, start)
            elif self.signatures[0]:
                self._appeared(0)
            if self.signatures[start]:
                self._span(start, end)
        self._neighbours_in_time()
        self.series.neighbours = _most(self._neighbours.values())
        return self.series

    def _groups(self) -> Iterator[tuple[int, int]]:
        """Index of first and last of each run of rules with the same signature."""
        start = 0
        for index in range(1, len(self.rows) + 1):
            if index == len(self.rows) or self.signatures[index] != self.signatures[start]:
                yield start, index - 1
                start = index

    def _table(self, index: int) -> RuleTable | None:
        if index not in self._tables:
            try:
                self._tables[index] = rule_tables.table_of(self.rows[index])
            except ServiceError:
                self._tables[index] = None
        return self._tables[index]

    def _span(self, start: int, end: int) -> None:
        span = Span(self.rows[start].name, self.rows[end].name, end - start + 1)
        table = self._table(end)
        if table is None:
            span.problem = f"{span.last} is not stored here or cannot be read."
        else:
            span.titles, patterns = patterns_of(table, self.name)
            span.patterns = patterns[:PATTERNS_LIMIT]
            span.more = len(patterns) - len(span.patterns)
        last = self.series.spans[-1] if self.series.spans else None
        if last and self._adjacent(last, start) and _same(last, span):
            last.last, last.count = span.last, last.count + span.count
        else:
            self.series.spans.append(span)

    def _adjacent(self, span: Span, start: int) -> bool:
        return start > 0 and self.rows[start - 1].name == span.last

    def _appeared(self, index: int) -> None:
        before = self.rows[index - 1].name if index else ""
        self.series.appeared.append({"rules": self.rows[index].name, "before": before})

    def _change(self, before: int, after: int) -> None:
        if not self.signatures[before]:
            self._appeared(after)
        if not self.signatures[after]:
            self.series.left.append(
                {"rules": self.rows[after].name, "before": self.rows[before].name})
        old, new = self._table(before), self._table(after)
        if old is None or new is None or _matching(old) != _matching(new):
            return
        old_places, new_places = _places(old), _places(new)
        rules = self.rows[after].name
        for case, date in _of(new_places, self.name) - _of(old_places, self.name):
            for other, exact in _serving(old_places, case, date, self.name):
                self._note(other, REPLACED if exact else FOLLOWS, rules)
        for case, date in _of(old_places, self.name) - _of(new_places, self.name):
            for other, _ in _serving(new_places, case, date, self.name):
                self._note(other, REPLACED_BY, rules)

    def _neighbours_in_time(self) -> None:
        """What comes before and after it by date in the newest rules that contain it."""
        newest = next((i for i in range(len(self.rows) - 1, -1, -1) if self.signatures[i]), None)
        table = self._table(newest) if newest is not None else None
        if table is None:
            return
        places = _places(table)
        for case, date in _of(places, self.name):
            dates = sorted(places[case])
            at = dates.index(date)
            for index, relation in ((at - 1, FOLLOWS), (at + 1, FOLLOWED_BY)):
                if 0 <= index < len(dates):
                    for other in places[case][dates[index]] - {self.name}:
                        self._note(other, relation, table.name)

    def _note(self, other: str, relation: str, rules: str) -> None:
        known = self._neighbours.setdefault(
            (other, relation), Neighbour(other, relation, rules))
        known.cases += 1


def patterns_of(table: RuleTable, name: str) -> tuple[list[str], list[dict]]:
    """Titles of the matching parameters, and the lookup patterns of ``name``: see :class:`Span`."""
    matching = [i for i, column in enumerate(table.columns) if column.matches]
    others = [i for i, column in enumerate(table.columns) if not column.matches]
    merged: dict[tuple[str, ...], list[str]] = {}
    for row in table.rows_of(name):
        shown = row.shown
        dates = merged.setdefault(tuple(shown[i] for i in matching), [])
        date = " ".join(filter(None, (shown[i] for i in others)))
        if date and date not in dates:
            dates.append(date)
    return ([table.columns[i].title for i in matching],
            [{"values": list(values), "dates": sorted(dates)} for values, dates in merged.items()])


def _matching(table: RuleTable) -> list[str]:
    return [column.parameter for column in table.columns if column.matches]


def _places(table: RuleTable) -> dict[tuple[str, ...], dict[str, set[str]]]:
    """Names by match case and date."""
    matching = [i for i, column in enumerate(table.columns) if column.matches]
    others = [i for i, column in enumerate(table.columns) if not column.matches]
    found: dict[tuple[str, ...], dict[str, set[str]]] = defaultdict(dict)
    for row in table.rows:
        case = tuple(row.values[i] for i in matching)
        date = " ".join(filter(None, (row.values[i] for i in others)))
        found[case].setdefault(date, set()).update(row.references)
    return found


def _of(places: dict, name: str) -> set[tuple[tuple[str, ...], str]]:
    return {(case, date) for case, dates in places.items()
            for date, names in dates.items() if name in names}


def _serving(places: dict, case: tuple[str, ...], date: str, name: str) -> list[tuple[str, bool]]:
    """What rules select for exposures from ``date`` on in ``case``: (name, same date).

    In the case itself or, where it is not there, in those that overlap with it.
    """
    cases = [case] if case in places else [other for other in places if _overlap(case, other)]
    found: dict[str, bool] = {}
    for other in cases:
        dates = [there for there in places[other] if there <= date]
        if dates:
            last = max(dates)
            for served in places[other][last] - {name}:
                found[served] = found.get(served, False) or last == date
    return list(found.items())


def _overlap(one: tuple[str, ...], other: tuple[str, ...]) -> bool:
    return all(map(_meet, one, other))


def _meet(one: str, other: str) -> bool:
    if one == other or one in OPEN or other in OPEN:
        return True
    return not {*_alternatives(one)}.isdisjoint(_alternatives(other))


def _alternatives(value: str) -> list[str]:
    return [part.strip() for part in value.split("|")]


def _same(one: Span, other: Span) -> bool:
    return (one.titles, one.patterns, one.more, one.problem) == (
        other.titles, other.patterns, other.more, other.problem)


def _most(neighbours) -> list[Neighbour]:
    """The neighbours of most cases, some of each relation."""
    chosen = []
    for relation in RELATIONS:
        of_relation = [each for each in neighbours if each.relation == relation]
        of_relation.sort(key=lambda each: (-each.cases, each.name))
        chosen += of_relation[:NEIGHBOURS_LIMIT]
    return chosen


# ---- keeping -------------------------------------------------------------------

KIND = "file_history"


def obtain(reference: CatalogFile) -> kept.Kept:
    """The history of ``reference`` as it stands now: ready, or being made."""
    return kept.obtain(KIND, key(reference, members(reference)), {"name": reference.name})


def write(series: list[Series]) -> dict:
    """``series`` as JSON keeps them."""
    return {"series": [asdict(one) for one in series]}


def read(result: kept.Kept) -> list[Series]:
    """What :func:`write` made, of a result that is ready."""
    return [
        Series(**{**one, "spans": [Span(**span) for span in one["spans"]],
                  "neighbours": [Neighbour(**each) for each in one["neighbours"]]})
        for one in result.json()["series"]]
