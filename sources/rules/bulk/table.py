"""Headers of many exposures as columns."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np

from .codes import MISSING, Column, encode


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
                     names: Iterable[str] | None = None,
                     translate: Callable[[Mapping], Mapping] | None = None) -> Table:
        """The table of ``headers``; None is missing, other values are taken as their text.

        With ``names`` only these keywords are kept.  ``translate`` is applied to headers with
        keywords other than ``META.`` ones, and gives them the keywords that rules use.
        """
        return _Reader(names, translate).read(headers)

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
    """Turns headers into columns, some hundred headers at a time.

    They are read one keyword after the other, so that nothing but look-ups of texts is left
    to do for each value.
    """

    #: Headers that are read together: what they hold should fit in the processor's cache.
    AT_ONCE = 1000

    def __init__(self, names: Iterable[str] | None, translate):
        self.names = None if names is None else frozenset(names)
        self.translate = translate
        self._columns: dict[str, tuple[np.ndarray, dict[str | None, int]]] = {}

    def read(self, headers: Sequence[Mapping[str, str]]) -> Table:
        rows = len(headers)
        for start in range(0, rows, self.AT_ONCE):
            part = headers[start:start + self.AT_ONCE]
            if self.translate:
                part = [self.translate(header) if any(map(foreign, header)) else header
                        for header in part]
            self._put(part, start, rows)
        return Table({name: Column(codes, list(known)[1:])
                      for name, (codes, known) in self._columns.items()}, rows)

    def _put(self, headers: Sequence[Mapping], start: int, rows: int) -> None:
        """Write the values of ``headers`` to the rows from ``start`` on."""
        names = set().union(*headers)
        for name in names if self.names is None else names & self.names:
            if name not in self._columns:
                self._columns[name] = np.full(rows, MISSING, np.int32), {None: MISSING}
            codes, known = self._columns[name]
            texts = [header.get(name) for header in headers]
            if not set(map(type, texts)) <= _TEXT_OR_MISSING:
                texts = [None if text is None else str(text) for text in texts]
            codes[start:start + len(texts)] = _numbers(known, texts)


_TEXT_OR_MISSING = {str, type(None)}


def _numbers(known: dict[str | None, int], texts: Sequence[str | None]) -> np.ndarray:
    """Numbers of ``texts``, (texts,) int32; new ones get the next numbers in ``known``."""
    try:
        return np.fromiter(map(known.__getitem__, texts), np.int32, len(texts))
    except KeyError:
        for text in texts:
            if text not in known:
                known[text] = len(known) - 1
        return np.fromiter(map(known.__getitem__, texts), np.int32, len(texts))


def foreign(name) -> bool:
    """Whether an observatory of ``META.`` keywords may know ``name`` under another one."""
    return not (isinstance(name, str) and name.startswith("META.") and name.isupper())
