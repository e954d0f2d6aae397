"""Making deliveries: a numbered row with the confirmation, links for the archive after it.

Order: the kept catalog, links of the files, the rows ``delivered``, and last the link of the
catalog, which is what the archive looks for.  Each step may be the last before a power cut:
:func:`complete` and :mod:`.watching` go on from there.
"""

from __future__ import annotations

from collections.abc import Iterable

from django.conf import settings
from django.db import transaction
from django.db.models import F, Max
from django.utils import timezone

from common.errors import BadRequest
from common.faultpoints import reach
from interactive.models import CatalogFile, Delivery, DeliveryFile, DeliveryState, NameSeries

from ..models import Watch
from . import folders, states, switch

#: States in which something of a delivery lies in ``deliveries``.
IN_FOLDER = (DeliveryState.DELIVERED, DeliveryState.ARCHIVING, DeliveryState.FAILED)


def create(*, files: Iterable[CatalogFile], user, description: str = "") -> Delivery:
    """A new delivery of ``files``, with its number; called inside the confirming transaction.

    The row of the number stays locked until that transaction ends, so call it late.  Nothing
    is written to disk: :func:`complete` does that once the transaction is committed.
    """
    files = sorted({file.pk: file for file in files}.values(), key=lambda file: file.name)
    if not files:
        raise BadRequest("A delivery needs at least one file.")
    with transaction.atomic():
        number = _number()
        delivery = Delivery.objects.create(
            number=number, catalog=folders.catalog_name(number), state=DeliveryState.SUBMITTED,
            user=user if isinstance(user, str) else user.get_username(),
            description=description)
        DeliveryFile.objects.bulk_create(
            [DeliveryFile(delivery=delivery, file=file) for file in files], batch_size=1000)
        Watch.objects.create(delivery=delivery)
        keys = [file.pk for file in files]
        for start in range(0, len(keys), states.CHUNK):
            CatalogFile.objects.filter(pk__in=keys[start:start + states.CHUNK]).update(
                catalog_link=delivery.catalog)
    for file in files:
        file.catalog_link = delivery.catalog
    return delivery


def _number() -> int:
    """The next number: above all that were given out, lie on disk, or stand in the database.

    A restored backup may know fewer numbers than the folders do, and the other way round.
    """
    series = f"{settings.CRDS_OBSERVATORY}.cat"
    rows = NameSeries.objects.filter(series=series)
    # An update, not a read: it takes the lock of the row on both databases.
    while not rows.update(last_serial=F("last_serial") + 1):
        NameSeries.objects.get_or_create(series=series)
    known = Delivery.objects.aggregate(Max("number"))["number__max"] or 0
    number = max(rows.values_list("last_serial", flat=True).get(),
                 known + 1, folders.highest_number() + 1)
    rows.update(last_serial=number)
    return number


def complete(delivery: Delivery) -> Delivery:
    """Hand ``delivery`` to the archive, or count it as archived where there is none.

    Called after the commit, as often as one likes: what is done stays done, what was cut short
    is finished.  Returns the delivery as it stands.
    """
    delivery = Delivery.objects.get(pk=delivery.pk)
    if delivery.state == DeliveryState.SUBMITTED:
        folders.write_catalog(delivery.catalog, states.names(delivery))
        reach("deliver catalog kept")
        if switch.is_on():
            offer(delivery, expected=[DeliveryState.SUBMITTED])
        else:
            states.advance(delivery, DeliveryState.ARCHIVED, expected=[DeliveryState.SUBMITTED],
                           why="This server hands nothing to an archive.")
            reach("deliver archived")
    elif delivery.state == DeliveryState.DELIVERED:
        from . import watching

        watching.look(delivery)
    delivery.refresh_from_db()
    return delivery


def offer(delivery: Delivery, *, expected: Iterable[str], user=states.SERVER,
          why: str = "") -> bool:
    """Put the delivery into ``deliveries``; False if it is in none of the ``expected`` states."""
    if Delivery.objects.filter(state__in=IN_FOLDER).exists():
        folders.listing()  # the folder that the others lie in, or an error
    else:
        folders.prepare()
    folders.link_files(states.names(delivery))
    reach("deliver files linked")
    changed = states.advance(
        delivery, DeliveryState.DELIVERED, expected=expected, user=user, why=why,
        watch={"offered_at": None, "processing_at": None, "told": ""})
    if changed:
        reach("deliver rows written")
        put_in(delivery)
    return changed


def put_in(delivery: Delivery) -> None:
    """Link the catalog of a delivery whose files lie in ``deliveries``, and note that."""
    folders.link_catalog(delivery.catalog)
    reach("deliver catalog linked")
    Watch.objects.filter(delivery=delivery).update(
        offered_at=timezone.now(), missing_since=None, problem="")
