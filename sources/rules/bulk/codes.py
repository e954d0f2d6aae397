"""Arrays of integer codes: which rows are alike.

A column of texts is held as ``codes`` (int32, one for each row) into a list of distinct
``values``.  Rows that have the same values in some columns are found by combining the
codes, never by comparing texts.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

#: Code of a value that is not there.
MISSING = -1

#: Numbers up to this are told apart with a table of that length, larger ones by sorting.
DENSE = 1 << 22


@dataclass(frozen=True)
class Column:
    """``values[codes[row]]`` for each row; :data:`MISSING` where there is none.

    ``codes`` has shape (rows,), dtype int32; ``values`` are distinct as a rule.
    """

    codes: np.ndarray
    values: Sequence[str]

    def take(self, rows: np.ndarray | slice) -> Column:
        return Column(self.codes[rows], self.values)


def encode(values: Sequence[str | None]) -> Column:
    """The column of ``values``; None is missing."""
    seen: dict[str | None, int] = {None: MISSING}
    known: list[str] = []
    codes = np.empty(len(values), np.int32)
    for row, value in enumerate(values):
        code = seen.get(value)
        if code is None:
            code = seen[value] = len(known)
            known.append(value)
        codes[row] = code
    return Column(codes, known)


def distinct(numbers: np.ndarray, limit: int) -> tuple[np.ndarray, np.ndarray]:
    """The distinct ``numbers`` (0 … limit - 1), sorted, and the index of each number's."""
    if limit > max(DENSE, 2 * len(numbers)):
        found, index = np.unique(numbers, return_inverse=True)
        return found, index.reshape(-1).astype(np.int32)
    present = np.zeros(limit, bool)
    present[numbers] = True
    found = np.flatnonzero(present)
    index = np.empty(limit, np.int32)
    index[found] = np.arange(len(found), dtype=np.int32)
    return found, index[numbers]


def combine(parts: Iterable[tuple[np.ndarray, int]], rows: int) -> tuple[np.ndarray, np.ndarray]:
    """Which rows are alike in all ``parts``, given as (codes from 0, number of codes).

    Returns (group, example): ``group`` (rows,) int32 numbers the groups of equal rows,
    ``example`` (groups,) holds one row of each.
    """
    group, count = np.zeros(rows, np.int64), 1
    for codes, size in parts:
        if size <= 1:
            continue
        if count * size > max(DENSE, 2 * rows):
            found, group = distinct(group, count)
            count = len(found)
            group = group.astype(np.int64)
        group = group * size + codes
        count *= size
    found, index = distinct(group, count)
    example = np.empty(len(found), np.int64)
    example[index] = np.arange(rows)
    return index, example
