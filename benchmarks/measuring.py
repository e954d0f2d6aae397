"""Rounds of measurements side by side, and how they are reported.

Absolute times on a shared machine mean little.  What is compared is measured in
one run, in turn (A B A B …), and judged by the median of the rounds' ratios.
"""

from __future__ import annotations

import os
import platform
import statistics
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

MEGABYTE = 1_000_000


@dataclass
class Series:
    """What one candidate gave in each round, in ``unit``."""

    name: str
    unit: str
    values: list[float] = field(default_factory=list)

    @property
    def median(self) -> float:
        return statistics.median(self.values)

    def line(self, width: int) -> str:
        low, high = min(self.values), max(self.values)
        return (f"  {self.name:<{width}}  {number(low):>10} {number(self.median):>10}"
                f" {number(high):>10}  {self.unit}")


def ratio(first: Series, second: Series) -> float:
    """Median of the ratios of each round: what slowed one round slowed both."""
    return statistics.median(
        one / other for one, other in zip(first.values, second.values, strict=True))


def number(value: float) -> str:
    """``value`` with three significant digits, thousands parted."""
    if value >= 1000:
        return f"{value:,.0f}"
    return f"{value:.{0 if value >= 100 else 1 if value >= 10 else 2 if value >= 1 else 3}f}"


def rounds(candidates: dict[str, Callable[[], float]], *, count: int, unit: str,
           prepare: bool = True) -> dict[str, Series]:
    """Call each candidate once a round, in turn, and collect what they return.

    ``prepare`` runs one round more in front, whose values are dropped: caches
    fill, workers load what they need.
    """
    series = {name: Series(name, unit) for name in candidates}
    for round_ in range(-1 if prepare else 0, count):
        for name, candidate in candidates.items():
            value = candidate()
            if round_ >= 0:
                series[name].values.append(value)
    return series


def percentile(values: Iterable[float], share: float) -> float:
    """The value that ``share`` (0 … 1) of ``values`` do not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def timed(work: Callable[[], object]) -> float:
    """Seconds that ``work`` takes."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


# ---- what people read ----------------------------------------------------


def title(text: str) -> None:
    print(f"\n{text}\n{'=' * len(text)}")
    print(f"Python {platform.python_version()}, {os.cpu_count()} cores,"
          f" load {os.getloadavg()[0]:.1f}", flush=True)


def table(heading: str, series: Iterable[Series]) -> None:
    series = list(series)
    width = max(len(one.name) for one in series)
    print(f"\n{heading}\n  {'':<{width}}  {'min':>10} {'median':>10} {'max':>10}")
    for one in series:
        print(one.line(width), flush=True)


@dataclass(frozen=True)
class Goal:
    """A figure the project is held to: ``reached`` must be at least (or at most) ``wanted``."""

    text: str
    reached: float
    wanted: float
    at_most: bool = False
    unit: str = ""

    @property
    def met(self) -> bool:
        return self.reached <= self.wanted if self.at_most else self.reached >= self.wanted

    def show(self) -> bool:
        relation = "at most" if self.at_most else "at least"
        verdict = "met" if self.met else "NOT met"
        unit = f" {self.unit}" if self.unit else ""
        print(f"  {self.text}: {self.reached:.2f}{unit}"
              f" (goal {relation} {self.wanted:g}{unit}): {verdict}", flush=True)
        return self.met


def verdict(goals: Iterable[Goal], reading: str) -> int:
    """Print goals and how to read the figures; the exit status of the script."""
    print("\nGoals")
    unmet = [goal for goal in goals if not goal.show()]
    print(f"\nHow to read it: {reading}")
    return 1 if unmet else 0
