"""Headers of many exposures as columns."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from operator import itemgetter

import numpy as np

from .codes import Column, encode


class Table:
    """Headers as columns: ``columns`` maps keywords to :class:`Column` of the same length.

    A keyword that a header does not have is missing there, which is not the same as a
    header that has it with the value UNDEFINED or an empty one.  Where an observatory
    knows one parameter under several keywords and a header has more than one of them,
    the last column counts, as the last key of a header does.
    """

    def __init__(self, columns: Mapping[str, Column], rows: int):
        for name, column in columns.items():
            if len(column.codes) != rows:
                raise ValueError(f"Column {name!r} has {len(column.codes)} rows, not {rows}.")
        self.columns = dict(columns)
        self.rows = rows

    def __len__(self) -> int:
        return self.rows

    @classmethod
    def from_columns(cls, columns: Mapping[str, Sequence[str | None]]) -> Table:
        """The table of texts ``{keyword: [value of each header]}``; None is missing."""
        rows = len(next(iter(columns.values()), ()))
        return cls({name: encode(values) for name, values in columns.items()}, rows)

    @classmethod
    def from_headers(cls, headers: Sequence[Mapping[str, str]],
                     names: Iterable[str] | None = None, apart: Iterable[str] = (),
                     translate: Callable[[Mapping], Mapping] | None = None) -> Table:
        """The table of ``headers``; values that are not texts are taken as their text.

        With ``names`` only these keywords are kept.  ``apart`` are keywords that differ in
        nearly every header, such as times; it costs time, nothing else, if they are not
        named.  ``translate`` makes keywords of headers with other than ``META.`` ones ours.
        """
        return _Reader(names, apart, translate).read(headers)

    def take(self, rows: np.ndarray | slice) -> Table:
        """The table of some rows: indices (int) or a slice."""
        columns = {name: column.take(rows) for name, column in self.columns.items()}
        if isinstance(rows, slice):
            return Table(columns, len(range(*rows.indices(self.rows))))
        return Table(columns, len(rows))

    def header(self, row: int) -> dict[str, str]:
        """The header of one row."""
        return {name: column.values[column.codes[row]]
                for name, column in self.columns.items() if column.codes[row] >= 0}


class _Reader:
    """Turns headers into columns.

    Most headers of an archive share their keywords, and many all values but the date.
    Headers with the same keywords are read with one ``itemgetter``, equal ones counted once.
    """

    def __init__(self, names, apart, translate):
        self.names = None if names is None else frozenset(names)
        self.apart = frozenset(apart)
        self.translate = translate
        self._plans: dict[tuple, tuple] = {}
        self._own_plans: dict[tuple, tuple] = {}
        self._layouts: list[tuple] = []
        self._seen: dict[tuple, int] = {}

    def read(self, headers: Sequence[Mapping[str, str]]) -> Table:
        rows = len(headers)
        group = np.empty(rows, np.int32)
        single: dict[str, list[str | None]] = {}
        plans, seen = self._plans, self._seen
        for row, header in enumerate(headers):
            layout = tuple(header)
            plan = plans.get(layout)
            if plan is None:
                plan = plans[layout] = self._plan(layout)
            number, shared, own, translated = plan
            if translated:
                header = self.translate(header)
                number, shared, own, _ = self._translated(tuple(header))
            values = shared(header)
            try:
                # Fails if one is not a text, at a fraction of the cost of looking at each.
                "".join(values)
            except TypeError:
                values = tuple(map(str, values))
            group[row] = seen.setdefault((number, values), len(seen))
            for name in own:
                column = single.get(name)
                if column is None:
                    column = single[name] = [None] * rows
                column[row] = str(header[name])
        return self._table(rows, group, single)

    def _plan(self, layout: tuple) -> tuple:
        """(number of the names, getter of shared values, names apart, to be translated?)."""
        if self.translate and any(map(_foreign, layout)):
            return (0, None, (), True)
        return self._translated(layout)

    def _translated(self, layout: tuple) -> tuple:
        plan = self._own_plans.get(layout)
        if plan is None:
            kept = [name for name in layout if self.names is None or name in self.names]
            shared = tuple(name for name in kept if name not in self.apart)
            own = tuple(name for name in kept if name in self.apart)
            plan = self._own_plans[layout] = (len(self._layouts), _getter(shared), own, False)
            self._layouts.append(shared)
        return plan

    def _table(self, rows: int, group: np.ndarray, single: dict) -> Table:
        by_name: dict[str, list[tuple[int, str]]] = {}
        for (layout, values), number in self._seen.items():
            for name, value in zip(self._layouts[layout], values, strict=True):
                by_name.setdefault(name, []).append((number, value))
        columns = {}
        for name, pairs in by_name.items():
            short: list[str | None] = [None] * len(self._seen)
            for number, value in pairs:
                short[number] = value
            column = encode(short)
            columns[name] = Column(column.codes[group], column.values)
        columns.update((name, encode(values)) for name, values in single.items())
        return Table(columns, rows)


def _foreign(name) -> bool:
    """Whether an observatory of ``META.`` keywords may know ``name`` under another one."""
    return not (isinstance(name, str) and name.startswith("META.") and name.isupper())


def _getter(names: tuple):
    """A function from a header to the tuple of its values of ``names``."""
    if len(names) > 1:
        return itemgetter(*names)
    if names:
        return lambda header: (header[names[0]],)
    return lambda header: ()
