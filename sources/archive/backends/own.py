"""Dataset parameters in this server's own table."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator
from datetime import datetime

from django.db.models import Count, Max, Min

from ..models import Dataset, InstrumentRevision
from .base import ALIAS, Entry, InstrumentCount, chunks, reading

_COLUMNS = (
    "product", "exposure", "instrument", "date_obs", "header", "params_source", "updated")
#: Datasets per query when all of an instrument are read.
_PAGE = 2000


def _entry(product, exposure, instrument, date_obs, header, source, updated) -> Entry:
    return Entry(product, exposure, instrument, date_obs, json.loads(header), source, updated)


class OwnBackend:
    """Reads :class:`archive.models.Dataset`."""

    @staticmethod
    def _listing(instrument: str, since: datetime | None):
        rows = Dataset.objects.using(ALIAS).filter(instrument=instrument)
        return rows if since is None else rows.filter(date_obs__gte=since)

    def ids(self, instrument: str, since: datetime | None) -> Iterator[tuple[str, str]]:
        with reading():
            rows = self._listing(instrument, since).values_list("product", "exposure")
            yield from rows.iterator(chunk_size=10_000)

    def entries(self, instrument: str, since: datetime | None) -> Iterator[Entry]:
        # Pages by key: a cursor left open would keep all rows in memory on MariaDB.
        last = 0
        while True:
            with reading():
                page = list(self._listing(instrument, since).filter(pk__gt=last).order_by("pk")
                            .values_list("pk", *_COLUMNS)[:_PAGE])
            for pk, *row in page:
                last = pk
                yield _entry(*row)
            if len(page) < _PAGE:
                return

    def matching(self, products: Collection[str], exposures: Collection[str]) -> Iterator[Entry]:
        # Two queries, not one with OR: each uses its own index.
        for column, values in (("product", products), ("exposure", exposures)):
            for chunk in chunks(values):
                with reading():
                    rows = list(Dataset.objects.using(ALIAS).filter(**{f"{column}__in": chunk})
                                .values_list(*_COLUMNS))
                for row in rows:
                    yield _entry(*row)

    def neighbours(self, half: str, most: int) -> Iterator[tuple[str, str]]:
        rows = Dataset.objects.using(ALIAS).values_list("product", "exposure")
        with reading():
            for column in ("product", "exposure"):
                yield from rows.filter(**{f"{column}__gte": half}).order_by(column)[:most]
                yield from rows.filter(**{f"{column}__lt": half}).order_by(f"-{column}")[:most]

    def counts(self) -> list[InstrumentCount]:
        with reading():
            rows = (Dataset.objects.using(ALIAS).values_list("instrument").order_by("instrument")
                    .annotate(Count("pk"), Min("date_obs"), Max("date_obs")))
            return [InstrumentCount(*row) for row in rows]

    def revision(self, instrument: str) -> str | None:
        with reading():
            changes = (InstrumentRevision.objects.using(ALIAS).filter(instrument=instrument)
                       .values_list("revision", flat=True).first())
            # The number tells changes that were not made by the loader, as far as it can.
            number = self._listing(instrument, None).count()
        return f"{changes or 0}-{number}"
