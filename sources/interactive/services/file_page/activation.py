"""When files were in the latest context, from the history of contexts and the rule graph."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

from interactive.models import CatalogFile, ContextHistory, FileState, RuleLink

#: Ids in one query; SQLite takes 32766 parameters.
CHUNK = 10_000


class Interval(NamedTuple):
    """From ``start``, when ``context`` became latest, until ``end``; None: it still is."""

    start: datetime
    end: datetime | None
    context: str


class Times(NamedTuple):
    """``of`` has the intervals of each id, oldest first; ``unknown`` those of nobody knows what.

    While a context that is not published here was latest, what was in it is not known.
    """

    of: dict[int, list[Interval]]
    unknown: list[Interval]


def intervals(files: Iterable[tuple[int, str]]) -> Times:
    """The times in which each (id, name) was latest; five queries for any number of files."""
    files = list(files)
    contexts = contexts_above(files)
    history = list(ContextHistory.objects.order_by("start_date", "id")
                   .values_list("start_date", "context"))
    named = {context for _, context in history}
    published = set(CatalogFile.objects.published().filter(
        extension=".pmap").values_list("name", flat=True))
    return Times({pk: merged(contexts[pk], history) for pk, _ in files},
                 merged(named - published, history))


def merged(contexts: set[str], history: list[tuple[datetime, str]]) -> list[Interval]:
    """The times in which one of ``contexts`` was latest, as ``history`` (oldest first) tells."""
    found: list[Interval] = []
    for index, (start, context) in enumerate(history):
        if context not in contexts:
            continue
        end = history[index + 1][0] if index + 1 < len(history) else None
        if found and found[-1].end == start:
            found[-1] = found[-1]._replace(end=end)
        else:
            found.append(Interval(start, end, context))
    return [interval for interval in found if interval.end != interval.start]


def contexts_above(files: Iterable[tuple[int, str]]) -> dict[int, set[str]]:
    """For each (id, name) the names of the published contexts that contain it.

    A context contains itself.
    """
    files = list(files)
    contexts: dict[int, set[str]] = {pk: set() for pk, _ in files}
    # Which of the files each rule of the level below stands for.
    below: dict[int, set[int]] = {}
    for pk, name in files:
        if name.endswith(".pmap"):
            contexts[pk].add(name)
        else:
            below[pk] = {pk}
    while below:
        level: dict[int, set[int]] = defaultdict(set)
        for child, parent, name in _links_up(list(below)):
            if name.endswith(".pmap"):  # nothing is above
                for pk in below[child]:
                    contexts[pk].add(name)
            else:
                level[parent] |= below[child]
        below = level
    return contexts


def _links_up(ids: list[int]):
    for start in range(0, len(ids), CHUNK):
        yield from (RuleLink.objects.filter(child__in=ids[start:start + CHUNK])
                    .exclude(parent__state=FileState.UPLOADED)
                    .values_list("child_id", "parent_id", "parent__name"))
