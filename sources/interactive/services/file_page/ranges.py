"""Ranges of names of a series: ``hst_0210.pmap`` to ``hst_0500.pmap`` in place of 291 names."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import NamedTuple

from rules.names import split_serial


class Range(NamedTuple):
    """Neighbours in a series, from ``first`` to ``last``, ``count`` of them."""

    first: str
    last: str
    count: int


def in_order(names: Iterable[str]) -> list[str]:
    """``names`` by series, then by serial number; names without a number come first."""
    return sorted(names, key=_key)


def _key(name: str) -> tuple[str, int, str]:
    series, serial = split_serial(name)
    return series, -1 if serial is None else serial, name


def ranges(names: Iterable[str], published: Iterable[str]) -> list[Range]:
    """``names`` as ranges without a gap among ``published``, each series apart, oldest first.

    A number that was never published is no gap.
    """
    wanted = set(names)
    series: dict[str, list[str]] = defaultdict(list)
    for name in in_order({*published, *wanted}):
        series[split_serial(name)[0]].append(name)
    found: list[Range] = []
    for members in series.values():
        found += _runs(members, wanted)
    return found


def _runs(members: list[str], wanted: set[str]) -> list[Range]:
    runs: list[Range] = []
    run: list[str] = []
    for name in [*members, None]:
        if name in wanted:
            run.append(name)
        elif run:
            runs.append(Range(run[0], run[-1], len(run)))
            run = []
    return runs
