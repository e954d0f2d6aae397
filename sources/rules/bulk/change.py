"""What differs between two contexts, and which datasets that can touch.

The client's ``crds bestrefs --affected-datasets`` decides it from the difference of the two
contexts: instruments and types with changed rules, and for each instrument the earliest
USEAFTER of a reference that came or went.  Here the library's own functions decide the same,
on rules that are read only where the names in them differ.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from crds import diff, matches
from crds.bestrefs.bestrefs import MAX_DATE, MIN_DATE
from crds.core import config, selectors

from rules.differences import Reader


@dataclass(frozen=True)
class Change:
    """The change from one context to another, as far as it can touch datasets.

    ``types`` has the changed types of each changed instrument (lower case, sorted).  ``since``
    has the earliest time of observation for instruments where one is known.  ``all_dates``
    says that no time is early enough, because headers changed or files were deleted.
    """

    observatory: str
    old: str
    new: str
    types: dict[str, tuple[str, ...]]
    since: dict[str, str]
    all_dates: bool

    def start(self, instrument: str) -> str:
        """Datasets observed before are not touched: a text such as ``1900-01-01 00:00:00``."""
        return MIN_DATE if self.all_dates else self.since.get(instrument.lower(), MIN_DATE)

    @property
    def instruments(self) -> tuple[str, ...]:
        return tuple(self.types)


def examine(observatory: str, old: str, new: str) -> Change:
    """The change from context ``old`` to ``new``, both names in the library's cache.

    Raises what the library raises for rules that are missing or broken.
    """
    reader = Reader()
    differ = _Differ(observatory, old, new, reader)
    affected = differ.get_affected()
    types = {name: tuple(sorted(affected[name])) for name in sorted(affected)}
    all_dates = bool(types) and (differ.header_modified() or differ.files_deleted())
    since = {} if all_dates or not types else _starts(reader, old, new)
    return Change(observatory, old, new, types, since, all_dates)


class _Differ(diff.MappingDifferencer):
    """The library's, which judges the differences; they are found once, where names differ."""

    def __init__(self, observatory: str, old: str, new: str, reader: Reader):
        super().__init__(observatory, old, new, include_header_diffs=True,
                         hide_boring_diffs=True)
        self._found = reader.read(old).difference(
            reader.read(new), include_header_diffs=True, recurse_added_deleted=False)

    def mapping_diffs(self) -> list:
        return self._found


# ---- the earliest time -----------------------------------------------------------


def _starts(reader: Reader, old: str, new: str) -> dict[str, str]:
    """The earliest USEAFTER of references that came or went, for each instrument that has one."""
    before, after = _children(reader.read(old)), _children(reader.read(new))
    found = {}
    for instrument, name in before.items():
        other = after.get(instrument)
        if other is None or other == name or not _is_rule(name) or not _is_rule(other):
            continue
        start = min(_earliest(reader, other, name), _earliest(reader, name, other))
        if start != MAX_DATE:
            found[instrument.lower()] = start
    return found


def _earliest(reader: Reader, imap: str, other: str) -> str:
    """The earliest USEAFTER of references of ``imap`` that ``other`` does not have."""
    here = {name for name in _children(reader.read(imap)).values() if _is_rule(name)}
    there = {name for name in _children(reader.read(other)).values() if _is_rule(name)}
    known = {reference for name in there - here
             for reference in reader.read(name).reference_names()}
    times: dict[str, str] = {}
    for name in here - there:
        for reference, time in _times(reader.read(name)):
            if reference not in known:
                times[reference] = min(time, times.get(reference, time))
    for reference in _also_in(reader, here & there, set(times)):
        del times[reference]
    return min(times.values(), default=MAX_DATE)


def _also_in(reader: Reader, rmaps: set[str], references: set[str]) -> set[str]:
    """Those of ``references`` that one of ``rmaps`` has, which are read only if they name any."""
    found: set[str] = set()
    for name in rmaps if references else ():
        text = Path(config.locate_mapping(name)).read_text(encoding="utf-8", errors="replace")
        if any(reference in text for reference in references):
            found |= references & set(reader.read(name).reference_names())
    return found


def _times(rule) -> Iterator[tuple[str, str]]:
    """(reference, time from which it is used) for each place of a reference in an rmap."""

    def walk(selector, parameters: dict[str, str]):
        for key, choice in selector._raw_selections:
            here = {**parameters, **dict(selector.match_item(key))}
            if isinstance(choice, selectors.Selector):
                yield from walk(choice, here)
            elif isinstance(choice, str):
                yield choice, matches.get_exptime(here)
            else:
                for one in _texts(choice):
                    yield one, matches.get_exptime(here)

    references = set(rule.reference_names())
    for choice, time in walk(rule.selector, {}):
        if choice in references:
            yield choice, time


def _texts(choice) -> list[str]:
    values = choice.values() if isinstance(choice, dict) else choice
    return [value for value in values if isinstance(value, str)] if isinstance(
        choice, dict | tuple | list) else []


def _children(mapping) -> dict[str, str]:
    """Names (or special values) by key, without reading what they name."""
    return dict(mapping.selections._xx_selector.items())


def _is_rule(value: str) -> bool:
    return isinstance(value, str) and config.is_mapping(value)


__all__ = ["MAX_DATE", "MIN_DATE", "Change", "examine"]
