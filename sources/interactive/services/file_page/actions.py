"""What was done with one file: audit records, deliveries, times as the latest context."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from interactive.models import AuditRecord, CatalogFile, ContextHistory, Delivery

#: Most entries of each kind, and files of a delivery, that are shown.
LIMIT = 200
FILES_LIMIT = 50


@dataclass
class Delivered:
    """A delivery with the other files it brought, ``more`` of them not listed."""

    delivery: Delivery
    files: list[str] = field(default_factory=list)
    more: int = 0


@dataclass
class Actions:
    """Newest first; ``catalog`` is the ``.cat`` that an imported record names."""

    records: list[AuditRecord]
    more_records: int
    deliveries: list[Delivered]
    history: list[ContextHistory]
    catalog: str = ""

    @property
    def nothing(self) -> bool:
        return not (self.records or self.deliveries or self.history or self.catalog)

    @property
    def newest(self) -> datetime | None:
        return self.records[0].date if self.records else None


def actions(file: CatalogFile) -> Actions:
    """Everything that was done with ``file``; at most six queries."""
    records = list(AuditRecord.objects.filter(file=file.name)[:LIMIT + 1])
    more = 0
    if len(records) > LIMIT:
        more = AuditRecord.objects.filter(file=file.name).count() - LIMIT
        records = records[:LIMIT]
    history = []
    if file.is_context:
        history = list(ContextHistory.objects.filter(context=file.name)
                       .order_by("-start_date", "-id")[:LIMIT])
    delivered = _deliveries(file)
    known = {each.delivery.catalog for each in delivered}
    return Actions(records, more, delivered, history,
                   "" if file.catalog_link in known else file.catalog_link)


def _deliveries(file: CatalogFile) -> list[Delivered]:
    found = {row.pk: Delivered(row)
             for row in Delivery.objects.filter(files=file).order_by("-number")[:LIMIT]}
    if found:
        rows = (Delivery.files.through.objects.filter(delivery__in=found).exclude(file=file)
                .order_by("file__name").values_list("delivery_id", "file__name"))
        for delivery, name in rows[:20 * FILES_LIMIT]:
            one = found[delivery]
            if len(one.files) < FILES_LIMIT:
                one.files.append(name)
            else:
                one.more += 1
    return list(found.values())
