"""The kept difference of a pair, and what else is known about it."""

from __future__ import annotations

from django.conf import settings

from interactive.models import AffectedDatasets, CatalogFile
from jobs import kept
from rules.names import split_serial

from . import reference_files, rule_files
from .pairs import Pair

#: Deliveries between two files that a page lists.
DELIVERIES = 25


def obtain(pair: Pair) -> kept.Kept:
    """The difference of ``pair`` as it stands; a job makes it if nobody has asked before."""
    kind = rule_files.KIND if pair.are_rules else reference_files.KIND
    return kept.obtain(kind, pair.key, {"old": pair.old.name, "new": pair.new.name})


def deliveries(pair: Pair) -> tuple[list[CatalogFile], bool]:
    """Rules delivered after the one of ``pair`` up to the other, oldest first; whether that is all.

    Empty for rules of different series and for references.
    """
    first, last = sorted((pair.old.name, pair.new.name))
    stem = split_serial(last)[0].rpartition(".")[0]
    if not pair.are_rules or not first.startswith(stem):
        return [], True
    rows = (CatalogFile.objects.published()
            .filter(extension=pair.new.extension, name__startswith=f"{stem}_",
                    name__gt=first, name__lte=last)
            .order_by("name").only("name", "stored", "delivery_date", "description"))
    found = [row for row in rows[:DELIVERIES + 1]]
    return found[:DELIVERIES], len(found) <= DELIVERIES


def affected(pair: Pair) -> AffectedDatasets | None:
    """Which datasets the change affects, where that was computed."""
    if not pair.are_contexts:
        return None
    return AffectedDatasets.objects.filter(
        observatory=settings.CRDS_OBSERVATORY, old_context=pair.old.name,
        new_context=pair.new.name).first()
