"""Distinct sets of parameters, and functions that depend on a few of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from .codes import Column, combine

#: Sets of values for which a process remembers one function's results.
REMEMBERED = 50_000

#: Stands for all values that are the same to a function.
OTHER = "\0other"


class Frame:
    """``rows`` sets of parameters as columns without missing values."""

    def __init__(self, columns: Mapping[str, Column], rows: int):
        self.columns = columns
        self.rows = rows

    def over(self, columns: Mapping[str, Column]) -> Frame:
        """This frame with some columns replaced."""
        return Frame({**self.columns, **columns}, self.rows) if columns else self

    def only(self, names) -> Frame:
        """This frame without the columns that are not in ``names``."""
        return Frame({name: self.columns[name] for name in names if name in self.columns},
                     self.rows)

    def take(self, rows: np.ndarray) -> Frame:
        return Frame({name: column.take(rows) for name, column in self.columns.items()},
                     len(rows))

    def sets(self, names: Sequence[str]) -> tuple[np.ndarray, list[tuple[str, ...]]]:
        """(group of each row, values of ``names`` in each group)."""
        columns = [self.columns[name] for name in names]
        group, example = combine(
            [(column.codes, len(column.values)) for column in columns], self.rows)
        texts = [[column.values[code] for code in column.codes[example].tolist()]
                 for column in columns]
        return group, list(zip(*texts, strict=True)) if texts else [()] * len(example)


class Known:
    """A function of the values of some parameters, called once for each set of values.

    ``function`` gets the header ``{key: value}`` of ``keys`` and returns something that
    can be a key of a dictionary.  Values of a key in ``telling`` that are not among those
    given there are all the same to it; it gets :data:`OTHER` for them.
    """

    def __init__(self, keys: Sequence[str], function: Callable[[dict[str, str]], Any],
                 telling: Mapping[str, frozenset[str] | None] | None = None):
        self.keys = tuple(keys)
        self._telling = {key: values for key, values in (telling or {}).items()
                         if values is not None and key in self.keys}
        self._function = function
        self._results: dict[tuple, Any] = {}

    def of(self, header: Mapping[str, str]) -> Any:
        """The result for one header."""
        values = [header[key] for key in self.keys]
        if self._telling:
            values = [OTHER if value not in self._telling.get(key, (value,)) else value
                      for key, value in zip(self.keys, values, strict=True)]
        return self(tuple(values))

    def __call__(self, values: tuple[str, ...]) -> Any:
        try:
            return self._results[values]
        except KeyError:
            pass
        if len(self._results) >= REMEMBERED:
            self._results.clear()
        result = self._results[values] = self._function(
            dict(zip(self.keys, values, strict=True)))
        return result

    def over(self, frame: Frame) -> tuple[np.ndarray, list]:
        """(group of each row of ``frame``, result of each group)."""
        frame = frame.over({key: _told(frame.columns[key], values)
                            for key, values in self._telling.items()})
        group, sets = frame.sets(self.keys)
        return group, [self(values) for values in sets]


def _told(column: Column, telling: frozenset[str]) -> Column:
    """``column`` with :data:`OTHER` for all values but those in ``telling``."""
    names = [*sorted(telling), OTHER]
    number = {name: index for index, name in enumerate(names)}
    codes = np.array([number.get(value, len(telling)) for value in column.values], np.int32)
    return Column(codes[column.codes], names)
