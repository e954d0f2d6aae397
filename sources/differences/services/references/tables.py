"""Rows of two tables matched by their keys, or by their order, and compared by column."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from difflib import SequenceMatcher

import numpy as np

from .arrays import subtract, unequal
from .values import finite, shown

#: Rows of one list that are kept; all are counted.
LIMIT = 200

#: Columns of such a list that are shown.
COLUMNS = 40

#: Rows of tables that are searched for the same sequence; longer ones are compared as sets.
SEQUENCE_LIMIT = 4_000

#: Rows beyond which tables are not matched by keys.
KEYS_LIMIT = 300_000


@dataclass
class Matching:
    """Numbers of rows that belong together, and of those on one side only."""

    method: str
    pairs: list[tuple[int, int]] = field(default_factory=list)
    deleted: list[int] = field(default_factory=list)
    added: list[int] = field(default_factory=list)


class Table:
    """The columns of a FITS table that both sides have, by name."""

    def __init__(self, data, names: Iterable[str]):
        self.rows = len(data)
        self.columns = {name: np.asarray(data.field(name)) for name in names}

    def values(self, names: Iterable[str]) -> list[tuple]:
        """The rows as tuples that can be compared: NaN equals NaN."""
        return list(zip(*(self._comparable(self.columns[name]) for name in names), strict=True))

    @staticmethod
    def _comparable(column: np.ndarray) -> list:
        if column.dtype == object or column.ndim > 1:
            return [np.asarray(cell).tobytes() for cell in column]
        if column.dtype.kind in "SU":
            return [text.rstrip() for text in column.tolist()]
        if column.dtype.kind in "fc":
            return ["nan" if value != value else value for value in column.tolist()]
        return column.tolist()


def compare(old, new, keys: Iterable[str] = ()) -> dict:
    """Differences of two FITS tables (HDUs); ``keys`` are columns that name a row.

    Of rows ``added``, ``deleted`` and ``changed`` are numbers; the first of each are in
    ``added_rows``, ``deleted_rows`` and ``changed_rows``.  ``statistics`` says for each column
    in how many matched rows it differs.
    """
    columns, common = _compare_columns(old.columns, new.columns)
    one, other = Table(old.data, common), Table(new.data, common)
    wanted = {key.upper() for key in keys}
    keys = [name for name in common if name.upper() in wanted]
    matching = match(one, other, keys)
    statistics, changed = _compare_cells(one, other, matching, common)
    return {
        "columns": columns, "keys": keys, "method": matching.method,
        "rows_old": one.rows, "rows_new": other.rows,
        "deleted": len(matching.deleted), "added": len(matching.added),
        "changed": len(changed),
        "shown_columns": common[:COLUMNS],
        "deleted_rows": _listed(one, matching.deleted, common),
        "added_rows": _listed(other, matching.added, common),
        "changed_rows": _changed(one, other, changed, keys, common),
        "statistics": statistics,
    }


def _compare_columns(old, new) -> tuple[dict, list[str]]:
    """Columns that came, went or have another format or unit; the names that both have."""
    before = {column.name: column for column in old}
    after = {column.name: column for column in new}
    common = [name for name in before if name in after]
    changed = [
        [name, f"{before[name].format} {before[name].unit or ''}".strip(),
         f"{after[name].format} {after[name].unit or ''}".strip()]
        for name in common
        if (before[name].format, before[name].unit) != (after[name].format, after[name].unit)]
    return {
        "deleted": [name for name in before if name not in after],
        "added": [name for name in after if name not in before],
        "changed": changed,
    }, common


# ---- which rows belong together ------------------------------------------------


def match(old: Table, new: Table, keys: list[str]) -> Matching:
    """By keys where there are some, else by order, else by the longest common sequence."""
    if keys and max(old.rows, new.rows) <= KEYS_LIMIT:
        return _by_keys(old.values(keys), new.values(keys))
    if old.rows == new.rows:
        return Matching("order", [(row, row) for row in range(old.rows)])
    if not old.columns or max(old.rows, new.rows) > KEYS_LIMIT:
        common = min(old.rows, new.rows)
        return Matching("order", [(row, row) for row in range(common)],
                        list(range(common, old.rows)), list(range(common, new.rows)))
    before, after = old.values(old.columns), new.values(new.columns)
    if max(old.rows, new.rows) <= SEQUENCE_LIMIT:
        return _by_sequence(before, after)
    return _as_sets(before, after)


def _numbered(values: list[tuple]) -> dict[tuple, int]:
    """Rows by value and by how often the value came before."""
    seen: Counter = Counter()
    rows = {}
    for row, value in enumerate(values):
        rows[value, seen[value]] = row
        seen[value] += 1
    return rows


def _by_keys(old: list[tuple], new: list[tuple]) -> Matching:
    before, after = _numbered(old), _numbered(new)
    return Matching(
        "keys", [(row, after[key]) for key, row in before.items() if key in after],
        [row for key, row in before.items() if key not in after],
        [row for key, row in after.items() if key not in before])


def _as_sets(old: list[tuple], new: list[tuple]) -> Matching:
    found = _by_keys(old, new)
    found.method = "sets"
    return found


def _by_sequence(old: list[tuple], new: list[tuple]) -> Matching:
    found = Matching("sequence")
    codes = SequenceMatcher(None, old, new, autojunk=False).get_opcodes()
    for _, first, last, start, stop in codes:
        common = min(last - first, stop - start)
        found.pairs += [(first + n, start + n) for n in range(common)]
        found.deleted += range(first + common, last)
        found.added += range(start + common, stop)
    return found


# ---- what differs in them ------------------------------------------------------


def _compare_cells(old: Table, new: Table, matching: Matching,
                   names: list[str]) -> tuple[list[dict], dict[int, list[str]]]:
    """Statistics of the columns; the columns that differ by number of the pair."""
    left = np.array([pair[0] for pair in matching.pairs], dtype=np.intp)
    right = np.array([pair[1] for pair in matching.pairs], dtype=np.intp)
    statistics, changed = [], {}
    for name in names:
        before, after = old.columns[name][left], new.columns[name][right]
        mask, numbers = cells(before, after)
        places = np.flatnonzero(mask)
        if not places.size:
            continue
        for place in places.tolist():
            changed.setdefault(place, []).append(name)
        statistics.append({"column": name, "differs": int(places.size), **numbers})
    pairs = {place: (matching.pairs[place], changed[place]) for place in sorted(changed)}
    return statistics, pairs


def cells(old: np.ndarray, new: np.ndarray) -> tuple[np.ndarray, dict]:
    """Which cells of two columns of the same length differ, and by how much."""
    if object in (old.dtype, new.dtype) or old.shape != new.shape:
        pairs = zip(old, new, strict=True)
        return np.array([not _same(one, other) for one, other in pairs], dtype=bool), {}
    mask = unequal(old, new)
    if old.dtype.kind in "SU":
        mask = np.char.rstrip(old) != np.char.rstrip(new)
    numbers = {}
    if old.dtype.kind in "iufc" and new.dtype.kind in "iufc":
        change = subtract(old, new)[mask]
        change = change[np.isfinite(change)]
        if change.size:
            numbers = {"max": finite(np.abs(change).max()), "mean": finite(change.mean())}
    return mask.reshape(len(mask), -1).any(axis=1), numbers


def _same(one, other) -> bool:
    one, other = np.asarray(one), np.asarray(other)
    return one.shape == other.shape and not unequal(one, other).any()


# ---- lists of rows -------------------------------------------------------------


def _listed(table: Table, rows: list[int], names: list[str]) -> list[list]:
    """The first of ``rows``: its number from 1, then the values of the shown columns."""
    return [[row + 1, *(shown(table.columns[name][row]) for name in names[:COLUMNS])]
            for row in rows[:LIMIT]]


def _changed(old: Table, new: Table, changed: dict, keys: list[str],
             names: list[str]) -> list[dict]:
    """The first rows that changed: numbers, what names them, and cells before and after."""
    naming = keys or names[:1]
    return [{
        "old_row": one + 1, "new_row": other + 1,
        "key": [[name, shown(old.columns[name][one])] for name in naming],
        "cells": [[name, shown(old.columns[name][one]), shown(new.columns[name][other])]
                  for name in columns[:COLUMNS]],
    } for (one, other), columns in list(changed.values())[:LIMIT]]
