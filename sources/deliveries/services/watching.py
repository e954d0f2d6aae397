"""Following what the archive does with deliveries.

The archive renames the catalog in ``deliveries`` while it works (``_PROC``) and when it failed
(``_ERROR``), and removes it when it has all files.  So what is seen there means:

=========================  ===========================================================
the catalog                the delivery
=========================  ===========================================================
under its own name         delivered; files whose links are gone are linked again
renamed ``_PROC``          archiving; any other ending but ``_ERROR`` counts as this one
renamed ``_ERROR``         archiving failed
gone, after ``_PROC``      archived
gone, with a receipt       archived if the receipt has the sha1 of each file, else failed
gone, links all there      removed by mistake: it is put in again
gone, links gone as well   not known: an archive that was quicker than this look, or a
                           mistake.  An operator says which; nothing is concluded.
folder without its mark    emptied or not mounted: nothing is concluded
=========================  ===========================================================
"""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from typing import NamedTuple

from django.conf import settings
from django.core.mail import send_mail
from django.utils import timezone

from common.errors import ServiceError
from common.faultpoints import reach
from interactive.models import CatalogFile, Delivery, DeliveryState

from ..models import Watch
from . import folders, making, states

log = logging.getLogger(__name__)

#: How long a catalog may be gone before that means anything: the archive removes file by file.
GRACE = timedelta(seconds=60)

#: A confirmation that completes its delivery itself takes less.
CUT_SHORT = timedelta(seconds=60)

#: States in which the archive, or a person, has to do something.
OPEN = (DeliveryState.SUBMITTED, DeliveryState.DELIVERED, DeliveryState.ARCHIVING,
        DeliveryState.FAILED)


class Change(NamedTuple):
    """A delivery that changed its state, or has a problem that was not known before."""

    catalog: str
    state: str
    problem: str = ""


def anything_to_do() -> bool:
    return Delivery.objects.filter(state__in=OPEN).exists()


def follow(now: datetime | None = None) -> list[Change]:
    """Look at every delivery that is not archived; returns what changed.

    Raises ServiceError when the folder is not there; then nothing is concluded.
    """
    now = now or timezone.now()
    changes = []
    deliveries = list(Delivery.objects.filter(state__in=OPEN).order_by("number"))
    for delivery in deliveries:
        if delivery.state == DeliveryState.SUBMITTED and delivery.changed_at < now - CUT_SHORT:
            changes.append(_completed(delivery))
    on_disk = [one for one in deliveries if one.state != DeliveryState.SUBMITTED]
    if on_disk:
        present = folders.listing()
        changes += [look(delivery, present, now) for delivery in on_disk]
    if folders.is_prepared():
        _remove_leftovers()
    _tell(now)
    return [change for change in changes if change]


def _completed(delivery: Delivery) -> Change | None:
    """Finish what a confirmation left undone when it was killed."""
    try:
        done = making.complete(delivery)
    except ServiceError as exc:
        return _problem(delivery, exc.message)
    return Change(done.catalog, done.state)


def look(delivery: Delivery, present: set[str] | None = None,
         now: datetime | None = None) -> Change | None:
    """Bring ``delivery`` to the state that the folder shows."""
    now = now or timezone.now()
    names = states.names(delivery)
    seen = folders.seen(delivery.catalog, names, present or folders.listing())
    watch, _ = Watch.objects.get_or_create(delivery=delivery)
    if seen.processing:
        return _to(delivery, DeliveryState.ARCHIVING, processing_at=now)
    if seen.failed:
        return _to(delivery, DeliveryState.FAILED,
                   why=f"The archive renamed the catalog to {seen.renamed}.")
    if seen.plain:
        return _offered(delivery, watch, seen)
    if seen.receipt:
        return _by_receipt(delivery, names)
    if delivery.state == DeliveryState.ARCHIVING:
        return _archived(delivery, names, "The archive removed the catalog after working on it.")
    if delivery.state == DeliveryState.DELIVERED and not watch.offered_at and not seen.missing:
        making.put_in(delivery)
        return Change(delivery.catalog, delivery.state)
    return _missing(delivery, watch, seen, now)


def _offered(delivery: Delivery, watch: Watch, seen: folders.Seen) -> Change | None:
    """The archive has not begun: all files must be there for it."""
    if seen.missing:
        try:
            folders.link_files(list(seen.missing))
        except ServiceError as exc:
            return _problem(delivery, exc.message)
        log.warning("Delivery %s: links of %d files were gone and were made again",
                    delivery.catalog, len(seen.missing))
    if not watch.offered_at or watch.missing_since or watch.problem:
        Watch.objects.filter(pk=watch.pk).update(
            offered_at=watch.offered_at or timezone.now(), missing_since=None, problem="")
    # The archive may give up what it had begun.
    return _to(delivery, DeliveryState.DELIVERED)


def _missing(delivery: Delivery, watch: Watch, seen: folders.Seen,
             now: datetime) -> Change | None:
    """The catalog is gone, and nobody saw the archive work on it."""
    if not watch.missing_since:
        Watch.objects.filter(pk=watch.pk).update(missing_since=now)
        return None
    if now - watch.missing_since < GRACE:
        return None
    if not seen.missing and delivery.state == DeliveryState.DELIVERED:
        log.warning("Delivery %s: the catalog was gone and was put in again", delivery.catalog)
        making.put_in(delivery)
        return Change(delivery.catalog, delivery.state)
    return _problem(
        delivery, f"Its catalog and {len(seen.missing)} of {len(states.names(delivery))} files are"
        " gone from the folder deliveries, but the archive was not seen to work on it. Ask the"
        " archive: deliver it again if they were removed by mistake, or count it as archived.")


def _by_receipt(delivery: Delivery, names: list[str]) -> Change | None:
    wanted = dict(CatalogFile.objects.filter(name__in=names).values_list("name", "sha1sum"))
    receipt = folders.read_receipt(delivery.catalog)
    wrong = [name for name in names if receipt.get(name) != wanted[name]]
    if wrong:
        return _to(delivery, DeliveryState.FAILED, why=(
            f"The receipt of the archive lacks {len(wrong)} files or has another sha1 for them:"
            f" {', '.join(wrong[:5])}."))
    return _archived(delivery, names, "The archive left a receipt with the sha1 of every file.")


def _archived(delivery: Delivery, names: list[str], why: str) -> Change | None:
    change = _to(delivery, DeliveryState.ARCHIVED, why=why)
    reach("follow archived")
    tidy_archived(delivery, names)
    return change


def tidy_archived(delivery: Delivery, names: list[str]) -> None:
    """Keep the receipt, remove what is left; not what another delivery still offers."""
    folders.keep_receipt(delivery.catalog)
    elsewhere = set(CatalogFile.objects.filter(
        name__in=names, deliveries__state__in=OPEN).values_list("name", flat=True))
    folders.unlink(delivery.catalog, [name for name in names if name not in elsewhere])


def _remove_leftovers() -> None:
    """Links of archived deliveries that a killed look did not remove, and unfinished ones."""
    folders.remove_leftovers()
    left = Delivery.objects.filter(state=DeliveryState.ARCHIVED, files__name__in=[
        name for name in folders.listing() if not name.startswith(".")]).distinct()
    for delivery in left:
        tidy_archived(delivery, states.names(delivery))


def _to(delivery: Delivery, state: str, why: str = "", **watch) -> Change | None:
    if delivery.state == state:
        return None
    problem = why if state == DeliveryState.FAILED else ""
    changed = states.advance(
        delivery, state, expected=[one for one in OPEN if one != state], why=why,
        watch={"told": "", "problem": problem, **watch})
    reach("follow state")
    return Change(delivery.catalog, state, problem) if changed else None


def _problem(delivery: Delivery, text: str) -> Change | None:
    changed = Watch.objects.filter(delivery=delivery).exclude(problem=text).update(
        problem=text, told="")
    return Change(delivery.catalog, delivery.state, text) if changed else None


# ---- telling people ------------------------------------------------------------------


def stuck_since(now: datetime | None = None) -> datetime:
    """Deliveries that have not moved since then count as stuck."""
    return (now or timezone.now()) - timedelta(hours=settings.ARCHIVE_STUCK_HOURS)


def is_stuck(delivery: Delivery, now: datetime | None = None) -> bool:
    return (delivery.state in (DeliveryState.SUBMITTED, DeliveryState.DELIVERED,
                               DeliveryState.ARCHIVING)
            and delivery.changed_at < stuck_since(now))


def _tell(now: datetime) -> None:
    """One mail about what is new among failures, problems and deliveries that do not move."""
    lines, told = [], []
    watches = Watch.objects.filter(delivery__state__in=OPEN).select_related("delivery")
    for watch in watches.order_by("delivery__number"):
        delivery = watch.delivery
        if watch.problem or delivery.state == DeliveryState.FAILED:
            key, text = "problem", watch.problem or "Archiving failed."
        elif is_stuck(delivery, now):
            key = "stuck"
            text = (f"It is {delivery.state} since {delivery.changed_at:%Y-%m-%d %H:%M} UTC;"
                    " the archive does not seem to go on.")
        else:
            continue
        if watch.told != key:
            lines.append(f"{delivery.catalog}: {text}")
            told.append((watch.pk, key))
    if not lines:
        return
    # Noted first: a mail server that does not answer must not bring the mail again and again.
    for pk, key in told:
        Watch.objects.filter(pk=pk).update(told=key)
    try:
        send_mail(
            f"{settings.EMAIL_SUBJECT_PREFIX}Deliveries need attention",
            "\n".join([*lines, "", "The page Delivery Status has more and can deliver again."]),
            settings.DEFAULT_FROM_EMAIL, settings.DELIVERY_RECIPIENTS)
    except OSError as exc:
        log.error("The mail about deliveries could not be sent: %s", exc)
