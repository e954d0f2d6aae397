"""Which headers get other references under another context, as the client judges it.

``crds bestrefs --affected-datasets`` goes through the datasets one by one.  Its judgement of
one dataset depends on few values, so here each is made once for all datasets that share them,
in its order: the instrument that the header names, the time of observation, the types that
apply, selection under both contexts, and what a pair of answers means.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from crds.bestrefs.bestrefs import cleanpath
from crds.core import utils
from crds.core.constants import INSTRUMENT_KEYWORDS
from crds.matches import DATE_TIME_PAIRS

from .change import MIN_DATE, Change
from .codes import MISSING, Column, combine
from .engine import Engine
from .result import ABSENT, BulkResult
from .table import Table

UNDEFINED = "UNDEFINED"

#: Answers that the client takes for "no file is known".
_NO_MATCH = ("NOT FOUND NO MATCH FOUND.", UNDEFINED, "NONE", "", "*")

#: What the client says where the library answers with several files at once.
_TUPLE = "'tuple' object has no attribute 'startswith'"


@dataclass(frozen=True)
class Update:
    """Another reference of one type; file names are lower case, ``N/A`` means none applies."""

    filekind: str
    old: str
    new: str


@dataclass(frozen=True)
class Affected:
    """A dataset with other references.

    ``failed`` means that the new context fails for another of its types, so that the client
    does not print it among the affected ones.
    """

    id: str
    instrument: str
    updates: tuple[Update, ...]
    failed: bool

    @property
    def product(self) -> str:
        """What is reprocessed, as the client prints it: the first part of the id, lower case."""
        return self.id.split(":")[0].lower()


@dataclass
class Effects:
    """What a change does to some datasets.

    ``counts`` has datasets by (instrument, type), ``errors`` datasets by (instrument, type,
    message) and ``examples`` one id for each of these.  ``compared`` counts the datasets that
    were selected for; the others are too old.  ``seen`` has their instruments.
    """

    affected: list[Affected] = field(default_factory=list)
    counts: Counter = field(default_factory=Counter)
    errors: Counter = field(default_factory=Counter)
    examples: dict[tuple[str, str, str], str] = field(default_factory=dict)
    left: Counter = field(default_factory=Counter)
    seen: set[str] = field(default_factory=set)
    datasets: int = 0
    compared: int = 0

    def fail(self, instrument: str, kind: str, message: str, datasets: int, example: str) -> None:
        key = instrument.upper(), kind.lower(), message
        self.errors[key] += datasets
        self.examples.setdefault(key, example)

    def add(self, other: Effects) -> None:
        """Count what another part found as well; datasets themselves are not taken over."""
        self.counts.update(other.counts)
        self.errors.update(other.errors)
        self.left.update(other.left)
        self.seen |= other.seen
        self.datasets += other.datasets
        self.compared += other.compared
        for key, example in other.examples.items():
            self.examples[key] = min(example, self.examples.get(key, example))


class Comparer:
    """Compares a change's two contexts; ``bad_files`` are names of files marked bad.

    ``new_engine`` has the rules of the new context where they are not in the cache of
    ``engine``.
    """

    def __init__(self, engine: Engine, change: Change, bad_files: frozenset[str] = frozenset(),
                 new_engine: Engine | None = None):
        self.change, self.bad_files = change, bad_files
        self.old_engine, self.new_engine = engine, new_engine or engine

    def effects(self, table: Table, ids: Sequence[str]) -> Effects:
        """The effects on the datasets ``ids`` with the headers of ``table``, one for each row.

        The columns of ``table`` are all keywords of the headers, in the order of the headers.
        """
        found = Effects(datasets=len(table))
        for instrument, rows in self._by_instrument(table, ids, found):
            _Part(self, table, ids, found, instrument, rows).run()
        return found

    def _by_instrument(self, table: Table, ids, found: Effects) -> Iterator[
            tuple[str, np.ndarray]]:
        """(instrument, its rows that are not too old), as the client tells both."""
        columns = [table.columns[name] for keyword in INSTRUMENT_KEYWORDS
                   for name in (keyword.upper(), keyword.lower()) if name in table.columns]
        names = [name for keyword in INSTRUMENT_KEYWORDS
                 for name in (keyword.upper(), keyword.lower()) if name in table.columns]
        group, example = _alike(columns, len(table))
        numbers: dict[str, list[int]] = {}
        for number, row in enumerate(example.tolist()):
            header = _header(dict(zip(names, columns, strict=True)), row)
            try:
                instrument = utils.header_to_instrument(header)
            except Exception as exc:
                rows = np.flatnonzero(group == number)
                found.fail("", "", f"Failed loading source: {_text(exc)}", len(rows),
                           _shown(ids[rows[0]]))
                continue
            numbers.setdefault(instrument, []).append(number)
        for instrument, some in numbers.items():
            rows = np.flatnonzero(np.isin(group, some)) if len(example) > 1 else np.arange(
                len(table))
            rows = rows[observed_since(table, rows, self.change.start(instrument))]
            if len(rows):
                yield instrument, rows


class _Part:
    """Rows of a table that name the same instrument."""

    def __init__(self, comparer: Comparer, table: Table, ids, found: Effects, instrument: str,
                 rows: np.ndarray):
        self.comparer, self.ids, self.found = comparer, ids, found
        self.instrument, self.rows = instrument, rows
        self.change = comparer.change
        self.table = _named(table.take(rows), instrument)

    def run(self) -> None:
        self.found.compared += len(self.rows)
        self.found.seen.add(self.instrument)
        types = self.change.types.get(self.instrument.lower())
        if types is None:
            # Datasets of the archive under one instrument whose header names another.
            self._fail_all(np.arange(len(self.rows)), "",
                           f"Failed processing: {self.instrument.lower()!r}")
            return
        old = self._select(self.comparer.old_engine, self.change.old, types)
        new = self._select(self.comparer.new_engine, self.change.new, types)
        fine = self._without_errors(old, new)
        self._compare(types, old, new, fine)

    def _select(self, engine: Engine, context: str, types: tuple[str, ...]) -> _Selected:
        applies = self._applicable(engine, context, types)
        table = _for_rules(self.table, self.change.observatory)
        result = engine.best_references(context, table, types)
        for one in result.left_to_library:
            self.found.left[one.kind, one.rule, one.reason] += one.rows
        return _Selected(result, applies)

    def _applicable(self, engine: Engine, context: str, types: tuple[str, ...],
                    ) -> dict[str, np.ndarray] | None:
        """For each type the rows to which it applies, None if that depends on no header."""
        locate = engine.context(context).locate
        if self.change.observatory != "jwst":
            return None
        group, kinds = applicable_types(self.table, locate.header_to_reftypes, context)
        return {kind: np.array([not some or kind in some for some in kinds], bool)[group]
                for kind in types}

    def _without_errors(self, old: _Selected, new: _Selected) -> np.ndarray:
        """The rows for which both contexts have answers; the others are counted as errors."""
        fine = np.ones(len(self.rows), bool)
        for selected in (new, old):
            failed = (selected.result.errors >= 0) & selected.any_applies(len(self.rows)) & fine
            fine &= ~failed
            for code in np.unique(selected.result.errors[failed]).tolist():
                self._fail_all(
                    np.flatnonzero(failed & (selected.result.errors == code)), "",
                    f"Failed processing: {selected.result.messages[code]}")
        return fine

    def _compare(self, types: tuple[str, ...], old: _Selected, new: _Selected,
                 fine: np.ndarray) -> None:
        rows = len(self.rows)
        failed = np.zeros(rows, bool)
        changed: list[tuple[str, np.ndarray, list]] = []
        for kind in types:
            before, after = old.column(kind, rows), new.column(kind, rows)
            group, example = _alike([before, after], rows)
            number = np.full(len(example), -1, np.int32)
            updates: list[Update] = []
            for index, row in enumerate(example.tolist()):
                pair = _value(before, row), _value(after, row)
                outcome = _judge(kind, *pair)
                if outcome is None:
                    continue
                if outcome.errors or outcome.failed or outcome.broken:
                    here = np.flatnonzero(fine & (group == index))
                    for message in outcome.errors if len(here) else ():
                        self._fail_all(here, kind, message)
                    if outcome.broken:
                        self._fail_all(here, "", f"Failed processing: {outcome.broken}")
                        fine[here] = False
                    failed[here] |= outcome.failed
                if outcome.update is not None:
                    number[index] = len(updates)
                    updates.append(outcome.update)
            if updates:
                changed.append((kind, number[group], updates))
        self._collect([(kind, np.where(fine, codes, -1), updates)
                       for kind, codes, updates in changed], failed)

    def _collect(self, changed: list[tuple[str, np.ndarray, list]], failed: np.ndarray) -> None:
        """Put the changed datasets together."""
        for kind, codes, updates in changed:
            if number := int((codes >= 0).sum()):
                self.found.counts[self.instrument, kind] += number
                self._count_bad(kind, codes, updates)
        if not changed:
            return
        every = np.flatnonzero(np.logical_or.reduce([codes >= 0 for _, codes, _ in changed]))
        columns = [(codes[every].tolist(), updates) for _, codes, updates in changed]
        for place, row in enumerate(every.tolist()):
            updates = tuple(some[codes[place]] for codes, some in columns if codes[place] >= 0)
            self.found.affected.append(Affected(
                self.ids[self.rows[row]], self.instrument, updates, bool(failed[row])))

    def _count_bad(self, kind: str, codes: np.ndarray, updates: list[Update]) -> None:
        for number, update in enumerate(updates):
            if update.new.lower() in self.comparer.bad_files:
                rows = np.flatnonzero(codes == number)
                if len(rows):
                    self._fail_all(rows, kind, (
                        f"File {update.new.upper()!r} is bad. Use is not recommended,  results"
                        " may not be scientifically valid."))

    def _fail_all(self, rows: np.ndarray, kind: str, message: str) -> None:
        if len(rows):
            self.found.fail(self.instrument, kind, message, len(rows),
                            _shown(self.ids[self.rows[rows[0]]]))


@dataclass
class _Selected:
    """Answers under one context, and the rows to which each type applies."""

    result: BulkResult
    applies: dict[str, np.ndarray] | None

    def any_applies(self, rows: int) -> np.ndarray:
        """Rows for which anything is selected at all."""
        if self.applies is None:
            return np.ones(rows, bool)
        return np.logical_or.reduce(list(self.applies.values()))

    def column(self, kind: str, rows: int) -> Column:
        codes = self.result.codes.get(kind)
        if codes is None:
            return Column(np.full(rows, MISSING, np.int32), [])
        if self.applies is not None:
            codes = np.where(self.applies[kind], codes, ABSENT)
        return Column(codes.astype(np.int32), self.result.answers[kind])


# ---- what the client makes of answers ---------------------------------------------


@dataclass(frozen=True)
class _Outcome:
    """``broken`` is what the client stumbles over, so that it drops the whole dataset."""

    update: Update | None = None
    failed: bool = False
    errors: tuple[str, ...] = ()
    broken: str = ""


def _judge(kind: str, old: str | None, new: str | None) -> _Outcome | None:
    """What two answers mean, as ``_compare_bestrefs``; None if both leave the type out."""
    if old is None and new is None:
        return None
    if _is_tuple(old):
        return _Outcome(broken=_TUPLE)
    _, before, first = _meaning("Old:", old)
    if _is_tuple(new):
        return _Outcome(errors=(first,) if first else (), broken=_TUPLE)
    fine, after, second = _meaning("New:", new)
    errors = tuple(text for text in (first, second) if text)
    if not fine:
        return _Outcome(failed=True, errors=errors)
    if before == after:
        return _Outcome(errors=errors)
    return _Outcome(Update(kind, _plain(old, before), _plain(new, after)), errors=errors)


def _is_tuple(answer: str | None) -> bool:
    """Whether the library answers with several files: cases of equal weight, not merged."""
    return answer is not None and answer.startswith("(")


def _meaning(name: str, answer: str | None) -> tuple[bool, str, str]:
    """(whether it counts as found, what is compared, the error or ""), as the client does."""
    original = cleanpath(UNDEFINED if answer is None else answer).strip()
    text = original.upper()
    if text.startswith("NOT FOUND N/A"):
        return True, "N/A", ""
    if text in _NO_MATCH:
        return False, text, f"{name} No match found: {original!r}"
    if text.startswith("NOT FOUND"):
        return False, text, f"{name} Bestref FAILED: {original[len('NOT FOUND'):]}"
    return True, text, ""


def _plain(answer: str | None, meaning: str) -> str:
    """An answer for people: a file name in lower case, N/A, or why there is none."""
    if answer is None or meaning in ("N/A", UNDEFINED):
        return meaning
    return answer if meaning.startswith("NOT FOUND") else meaning.lower()


# ---- headers ------------------------------------------------------------------------


def observed_since(table: Table, rows: np.ndarray, start: str) -> np.ndarray:
    """Which of ``rows`` were observed at ``start`` or later, (rows,) bool.

    Compared as texts, as the client does with what ``get_exptime`` makes of the header.
    """
    result = np.full(len(rows), start <= MIN_DATE, bool)
    open_ = np.ones(len(rows), bool)
    for pair in DATE_TIME_PAIRS:
        # Single keywords stand there as texts, of which the client takes two letters.
        columns = [table.columns.get(name) for name in (pair[0], pair[1])]
        if None in columns:
            continue
        day, time = (column.take(rows) for column in columns)
        here = open_ & (day.codes != MISSING) & (time.codes != MISSING)
        if here.any():
            result[here] = _not_before(day, time, start)[here]
            open_ &= ~here
    return result


def _not_before(day: Column, time: Column, start: str) -> np.ndarray:
    """Whether day and time, joined by a blank, are a text not less than ``start``."""
    if not len(day.values) or not len(time.values):
        return np.zeros(len(day.codes), bool)
    begins = [f"{value} " for value in day.values]
    result = np.array([begin >= start for begin in begins], bool)[day.codes]
    for code, begin in enumerate(begins):
        if start.startswith(begin):
            rest = start[len(begin):]
            late = np.array([value >= rest for value in time.values], bool)
            rows = day.codes == code
            result[rows] = late[time.codes[rows]]
    return result


def applicable_types(table: Table, function, context: str) -> tuple[np.ndarray, list[set[str]]]:
    """(group of each row, types that apply to each group) by the observatory's ``function``.

    ``function`` may look at any keyword.  Which it looks at is noted: once it looks at no
    other for one header of each group of equal values, the groups are right.
    """
    known: dict[tuple, tuple[set[str], set[str]]] = {}
    keys: list[str] = []
    while True:
        columns = [table.columns[key] for key in keys if key in table.columns]
        group, example = _alike(columns, len(table))
        found, looked = [], set(keys)
        for row in example.tolist():
            header = _Watched(_header(table.columns, row))
            values = tuple(header.data.get(key) for key in keys)
            if values not in known:
                try:
                    types = set(function(header, context))
                except Exception:  # as the client, which goes on with all types
                    types = set()
                known[values] = types, header.looked
            types, more = known[values]
            found.append(types)
            looked |= more
        if looked == set(keys):
            return group, found
        keys, known = sorted(looked), {}


class _Watched(Mapping):
    """A header that notes which keywords are looked at."""

    def __init__(self, data: dict[str, str]):
        self.data = data
        self.looked: set[str] = set()

    def __getitem__(self, key):
        self.looked.add(key)
        return self.data[key]

    def __iter__(self):
        return iter(self.data)

    def __len__(self):
        return len(self.data)

    def __repr__(self):
        return repr(self.data)


def _named(table: Table, instrument: str) -> Table:
    """``table`` with the keywords that name the instrument as the client sets them."""
    constant = Column(np.zeros(len(table), np.int32), [instrument])
    columns = dict(table.columns)
    for name in ("INSTRUME", "META.INSTRUMENT.NAME"):
        columns[name] = constant
    return Table(columns, len(table))


def _for_rules(table: Table, observatory: str) -> Table:
    """``table`` with the keywords of rules; the archive of Roman leaves out the first part."""
    columns: dict[str, Column] = {}
    for name, column in table.columns.items():
        key = name.upper()
        if observatory == "roman" and name.split(".")[0].upper() == "META":
            key = f"ROMAN.{key}"
        columns[key] = _later(columns.get(key), column)
    return Table(columns, len(table))


def _later(one: Column | None, other: Column) -> Column:
    """``other``, and ``one`` where it has no value."""
    if one is None:
        return other
    values = [*other.values, *one.values]
    shifted = np.where(one.codes == MISSING, MISSING, one.codes + len(other.values))
    return Column(np.where(other.codes == MISSING, shifted, other.codes).astype(np.int32), values)


def _alike(columns: Sequence[Column], rows: int) -> tuple[np.ndarray, np.ndarray]:
    """(group of each row, a row of each group) of rows that are alike in ``columns``."""
    return combine([(column.codes + 1, len(column.values) + 1) for column in columns], rows)


def _header(columns: Mapping[str, Column], row: int) -> dict[str, str]:
    return {name: column.values[column.codes[row]] for name, column in columns.items()
            if column.codes[row] != MISSING}


def _value(column: Column, row: int) -> str | None:
    code = column.codes[row]
    return None if code < 0 else column.values[code]


def _text(exc: Exception) -> str:
    return str(exc.args[0]) if isinstance(exc, KeyError) and exc.args else str(exc)


def _shown(name: str) -> str:
    """An id as the client's messages have it: once, where product and exposure are the same."""
    first, _, last = name.partition(":")
    return first if first == last or not last else name


def keywords(engine: Engine, context: str, types: Mapping[str, Sequence[str]],
             instrument: str) -> set[str] | None:
    """Keywords of headers that ``types`` of an instrument depend on; None if it may be any."""
    known = engine.context(context)
    if known.observatory == "jwst":
        return None
    names = {name for key in INSTRUMENT_KEYWORDS for name in (key.upper(), key.lower())}
    for pair in DATE_TIME_PAIRS:
        names.update(pair if isinstance(pair, tuple) else [pair])
    try:
        found = known.instrument({key: instrument.upper() for key in known.instrument_keys})
    except Exception:  # no rules for it: each dataset will say so
        return names
    for kind in types.get(instrument.lower(), ()):
        for key in found.rules[kind].keys if kind in found.rules else ():
            names.update(found.lookups[key])
            names.update(name.removeprefix(prefix) for name in found.lookups[key]
                         for prefix in ("ROMAN.", "roman."))
    return names
