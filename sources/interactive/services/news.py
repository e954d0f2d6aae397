"""What is new, for feed readers: contexts and files, each an entry with an id for ever."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import NAMESPACE_URL, uuid5

from django.conf import settings
from django.db.models import QuerySet

from common.errors import NotFound
from interactive.models import CatalogFile, ContextHistory

#: Entries of a feed: what a reader that comes once a week may miss at most.
CONTEXTS = 50
FILES = 100


@dataclass(frozen=True)
class Entry:
    """``id`` never changes and is never used for anything else, on any server."""

    id: str
    title: str
    text: str
    name: str
    moment: datetime
    categories: tuple[str, ...] = ()


def contexts() -> list[Entry]:
    """Contexts delivered, and contexts that became the latest, newest first; two queries."""
    delivered = CatalogFile.objects.published().filter(
        extension=".pmap", delivery_date__isnull=False).order_by("-delivery_date", "-pk")
    published = dict.fromkeys(CatalogFile.objects.published().filter(extension=".pmap")
                              .order_by().values_list("name", flat=True))
    entries = [Entry(_id("delivered", row.name), f"{row.name} was delivered",
                     row.description, row.name, row.delivery_date, ("delivered",))
               for row in delivered[:CONTEXTS]]
    entries += [
        Entry(_id("latest", turn.context, turn.start_date.isoformat()),
              f"{turn.context} is the latest context", turn.description,
              # A context that is not published here has no page.
              turn.context if turn.context in published else "", turn.start_date, ("latest",))
        for turn in ContextHistory.objects.order_by("-start_date", "-pk")[:CONTEXTS]]
    return _newest(entries, CONTEXTS)


def files(instrument: str = "") -> list[Entry]:
    """Files delivered, of all instruments or one, newest first.

    By delivery date, and where that is not known by the day on which a file first was in
    the latest context.  Two queries.  Raises :class:`NotFound` for an unknown instrument.
    """
    rows = CatalogFile.objects.published()
    if instrument:
        rows = rows.filter(instrument=instrument)
        if not rows.exists():
            raise NotFound(f"No file of an instrument '{instrument}' is published here.")
    delivered = rows.filter(delivery_date__isnull=False).order_by("-delivery_date", "-pk")
    others = rows.filter(delivery_date__isnull=True, activation_date__isnull=False).order_by(
        "-activation_date", "-pk")
    entries = [_file(row, row.delivery_date) for row in _some(delivered)]
    entries += [_file(row, row.activation_date) for row in _some(others)]
    return _newest(entries, FILES)


def _some(rows: QuerySet) -> QuerySet:
    return rows.only("name", "instrument", "filekind", "type", "description", "delivery_date",
                     "activation_date")[:FILES]


def _file(row: CatalogFile, moment: datetime) -> Entry:
    kind = " ".join(part for part in (row.instrument.upper(), row.filekind) if part)
    title = f"{row.name} ({kind})" if kind else row.name
    categories = tuple(c for c in (row.type, row.instrument, row.filekind) if c)
    return Entry(_id("file", row.name), title, row.description, row.name, moment, categories)


def _newest(entries: list[Entry], number: int) -> list[Entry]:
    return sorted(entries, key=lambda entry: (entry.moment, entry.id), reverse=True)[:number]


def feed_id(name: str) -> str:
    """The id of the feed called ``name``."""
    return _id("feed", name)


def _id(*parts: str) -> str:
    text = "/".join(("crds", settings.CRDS_OBSERVATORY, *parts))
    return uuid5(NAMESPACE_URL, text).urn
