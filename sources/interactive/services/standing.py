"""Where a rule file stands among its kind: in use or not, since when, what came before and after.

``periods`` of the context history also serve history pages and the timeline.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise

from interactive.models import CatalogFile, ContextHistory, FileState
from rules.names import split_serial

from . import contexts


@dataclass(frozen=True)
class Period:
    """``context`` was latest from ``start`` to ``end``, None for until now."""

    context: str
    start: datetime
    end: datetime | None
    description: str = ""


@dataclass(frozen=True)
class Standing:
    """``previous`` and ``next`` are the neighbours in the series of names, ``current`` what the
    latest context has in its place; each None where there is none.  ``roles`` are latest, edit,
    versions and banner."""

    file: CatalogFile
    roles: tuple[str, ...]
    periods: tuple[Period, ...]
    previous: str | None
    next: str | None
    current: str | None

    @property
    def is_latest(self) -> bool:
        """In use now: the latest context, or rules that it contains."""
        if self.file.is_context:
            return "latest" in self.roles
        return self.file.state == FileState.LATEST

    @property
    def superseded(self) -> Period | None:
        """The last time it was latest, if it was and is no more."""
        return self.periods[-1] if self.periods and not self.is_latest else None


def periods() -> list[Period]:
    """Which context was latest from when to when, oldest first; one query.

    Entries that follow each other with the same context are one period.
    """
    rows = list(ContextHistory.objects.order_by("start_date", "id")
                .values_list("context", "start_date", "description"))
    found: list[Period] = []
    for (context, start, description), following in pairwise([*rows, None]):
        end = following[1] if following else None
        if found and found[-1].context == context:
            found[-1] = Period(context, found[-1].start, end, found[-1].description)
        else:
            found.append(Period(context, start, end, description))
    return found


def by_context() -> dict[str, list[Period]]:
    """:func:`periods` of each context."""
    found = defaultdict(list)
    for period in periods():
        found[period.context].append(period)
    return dict(found)


def of(file: CatalogFile) -> Standing:
    """The standing of a published rule file; three queries."""
    pointers = contexts.pointers()
    roles = tuple(kind for kind, row in pointers.items() if row.context_id == file.pk)
    latest = pointers["latest"].context if "latest" in pointers else None
    previous, following = neighbours(file)
    return Standing(
        file=file, roles=roles, previous=previous, next=following,
        current=_in_place_of(file, latest) if latest else None,
        periods=tuple(p for p in periods() if p.context == file.name) if file.is_context else ())


def _in_place_of(file: CatalogFile, latest: CatalogFile) -> str | None:
    """The rules that the context ``latest`` has for what ``file`` is for; itself for contexts."""
    if file.is_context:
        return latest.name
    published = CatalogFile.objects.published().order_by().values_list("name", flat=True)
    if file.extension == ".imap":
        return published.filter(
            links_up__parent=latest, links_up__key=file.instrument).first()
    return published.filter(
        links_up__key=file.filekind, links_up__parent__links_up__parent=latest,
        links_up__parent__links_up__key=file.instrument).first()


def neighbours(file: CatalogFile) -> tuple[str | None, str | None]:
    """The published rule files before and after ``file`` in its series; one query."""
    names = CatalogFile.objects.published().mappings().filter(
        extension=file.extension, instrument=file.instrument, filekind=file.filekind,
    ).order_by().values_list("name", flat=True)
    ordered = sorted(names, key=order)
    place = ordered.index(file.name)
    return (ordered[place - 1] if place else None,
            ordered[place + 1] if place + 1 < len(ordered) else None)


def order(name: str) -> tuple[int, str]:
    """Sorts rules of one kind by their serial numbers; those without come first."""
    serial = split_serial(name)[1]
    return (-1 if serial is None else serial, name)
