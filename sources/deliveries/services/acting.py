"""What operators do to deliveries."""

from __future__ import annotations

from django.db import transaction
from django.utils import timezone

from accounts.models import Role
from accounts.services import roles
from common.errors import BadRequest, NotFound, ServiceError
from interactive.models import CatalogFile, Delivery, DeliveryFile, DeliveryState, NameSeries
from interactive.services import audit

from ..models import Watch
from . import folders, making, states, watching


class NotNow(ServiceError):
    """The delivery is in a state in which this cannot be done."""

    status = 409


def get(catalog: str) -> Delivery:
    delivery = Delivery.objects.filter(catalog=catalog).first()
    if delivery is None:
        raise NotFound(f"There is no delivery '{catalog[:128]}'.")
    return delivery


def _require(files, user) -> None:
    """Operators act on deliveries of their instruments; a pmap goes along with any of them."""
    roles.require(user, Role.OPERATOR)
    for instrument in sorted(set(files.values_list("instrument", flat=True)) - {""}):
        roles.require(user, Role.OPERATOR, instrument)


def retry(delivery: Delivery, user, reason: str = "") -> Delivery:
    """Offer the delivery to the archive again: links are made anew, the catalog gets its name back.

    Not while the archive works on it, unless it has been stuck for long.
    """
    _require(delivery.files, user)
    delivery.refresh_from_db()
    if delivery.state == DeliveryState.ARCHIVED:
        raise NotNow(f"{delivery.catalog} is archived. To hand it over once more, regenerate it"
                     " from its catalog.")
    if delivery.state == DeliveryState.ARCHIVING and not watching.is_stuck(delivery):
        raise NotNow(f"The archive works on {delivery.catalog} just now. Wait for its end; it"
                     " can be delivered again once it failed or has not moved for long.")
    if delivery.state == DeliveryState.SUBMITTED:
        return making.complete(delivery)
    making.offer(delivery, expected=[state for state in watching.OPEN], user=user,
                 why=reason or "delivered again")
    delivery.refresh_from_db()
    return delivery


def regenerate(catalog: str, user, reason: str = "") -> Delivery:
    """Make the delivery anew from its kept catalog, also one that is archived or forgotten.

    Files that are archived or latest stay so; only the delivery goes its way again.
    """
    roles.require(user, Role.OPERATOR)
    names = folders.read_catalog(catalog)
    _require(CatalogFile.objects.filter(name__in=names), user)
    found = {file.name: file for file in CatalogFile.objects.downloadable().filter(name__in=names)}
    unknown = [name for name in names if name not in found]
    if unknown or not names:
        raise NotFound(f"{catalog} cannot be delivered again: "
                       + (f"{', '.join(unknown[:5])} are not published and stored here."
                          if unknown else "it lists no files."))
    delivery = Delivery.objects.filter(catalog=catalog).first() or _known_again(
        catalog, list(found.values()))
    if delivery.state not in (DeliveryState.ARCHIVED, DeliveryState.FAILED):
        return retry(delivery, user, reason)
    making.offer(delivery, expected=[DeliveryState.ARCHIVED, DeliveryState.FAILED], user=user,
                 why=reason or "regenerated from its catalog")
    delivery.refresh_from_db()
    return delivery


def _known_again(catalog: str, files: list[CatalogFile]) -> Delivery:
    """The row of a delivery that only its kept catalog tells of, as after a restored backup."""
    number = folders.number_of(catalog)
    with transaction.atomic():
        delivery = Delivery.objects.create(
            number=number, catalog=catalog, state=DeliveryState.ARCHIVED, user=states.SERVER,
            description="Known from its kept catalog.", created_at=timezone.now())
        DeliveryFile.objects.bulk_create(
            [DeliveryFile(delivery=delivery, file=file) for file in files], batch_size=1000)
        Watch.objects.create(delivery=delivery)
        series = f"{catalog.partition('_')[0]}.cat"
        NameSeries.objects.get_or_create(series=series)
        NameSeries.objects.filter(series=series, last_serial__lt=number).update(last_serial=number)
    return delivery


def forgotten() -> list[str]:
    """Kept catalogs of which the database knows no delivery."""
    known = set(Delivery.objects.values_list("catalog", flat=True))
    return [name for name in folders.kept_catalogs() if name not in known]


def accept(delivery: Delivery, user, reason: str) -> Delivery:
    """Count the delivery as archived on an operator's word, who asked the archive."""
    _require(delivery.files, user)
    if not reason.strip():
        raise BadRequest("Say how you know that the archive has the files.")
    delivery.refresh_from_db()
    if delivery.state == DeliveryState.ARCHIVED:
        return delivery
    names = states.names(delivery)
    folders.write_catalog(delivery.catalog, names)
    seen = folders.seen(delivery.catalog, names, folders.listing())
    if seen.processing and not watching.is_stuck(delivery):
        raise NotNow(f"The archive works on {delivery.catalog} just now. Wait for its end.")
    if states.advance(delivery, DeliveryState.ARCHIVED, expected=watching.OPEN, user=user,
                      why=reason):
        watching.tidy_archived(delivery, names)
    delivery.refresh_from_db()
    return delivery


def audit_switch(state: str, user) -> None:
    """Note who turned archiving on or off."""
    audit.record("archiving", user=user, state=state)
