"""The kept difference of a pair, and what else is known about it."""

from __future__ import annotations

from django.conf import settings

from interactive.models import AffectedDatasets, CatalogFile, ContextHistory
from jobs import kept
from rules.names import split_serial

from . import reference_files, rule_files
from .pairs import Pair

#: Deliveries between two files that a page lists.
DELIVERIES = 100


def obtain(pair: Pair) -> kept.Kept:
    """The difference of ``pair`` as it stands; a job makes it if nobody has asked before."""
    kind = rule_files.KIND if pair.are_rules else reference_files.KIND
    return kept.obtain(kind, pair.key, {"old": pair.old.name, "new": pair.new.name})


def deliveries(pair: Pair) -> tuple[list[CatalogFile], bool]:
    """Rules delivered after the one of ``pair`` up to the other, oldest first; whether that is all.

    Each has ``latest_since`` (a time or None) and ``use_reason``, why it became the latest.
    Empty for rules of different series, for references, and where nothing is known of any.
    """
    first, last = sorted((pair.old.name, pair.new.name))
    stem = split_serial(last)[0].rpartition(".")[0]
    if not pair.are_rules or not first.startswith(stem):
        return [], True
    rows = list(CatalogFile.objects.published()
                .filter(extension=pair.new.extension, name__startswith=f"{stem}_",
                        name__gt=first, name__lte=last)
                .order_by("name").only("name", "delivery_date", "description")[:DELIVERIES + 1])
    found = rows[:DELIVERIES]
    _add_history(found)
    if not any(row.delivery_date or row.description or row.latest_since for row in found):
        return [], True
    return found, len(rows) <= DELIVERIES


def _add_history(rows: list[CatalogFile]) -> None:
    entries: dict[str, ContextHistory] = {}
    for entry in (ContextHistory.objects.filter(context__in=[row.name for row in rows])
                  .order_by("-start_date", "-id")):
        entries[entry.context] = entry
    for row in rows:
        entry = entries.get(row.name)
        row.latest_since = entry.start_date if entry else None
        reason = entry.description if entry else ""
        row.use_reason = reason if reason != row.description else ""


def affected(pair: Pair) -> AffectedDatasets | None:
    """Which datasets the change affects, where that was computed."""
    if not pair.are_contexts:
        return None
    return AffectedDatasets.objects.filter(
        observatory=settings.CRDS_OBSERVATORY, old_context=pair.old.name,
        new_context=pair.new.name).first()
