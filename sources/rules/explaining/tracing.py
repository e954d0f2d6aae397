"""Follows the library through the selectors of a rule file.

The library's own methods do every step (checks, order of candidates, merging,
search); between the steps this module writes down what they gave.
:func:`follow` mirrors ``crds.core.selectors.Selector.choose`` line for line.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

from crds.core import selectors
from crds.core.exceptions import CrdsLookupError

from .matching import Key, Matrix
from .model import Entry, Group, Trace


@dataclass(frozen=True)
class Extent:
    """How much of a trace is kept."""

    misses: int = 5  #: nearest misses
    entries: int | None = None  #: entries kept on each side of the chosen one; None: all


@dataclass
class Followed:
    """What a selector chose, or how it failed, and the way there."""

    choice: Any
    error: Exception | None
    trace: Trace

    def get(self) -> Any:
        """The choice; raises what the library raises where there is none."""
        if self.error is not None:
            raise self.error
        return self.choice


def follow(selector: selectors.Selector, header: Mapping[str, str],
           extent: Extent, sources: Iterable[selectors.Selector] = ()) -> Followed:
    """Choose from ``selector`` as the library does and tell how.

    ``sources`` are the selectors that ``selector`` was merged from.
    """
    trace = Trace(selector.short_name, list(selector._parameters), "",
                  len(selector._selections))
    if isinstance(selector, selectors.MatchSelector):
        walk = _Match(selector, header, extent, trace)
    else:
        walk = _Ordered(selector, header, extent, trace, tuple(sources))
    choice = error = None
    try:
        choice = walk.choose()
        trace.result = str(choice)
    except Exception as exc:  # the library turns any error into its answer
        error = exc
        trace.error, trace.error_kind = str(exc), type(exc).__name__
    walk.finish()
    return Followed(choice, error, trace)


class _Walk:
    """``Selector.choose`` with a note after each step."""

    def __init__(self, selector, header, extent: Extent, trace: Trace):
        self.selector = selector
        self.header = header
        self.extent = extent
        self.trace = trace

    def choose(self) -> Any:
        self.selector._check_defined(self.header)
        key = self.looked_up(self.selector._validate_header(self.header))
        last = None
        for selection in self.selections(key):
            try:
                return self.choice(selection)
            except CrdsLookupError as exc:
                last = exc
        more = " last exception: " + str(last) if last else ""
        raise CrdsLookupError("All lookup attempts failed." + more)

    def looked_up(self, key: Any) -> Any:
        return key

    def selections(self, key: Any) -> Iterable[Any]:
        return self.selector.get_selection(key)

    def choice(self, selection: Any) -> Any:
        raise NotImplementedError

    def finish(self) -> None:
        """Complete the trace, also where nothing was chosen."""


class _Match(_Walk):
    """Match: groups of cases with equal weight, the heaviest first."""

    def __init__(self, selector, header, extent, trace):
        super().__init__(selector, header, extent, trace)
        self.matrix = Matrix(selector, header)
        self._selections: Iterable[Any] = iter(())

    def selections(self, key: Any) -> Iterable[Any]:
        self._selections = self.selector.get_selection(key)
        return self._selections

    def choice(self, selection: selectors.MatchSelection) -> Any:
        group = self._group(selection, tried=True)
        choice = self._below(selection, group).get()
        group.chosen = True
        return choice

    def _group(self, selection: selectors.MatchSelection, tried: bool) -> Group:
        keys: tuple[Key, ...] = selection.key
        cases = [self.matrix.case(key) for key in keys]
        group = Group(len(self.trace.groups) + 1, cases[0].matched, cases, tried, chosen=False)
        self.trace.groups.append(group)
        return group

    def _below(self, selection: selectors.MatchSelection, group: Group) -> Followed:
        """The answer of a group; the library's ``get_choice``."""
        choice = selection.choice
        if not isinstance(choice, selectors.Selector):
            group.result = str(choice)
            return Followed(choice, None, self.trace)
        sources = [self.selector._match_selections[key].choice for key in selection.key]
        found = follow(choice, self.header, self.extent, sources)
        group.below, group.result, group.error = (
            found.trace, found.trace.result, found.trace.error)
        return found

    def finish(self) -> None:
        self._runner_up()
        self._untried()
        self.trace.misses = [self.matrix.case(key)
                             for key in self.matrix.nearest(self.extent.misses)]
        self.trace.missed = self.matrix.missed()
        self.trace.hints = self.matrix.hints()

    def _runner_up(self) -> None:
        """What the next best group would have given; the library does not look."""
        if not any(group.chosen for group in self.trace.groups):
            return
        try:
            for selection in islice(self._selections, 1):
                self._below(selection, self._group(selection, tried=False))
        except Exception:  # it is not needed for the answer
            return

    def _untried(self) -> None:
        """Matching cases that the library did not come to."""
        listed = {group.weight for group in self.trace.groups}
        for weight, keys in sorted(self.matrix.candidates().items(), reverse=True):
            if weight not in listed:
                cases = [self.matrix.case(key) for key in keys]
                self.trace.groups.append(Group(
                    len(self.trace.groups) + 1, weight, cases, tried=False, chosen=False))


class _Ordered(_Walk):
    """UseAfter, VersionAfter, ClosestTime, nearest numbers, brackets and versions."""

    def __init__(self, selector, header, extent, trace, sources):
        super().__init__(selector, header, extent, trace)
        self.sources = sources
        self.chosen: set[int] = set()  #: ids of selections
        self.below: list[Trace] = []

    def looked_up(self, key: Any) -> Any:
        self.trace.value = _key_text(key)
        return key

    def choice(self, selection: Any) -> Any:
        if isinstance(selection, selectors.BracketSelection):
            less = self._one(selection.less)
            if selection.less != selection.greater:
                return less, self._one(selection.greater)
            return less, less
        return self._one(selection)

    def _one(self, selection: selectors.Selection) -> Any:
        self.chosen.add(id(selection))
        if not isinstance(selection.choice, selectors.Selector):
            return selection.choice
        found = follow(selection.choice, self.header, self.extent)
        self.below.append(found.trace)
        return found.get()

    def finish(self) -> None:
        selections = self.selector._selections
        trace = self.trace
        trace.below = self.below
        if not selections:
            return
        trace.keys = [_key_text(selections[0][0]), _key_text(selections[-1][0])]
        first, last = self._kept(selections)
        trace.skipped_before, trace.skipped_after = first, len(selections) - last
        origins = _Origins(self.sources)
        trace.entries = [self._entry(selection, origins) for selection in selections[first:last]]

    def _entry(self, selection: selectors.Selection, origins: _Origins) -> Entry:
        key, choice = selection
        cases, replaced = origins.of(key, choice)
        return Entry(_key_text(key), _choice_text(choice), id(selection) in self.chosen,
                     cases, replaced)

    def _kept(self, selections: list) -> tuple[int, int]:
        """Range of the entries that the trace keeps."""
        around = self.extent.entries
        if around is None:
            return 0, len(selections)
        places = [index for index, one in enumerate(selections) if id(one) in self.chosen]
        if not places:  # the exposure lies before all, or is not known
            return 0, min(len(selections), 2 * around)
        return max(0, places[0] - around), min(len(selections), places[-1] + around + 1)


class _Origins:
    """Which of the merged selectors has a key, and with which choice."""

    def __init__(self, sources: tuple[selectors.Selector, ...]):
        self._found: dict[Any, list[tuple[int, Any]]] = {}
        if len(sources) > 1:
            for number, source in enumerate(sources):
                for key, choice in getattr(source, "_selections", ()):
                    self._found.setdefault(key, []).append((number, choice))

    def of(self, key: Any, chosen: Any) -> tuple[list[int], list[str]]:
        """Numbers of the cases that give ``chosen`` at ``key``, and the choices that lost."""
        found = self._found.get(key)
        if not found:
            return [], []
        return ([number for number, choice in found if choice == chosen],
                sorted({_choice_text(choice) for _, choice in found if choice != chosen}))


def _key_text(key: Any) -> str:
    """Versions are numbers in a row; everything else is shown as it is."""
    if isinstance(key, tuple):
        return ".".join(map(str, key))
    return str(key)


def _choice_text(choice: Any) -> str:
    return choice.short_name if isinstance(choice, selectors.Selector) else str(choice)
