"""Puts datasets into this server's own table."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import islice

from django.conf import settings
from django.db import Error, connections, transaction
from django.db.models import F

from common.errors import BadRequest, Unavailable

from . import headers, ids
from .backends import ALIAS, is_external
from .backends.base import chunks
from .models import Dataset, InstrumentRevision
from .reading import Item

#: Problems that are kept word by word; more are only counted.
KEPT_PROBLEMS = 100
_WRITTEN = ("instrument", "date_obs", "header", "params_source", "updated")


@dataclass
class LoadCount:
    """What became of the items read: each is added, replaced, kept, unchanged or invalid.

    ``kept`` are those whose older form was left as it was; ``problems`` tells about the
    first invalid ones.  An id that comes twice in a batch counts once.
    """

    read: int = 0
    added: int = 0
    replaced: int = 0
    kept: int = 0
    unchanged: int = 0
    invalid: int = 0
    problems: list[str] = field(default_factory=list)

    def reject(self, text: str) -> None:
        self.invalid += 1
        if len(self.problems) < KEPT_PROBLEMS:
            self.problems.append(text)


def load(items: Iterable, *, replace: bool = True, batch: int = 2000, source: str = "",
         progress: Callable[[LoadCount], None] | None = None) -> LoadCount:
    """Insert or update datasets.

    ``items`` are :class:`archive.reading.Item` or tuples (product, exposure,
    instrument, header).  Each ``batch`` of them is one short transaction; what went
    before stays when one fails or the caller stops, and loading again continues it.
    With ``replace`` false, datasets that are there stay as they are.  ``source`` is
    kept as the origin of the parameters.  ``progress`` is called after each batch.
    """
    if is_external():
        raise BadRequest(
            "The datasets are in an existing archive's tables (ARCHIVE_SCHEMA), which are only"
            " read. Load into them with the archive's own tools.")
    count = LoadCount()
    pending = iter(items)
    while part := list(islice(pending, batch)):
        count.read += len(part)
        rows = {(row.product, row.exposure): row for row in _rows(part, source, count)}
        _store(rows, replace, count)
        if progress:
            progress(count)
    return count


def _rows(items: list, source: str, count: LoadCount) -> Iterator[Dataset]:
    now = datetime.now(UTC)
    for item in items:
        item = Item(*item)
        try:
            yield _row(item, source, now)
        except (headers.BadHeader, BadRequest) as exc:
            name = f"{item.product}:{item.exposure}"[:140]
            count.reject(f"{item.place + ': ' if item.place else ''}{name}: {exc}")


def _row(item: Item, source: str, now: datetime) -> Dataset:
    product, exposure = (str(half).strip().upper() for half in (item.product, item.exposure))
    ids.parse(f"{product}:{exposure}")
    header = headers.normalized(item.header)
    instrument = headers.instrument(header)
    if not instrument:
        if not item.instrument:
            raise headers.BadHeader("neither the header nor the caller names the instrument")
        instrument = ids.instrument_name(item.instrument)
        header[headers.INSTRUMENT_KEY.get(settings.CRDS_OBSERVATORY, "INSTRUME")] = instrument
    return Dataset(
        product=product, exposure=exposure, instrument=ids.instrument_name(instrument),
        date_obs=headers.observed(header), params_source=source[:64], updated=now,
        header=json.dumps(header, separators=(",", ":"), sort_keys=True, ensure_ascii=False))


def _store(rows: dict[tuple[str, str], Dataset], replace: bool, count: LoadCount) -> None:
    """Write the rows of one batch that differ from what is there."""
    try:
        with transaction.atomic(using=ALIAS):
            old = _present(rows)
            new = [row for key, row in rows.items() if key not in old]
            changed = [row for key, row in rows.items() if key in old and _differs(row, old[key])]
            written = new + changed if replace else new
            _write(written, replace)
            _count_change({row.instrument for row in written}
                          | {old[row.product, row.exposure][0] for row in changed})
    except Error as exc:
        raise Unavailable(
            f"The archive's dataset catalogue cannot be written ({exc}). {count.read} entries were"
            " read; those of the batches before are in. Load again when the database works.",
        ) from exc
    count.added += len(new)
    count.unchanged += len(rows) - len(new) - len(changed)
    if replace:
        count.replaced += len(changed)
    else:
        count.kept += len(changed)


def _present(rows) -> dict[tuple[str, str], tuple[str, str]]:
    """Instrument and header of those of ``rows`` that are in the table."""
    old = {}
    for chunk in chunks({exposure for _product, exposure in rows}):
        found = Dataset.objects.using(ALIAS).filter(exposure__in=chunk)
        for product, exposure, *rest in found.values_list(
                "product", "exposure", "instrument", "header"):
            old[product, exposure] = tuple(rest)
    return old


def _count_change(instruments: set[str]) -> None:
    revisions = InstrumentRevision.objects.using(ALIAS)
    for instrument in sorted(instruments):
        if not revisions.filter(instrument=instrument).update(revision=F("revision") + 1):
            revisions.get_or_create(instrument=instrument, defaults={"revision": 1})


def _differs(row: Dataset, old: tuple[str, str]) -> bool:
    return (row.instrument, row.header) != old


def _write(rows: list[Dataset], replace: bool) -> None:
    # Somebody else may load the same at the same time: never fail on a row that is there now.
    if not replace:
        Dataset.objects.using(ALIAS).bulk_create(rows, ignore_conflicts=True)
        return
    named = connections[ALIAS].features.supports_update_conflicts_with_target
    Dataset.objects.using(ALIAS).bulk_create(
        rows, update_conflicts=True, update_fields=_WRITTEN,
        unique_fields=["product", "exposure"] if named else None)
