"""Selection for tables of headers and for single ones."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from crds.core import utils

from .codes import MISSING, Column, combine
from .context import CannotSelect, Context, DifferentInstruments, Instrument, Source
from .dates import moment, moments
from .frame import Frame
from .hooks import EPOCH, EPOCH_KEYS, EPOCH_LIMITS, EPOCHS, NO_EPOCH
from .result import BulkResult, LeftToLibrary
from .rule import ASK_LIBRARY, OMITTED, CompiledRule
from .table import Table, foreign

#: Bytes of memory that compiled rules of all contexts may take, by estimate.
BUDGET = 256 * 1024 * 1024

#: Rows that are worked on at a time.
SLICE = 250_000

#: Values whose conditioned form is remembered.
REMEMBERED = 100_000

UNUSUAL = "headers whose date cannot be read or whose cases cannot be merged"


class Engine:
    """Best references under any context of one cache, with compiled rules.

    Contexts are compiled when they are first asked for; those used longest ago are dropped
    when all together exceed ``budget`` bytes.  Threads may share an engine.
    """

    def __init__(self, source: Source, budget: int = BUDGET):
        self._source = source
        self._budget = budget
        self._contexts: OrderedDict[str, Context] = OrderedDict()
        self._lock = threading.RLock()
        self._conditioned: dict[str, str] = {}

    def context(self, name: str) -> Context:
        """The context ``name``; raises what the library raises for a bad or unknown one."""
        with self._lock:
            found = self._contexts.get(name)
            if found is None:
                found = self._contexts[name] = Context(name, self._source)
            self._contexts.move_to_end(name)
            while (len(self._contexts) > 1
                   and sum(one.size for one in self._contexts.values()) > self._budget):
                self._contexts.popitem(last=False)
            return found

    def _at_hand(self, name: str) -> Context:
        """As :meth:`context`; does not wait while another thread compiles other rules."""
        found = self._contexts.get(name)
        if found is None:
            return self.context(name)
        if self._lock.acquire(blocking=False):
            try:
                if name in self._contexts:
                    self._contexts.move_to_end(name)
            finally:
                self._lock.release()
        return found

    # ---- many headers ----------------------------------------------------------

    def table(self, context: str, headers: Sequence[Mapping[str, str]]) -> Table:
        """``headers`` as a table with the columns that selection under ``context`` needs.

        Headers of the same exposures under other contexts may need other columns.
        """
        known = self.context(context)
        names = set(known.instrument_keys)
        for instrument in self._instruments(known, headers):
            for pair in instrument.lookups.values():
                names.update(pair)
        translate = known.locate.fits_to_parkeys if known.observatory == "jwst" else None
        return Table.from_headers(headers, names, translate)

    def _instruments(self, known: Context, headers) -> list[Instrument]:
        """The instruments that ``headers`` are selected for."""
        found: dict[int, Instrument] = {}
        naming = known.instrument_keys
        if known.observatory == "jwst":
            # Any keyword may be one that is translated to one of these.
            naming = tuple(name for name in set().union(*headers)
                           if set(known.locate.fits_to_parkeys({name: ""})) & set(naming))
        try:
            named = {tuple(map(header.get, naming)) for header in headers}
        except TypeError:  # a list or the like as a value: its text counts
            named = {tuple([_text(header.get(name)) for name in naming]) for header in headers}
        for values in named:
            header = {name: str(value) for name, value in zip(naming, values, strict=True)
                      if value is not None}
            try:
                with self._lock:
                    both = [known.instrument(known.locate.fits_to_parkeys(header))]
            except CannotSelect:
                continue
            except DifferentInstruments as exc:
                both = exc.instruments
            found.update((id(one), one) for one in both)
        return list(found.values())

    def best_references(self, context: str, table: Table,
                        types: Iterable[str] | None = None) -> BulkResult:
        """The best reference of each type for each header of ``table``.

        ``types`` None or empty means every type of the header's instrument.  Equal to
        ``crds.core.rmap.get_best_references`` with each header, in every value and in the
        order of types, except that results that are no texts are given as their text.
        """
        known, types = self.context(context), list(types or ())
        result = BulkResult(len(table))
        left: dict[tuple[str, str, str], int] = {}
        for start in range(0, len(table), SLICE):
            rows = slice(start, min(start + SLICE, len(table)))
            _Slice(self, known, table.take(rows), types, result, start, left).run()
        result.left_to_library = [LeftToLibrary(*key, rows) for key, rows in left.items()]
        return result

    # ---- one header --------------------------------------------------------------

    def best(self, context: str, header: Mapping[str, str],
             types: Iterable[str] | None = None) -> dict[str, str]:
        """``{type: answer}`` for one header; raises :class:`CannotSelect` if there is none."""
        known = self._at_hand(context)
        translated = header
        if known.observatory == "jwst" and any(map(foreign, header)):
            translated = known.locate.fits_to_parkeys(header)
        try:
            instrument = self._instrument(known, translated)
        except DifferentInstruments:
            return _by_library(known, header, types)
        values = self._values(instrument, translated)
        answers = {}
        moments_: dict[tuple[str, ...], int] = {}
        for kind in instrument.chosen(types):
            rule = instrument.rules.get(kind)
            if rule is None:
                answer = instrument.constant(kind)
            else:
                answer = self._answer(instrument, kind, rule, values, moments_)
            if answer is not None:
                answers[kind] = answer
        return answers

    def _instrument(self, known: Context, header: Mapping[str, str]) -> Instrument:
        names = tuple([header.get(key) for key in known.instrument_keys])
        found = known.by_names.get(names)
        if found is None:
            with self._lock:
                found = known.instrument(header)
                if len(known.by_names) < 1000:
                    known.by_names[names] = found
        return found

    def _values(self, instrument: Instrument, header: Mapping[str, str]) -> dict[str, str]:
        """The conditioned values of all parameters."""
        conditioned, values = self._conditioned, {}
        for key, (lower, upper) in instrument.lookups.items():
            value = header.get(lower)
            if value is None and lower not in header:
                value = header.get(upper, "UNDEFINED")
            try:
                values[key] = conditioned[value]
            except (KeyError, TypeError):
                values[key] = self._condition(value)
        return values

    def _condition(self, value) -> str:
        text = utils.condition_value(value)
        if isinstance(value, str):
            if len(self._conditioned) >= REMEMBERED:
                self._conditioned = {}
            self._conditioned[value] = text
        return text

    @staticmethod
    def _answer(instrument, kind, rule: CompiledRule, values, moments_) -> str | None:
        if rule.reason:
            return instrument.ask(kind, values)
        at = _moment(rule.dates, values, moments_)
        if rule.dated_hook:
            values = {**values, EPOCH: _epoch(_moment(EPOCH_KEYS, values, moments_))}
        answer = rule.answer(values, at)
        return instrument.ask(kind, values) if answer == ASK_LIBRARY else answer


def _text(value) -> str | None:
    return None if value is None else str(value)


def _moment(dates: tuple[str, ...], values: Mapping[str, str], known: dict) -> int:
    """The moment of some date parameters, kept in ``known``."""
    at = known.get(dates)
    if at is None:
        at = known[dates] = moment([values[key] for key in dates])
    return at


def _epoch(at: int) -> str:
    """The period of a moment for the hooks that compare dates."""
    if at < 0:
        return NO_EPOCH
    return EPOCHS[sum(at >= limit for limit in EPOCH_LIMITS)]


def _by_library(known: Context, header, types) -> dict[str, str]:
    from crds.core import exceptions, rmap

    try:
        found = rmap.get_best_references(known.mapping, dict(header), include=types or None)
    except exceptions.CrdsError as exc:
        raise CannotSelect(str(exc)) from exc
    return {kind: str(name) for kind, name in found.items()}


class _Slice:
    """Selection for some rows of a table, from row number ``start`` of the result on."""

    def __init__(self, engine: Engine, known: Context, table: Table, types: list[str],
                 result: BulkResult, start: int, left: dict):
        self.engine, self.known, self.table, self.types = engine, known, table, types
        self.result, self.start, self.left = result, start, left
        self.columns = self._translated()

    def run(self) -> None:
        for instrument, rows in self._by_instrument():
            if isinstance(instrument, str):
                self.result.fail(rows + self.start, instrument)
            elif instrument is None:
                self._one_by_one(rows)
            else:
                self._select(instrument, rows)

    # ---- columns -----------------------------------------------------------------

    def _translated(self) -> dict[str, Column]:
        """The columns under the keywords that rules use, as ``fits_to_parkeys`` makes them."""
        if self.known.observatory != "jwst":
            return self.table.columns
        found: dict[str, Column] = {}
        for name, column in self.table.columns.items():
            (key,) = self.known.locate.fits_to_parkeys({name: ""})
            found[key] = _first_of(column, found[key]) if key in found else column
        return found

    def _raw(self, lower: str, upper: str, rows) -> Column:
        """The column of a parameter, without missing values."""
        one, other = self.columns.get(lower), self.columns.get(upper)
        column = one or other
        if one and other and one is not other:
            column = _first_of(one, other)
        if column is None:
            return Column(np.zeros(len(rows), np.int32), ["UNDEFINED"])
        codes = column.codes[rows]
        missing = codes == MISSING
        if not missing.any():
            return Column(codes, column.values)
        codes[missing] = len(column.values)
        return Column(codes, [*column.values, "UNDEFINED"])

    def _conditioned(self, column: Column) -> Column:
        """``column`` with its values as rules compare them, the unused left out."""
        values, codes = column.values, column.codes
        if len(values) > len(codes):
            used, codes = np.unique(codes, return_inverse=True)
            values = [values[code] for code in used.tolist()]
        number: dict[str, int] = {}
        known, condition = self.engine._conditioned, self.engine._condition
        new = np.empty(len(values), np.int32)
        for index, value in enumerate(values):
            text = known.get(value)
            if text is None:
                text = condition(value)
            new[index] = number.setdefault(text, len(number))
        return Column(new[codes], list(number))

    # ---- instruments ---------------------------------------------------------------

    def _by_instrument(self):
        """Yield (instrument, its rows); a message in place of one that cannot be found.

        None stands for headers that only the library can select for.
        """
        rows = len(self.table)
        names = [name for name in self.known.instrument_keys if name in self.columns]
        columns = [self.columns[name] for name in names]
        group, example = combine(
            [(column.codes + 1, len(column.values) + 1) for column in columns], rows)
        found: dict[int | str, tuple[object, list[int]]] = {}
        for number, row in enumerate(example.tolist()):
            header = {name: column.values[column.codes[row]]
                      for name, column in zip(names, columns, strict=True)
                      if column.codes[row] != MISSING}
            try:
                with self.engine._lock:
                    instrument = self.known.instrument(header)
                    instrument.chosen(self.types)
            except CannotSelect as exc:
                instrument = str(exc)
            except DifferentInstruments:
                instrument = None
            key = instrument if isinstance(instrument, str) else id(instrument)
            found.setdefault(key, (instrument, []))[1].append(number)
        for instrument, numbers in found.values():
            if len(found) == 1:
                yield instrument, np.arange(rows)
            else:
                yield instrument, np.flatnonzero(np.isin(group, numbers))

    def _one_by_one(self, rows: np.ndarray) -> None:
        for row in rows.tolist():
            place = np.array([row + self.start])
            try:
                found = _by_library(self.known, self.table.header(row), self.types)
            except CannotSelect as exc:
                self.result.fail(place, str(exc))
                continue
            self.result.order(place, tuple(found))
            for kind, answer in found.items():
                self.result.put(kind, place, np.zeros(1, np.int32), [answer])
                self._leave(kind, self.known.mapping.basename, "headers of two instruments", 1)

    # ---- rules -----------------------------------------------------------------------

    def _select(self, instrument: Instrument, rows: np.ndarray) -> None:
        kinds = instrument.chosen(self.types)
        place = rows + self.start
        self.result.order(place, kinds)
        rules = {kind: instrument.rules[kind] for kind in kinds if kind in instrument.rules}
        for kind in kinds:
            if kind not in rules:
                answer = instrument.constant(kind)
                if answer is not None:
                    self.result.put(kind, place, np.zeros(len(rows), np.int32), [answer])
        work = _Instrument(self, instrument, rules, rows)
        for kind, rule in rules.items():
            if rule.reason:
                codes, answers = np.full(len(rows), ASK_LIBRARY, np.int32), []
            else:
                codes, answers = work.codes(rule)
            self._ask(instrument, kind, rule, work, codes, answers)
            self.result.put(kind, place, codes, answers)

    def _ask(self, instrument: Instrument, kind: str, rule: CompiledRule, work: _Instrument,
             codes: np.ndarray, answers: list[str]) -> None:
        """Put the library's answers where ``codes`` says that only it can answer."""
        rows = np.flatnonzero(codes == ASK_LIBRARY)
        if not len(rows):
            return
        group, headers = work.headers(rule, rows)
        number: dict[str, int] = {}
        found = np.empty(len(headers), np.int32)
        for index, header in enumerate(headers):
            with rule.lock:
                answer = instrument.ask(kind, header)
            found[index] = OMITTED if answer is None else len(answers) + number.setdefault(
                answer, len(number))
        codes[rows] = found[group]
        answers.extend(number)
        self._leave(kind, instrument.rmaps[kind], rule.reason or UNUSUAL, len(rows))

    def _leave(self, kind: str, rule: str, reason: str, rows: int) -> None:
        key = kind, rule, reason
        self.left[key] = self.left.get(key, 0) + rows


class _Instrument:
    """What the rules of one instrument share while they work on the same rows."""

    def __init__(self, slice_: _Slice, instrument: Instrument, rules: Mapping[str, CompiledRule],
                 rows: np.ndarray):
        self._slice, self._instrument, self._rows = slice_, instrument, rows
        self._raw: dict[str, Column] = {}
        self._columns: dict[str, Column] = {}
        self._moments: dict[tuple[str, ...], np.ndarray] = {}
        self._ranks: dict[tuple[str, ...], tuple[np.ndarray, np.ndarray]] = {}
        self._starts: dict[tuple[str, ...], np.ndarray] = {}
        compiled = [rule for rule in rules.values() if not rule.reason]
        for dates in {rule.dates for rule in compiled}:
            self._starts[dates] = np.unique(np.concatenate(
                [rule.starts for rule in compiled if rule.dates == dates]))
        names = list(dict.fromkeys(name for rule in compiled for name in rule.columns))
        columns = {name: self._epochs() if name == EPOCH else self.column(name)
                   for name in names}
        self._set, example = combine(
            [(column.codes, len(column.values)) for column in columns.values()], len(rows))
        self._frame = Frame(
            {name: column.take(example) for name, column in columns.items()}, len(example))

    def codes(self, rule: CompiledRule) -> tuple[np.ndarray, list[str]]:
        """(codes of the answers of each row, the answers)."""
        with rule.lock:
            rule.trim()
            plans = rule.plans(self._frame)[self._set]
            moments_, ranks = self._moment(rule.dates), self._rank(rule)
            codes = rule.codes(plans, moments_, ranks)
            return codes, list(rule.answers)

    def headers(self, rule: CompiledRule, rows: np.ndarray) -> tuple[np.ndarray, list[dict]]:
        """(group of each of ``rows``, the header of each group) of all that the rule asks."""
        # Dates are conditioned for these rows only: few are odd, and most differ.
        columns = {key: self._columns[key].take(rows) if key in self._columns
                   else self._slice._conditioned(self.raw(key).take(rows)) for key in rule.keys}
        group, sets = Frame(columns, len(rows)).sets(rule.keys)
        return group, [dict(zip(rule.keys, values, strict=True)) for values in sets]

    def column(self, key: str) -> Column:
        """The conditioned values of a parameter."""
        if key not in self._columns:
            self._columns[key] = self._slice._conditioned(self.raw(key))
        return self._columns[key]

    def raw(self, key: str) -> Column:
        if key not in self._raw:
            self._raw[key] = self._slice._raw(*self._instrument.lookups[key], self._rows)
        return self._raw[key]

    def _moment(self, dates: tuple[str, ...]) -> np.ndarray:
        if dates not in self._moments:
            self._moments[dates] = (moments([self.raw(key) for key in dates]) if dates
                                    else np.zeros(len(self._rows), np.int64))
        return self._moments[dates]

    def _rank(self, rule: CompiledRule) -> np.ndarray:
        """How many of the rule's starts are not later than the moment of each row."""
        dates = rule.dates
        starts = self._starts[dates]
        if dates not in self._ranks:
            self._ranks[dates] = np.searchsorted(starts, self._moment(dates), "right")
        own = np.searchsorted(rule.starts, np.concatenate([[-1], starts]), "right")
        return own[self._ranks[dates]]

    def _epochs(self) -> Column:
        at = self._moment(EPOCH_KEYS)
        codes = np.searchsorted(np.array(EPOCH_LIMITS), at, "right").astype(np.int32)
        codes[at < 0] = len(EPOCHS)
        return Column(codes, [*EPOCHS, NO_EPOCH])


def _first_of(one: Column, other: Column) -> Column:
    """``one``, and ``other`` where it has no value."""
    values = [*one.values, *other.values]
    shifted = np.where(other.codes == MISSING, MISSING, other.codes + len(one.values))
    return Column(np.where(one.codes == MISSING, shifted, one.codes).astype(np.int32), values)
