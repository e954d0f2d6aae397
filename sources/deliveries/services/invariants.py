"""What must be true of deliveries, for the checks of :mod:`interactive.services.invariants`."""

from __future__ import annotations

from collections.abc import Iterator

from django.conf import settings
from django.db.models import Max

from interactive.models import CatalogFile, Delivery, DeliveryState, FileState, NameSeries

from . import folders, states

#: States of files that a delivery in each state may have; files of older deliveries are further.
FURTHER = (FileState.ARCHIVED, FileState.LATEST)
FILE_STATES = {
    DeliveryState.SUBMITTED: (FileState.SUBMITTED, *FURTHER),
    DeliveryState.DELIVERED: (FileState.DELIVERED, *FURTHER),
    DeliveryState.ARCHIVING: (FileState.ARCHIVING, *FURTHER),
    DeliveryState.FAILED: (FileState.ARCHIVING_FAILED, *FURTHER),
    DeliveryState.ARCHIVED: FURTHER,
}


def files_follow_their_delivery() -> Iterator[tuple[str, str, str]]:
    """The states of files are those of the deliveries that brought them."""
    for state, allowed in FILE_STATES.items():
        wrong = (CatalogFile.objects.filter(deliveries__state=state).exclude(state__in=allowed)
                 .values_list("name", "state", "deliveries__catalog").distinct())
        for name, found, catalog in wrong:
            yield ("delivery-state", name, f"It is {found}, but its delivery {catalog} is"
                   f" {state}.")


def catalogs_are_kept() -> Iterator[tuple[str, str, str]]:
    """Every delivery that was offered has its catalog, with the names of its files."""
    offered = Delivery.objects.exclude(state=DeliveryState.SUBMITTED)
    for delivery in offered.iterator():
        path = settings.INSTANCE.catalogs / delivery.catalog
        if not path.is_file():
            yield ("catalog", delivery.catalog, "It is missing from the folder catalogs. Restore"
                   " it from a backup.")
        elif sorted(path.read_text().split()) != states.names(delivery):
            yield ("catalog", delivery.catalog, "It lists other files than the database has for"
                   " this delivery.")


def numbers_go_on() -> Iterator[tuple[str, str, str]]:
    """The series of numbers is not behind the deliveries."""
    highest = Delivery.objects.aggregate(Max("number"))["number__max"] or 0
    series = NameSeries.objects.filter(series=f"{settings.CRDS_OBSERVATORY}.cat").first()
    if highest > (series.last_serial if series else 0):
        yield ("delivery-number", folders.catalog_name(highest), "Its number is above the series"
               " of numbers, which may give it out again.")


def check() -> list[tuple[str, str, str]]:
    """(check, name, sentence) of everything that is wrong."""
    return [*files_follow_their_delivery(), *catalogs_are_kept(), *numbers_go_on()]
