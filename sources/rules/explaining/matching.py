"""Match cases against a header: which parameter matches, is neutral or fails."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from functools import cached_property
from weakref import WeakKeyDictionary

from crds.core import selectors

from . import places
from .model import Case, Cell, Hint, Mark

#: The library's answer of a matcher: 1 match, 0 don't care, -1 no match.
MARKS = {1: Mark.MATCHED, 0: Mark.NEUTRAL, -1: Mark.FAILED}

#: Most values that a hint names.
HINT_VALUES = 24

Key = tuple[str, ...]


class Matrix:
    """Every case of a Match selector beside the values of a header.

    The library stops at the first parameter that fails; here every parameter is
    asked, by the library's own matchers, so that near misses can be told.
    """

    def __init__(self, selector: selectors.MatchSelector, header: Mapping[str, str]):
        self.selector = selector
        self.parameters = selector._parameters
        self.values = tuple(header.get(name, "UNDEFINED") for name in self.parameters)
        self._known: list[dict[str, int]] = [{} for _ in self.parameters]
        self.statuses: dict[Key, tuple[int, ...]] = {
            key: self._statuses(key, matchers)
            for key, (matchers, _) in selector._match_selections.items()}

    def _statuses(self, key: Key, matchers: tuple[selectors.Matcher, ...]) -> tuple[int, ...]:
        # Cases repeat their patterns: each is matched once.
        found = []
        for pattern, known, matcher, value in zip(
                key, self._known, matchers, self.values, strict=False):
            status = known.get(pattern)
            if status is None:
                status = known[pattern] = matcher.match(value)
            found.append(status)
        return tuple(found)

    @cached_property
    def failures(self) -> dict[Key, int]:
        return {key: statuses.count(-1) for key, statuses in self.statuses.items()}

    def candidates(self) -> dict[int, list[Key]]:
        """Cases in which nothing fails, by weight (number of matches)."""
        found: dict[int, list[Key]] = defaultdict(list)
        for key, statuses in self.statuses.items():
            if -1 not in statuses:
                found[statuses.count(1)].append(key)
        return found

    def nearest(self, count: int) -> list[Key]:
        """The ``count`` cases that fail in fewest parameters, those that match in most first."""
        missing = [key for key, failed in self.failures.items() if failed]
        missing.sort(key=lambda key: (self.failures[key], -self.statuses[key].count(1), key))
        return missing[:count]

    def missed(self) -> dict[int, int]:
        """How many cases fail in 1, 2 … parameters."""
        counts = Counter(failed for failed in self.failures.values() if failed)
        return dict(sorted(counts.items()))

    def hints(self) -> list[Hint]:
        """Where one parameter alone is in the way: the patterns that would let it through."""
        patterns: dict[int, dict[str, int]] = defaultdict(Counter)
        for key, failed in self.failures.items():
            if failed == 1:
                index = self.statuses[key].index(-1)
                patterns[index][key[index]] += 1
        return [
            Hint(self.parameters[index], self.values[index], sorted(found)[:HINT_VALUES],
                 sum(found.values()))
            for index, found in sorted(patterns.items(), key=lambda item: -sum(item[1].values()))]

    def case(self, key: Key) -> Case:
        statuses = self.statuses[key]
        written = written_key(self.selector, key)
        cells = [
            self._cell(name, value, pattern, as_written, status)
            for name, value, pattern, as_written, status in zip(
                self.parameters, self.values, key, written, statuses, strict=False)]
        return Case(written, places.line(self.selector, written), cells, statuses.count(1),
                    statuses.count(0), statuses.count(-1))

    @staticmethod
    def _cell(name: str, value: str, pattern: str, written: str, status: int) -> Cell:
        substituted = _differs(written, pattern)
        return Cell(name, value, pattern, written, MARKS[status],
                    _note(name, value, pattern, written if substituted else "", status),
                    substituted)


def _note(name: str, value: str, pattern: str, written: str, status: int) -> str:
    """Why a cell is as it is, where it is not plain to see; ``written`` if substituted."""
    substituted = f"the rules read {written} as {pattern}; " if written else ""
    if status == 0:
        if pattern == "N/A":
            return substituted + "N/A in the rule: any value passes and adds no weight"
        return substituted + "the value N/A passes and adds no weight"
    if status == 1 and value == "*":
        return substituted + "the value * matches everything"
    if status == 1 and pattern == "*":
        return substituted + "* in the rule: any value matches and adds weight"
    if status == -1 and value == "UNDEFINED":
        return substituted + f"{name} is not in the header"
    return substituted.rstrip("; ")


def _differs(written: str, pattern: str) -> bool:
    """Whether a substitution stands behind the pattern, and not only a tidier form."""
    return pattern != selectors.MatchSelector.condition_key_element(written)


# ---- how the rule file writes a case ----------------------------------------------

_written: WeakKeyDictionary[selectors.Selector, dict[Key, Key]] = WeakKeyDictionary()


def written_key(selector: selectors.MatchSelector, key: Key) -> Key:
    """The case ``key`` as it stands in the rule file, before substitutions."""
    known = _written.get(selector)
    if known is None:
        known = _written[selector] = dict(
            (_used(selector, raw), _texts(raw)) for raw in selector.raw_keys())
    return known.get(key, key)


def _used(selector: selectors.MatchSelector, raw) -> Key:
    (substituted,) = selector.do_substitutions({raw: None})
    return selector.condition_key(substituted)


def _texts(raw) -> Key:
    values = raw if isinstance(raw, tuple) else (raw,)
    return tuple("|".join(map(str, value)) if isinstance(value, (tuple, list)) else str(value)
                 for value in values)
