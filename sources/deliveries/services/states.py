"""The state of a delivery and of its files: one transaction for each change."""

from __future__ import annotations

from collections.abc import Iterable

from django.db import transaction
from django.utils import timezone

from interactive.models import CatalogFile, Delivery, DeliveryState, FileState
from interactive.services import audit, revision, rule_graph

from ..models import Watch

CHUNK = 5000

#: States of files that are on their way into the archive; those beyond never come back.
ON_THE_WAY = (FileState.SUBMITTED, FileState.DELIVERED, FileState.ARCHIVING,
              FileState.ARCHIVING_FAILED)

SERVER = "system"


def names(delivery: Delivery) -> list[str]:
    """Names of the files, sorted."""
    return sorted(delivery.files.values_list("name", flat=True))


def advance(delivery: Delivery, state: str, *, expected: Iterable[str], user=SERVER,
            why: str = "", watch: dict | None = None) -> bool:
    """Bring delivery and files to ``state``; False if it is in none of the ``expected`` states.

    ``watch`` are fields of the :class:`Watch` to set with it.  Files that are archived or
    latest already, of an older delivery, stay so.
    """
    now = timezone.now()
    with transaction.atomic():
        row = Delivery.objects.select_for_update().get(pk=delivery.pk)
        if row.state not in expected:
            return False
        before = row.state
        Delivery.objects.filter(pk=row.pk).update(state=state, changed_at=now)
        fields = {"problem": "", "missing_since": None, **(watch or {})}
        Watch.objects.update_or_create(delivery=row, defaults=fields)
        _files_follow(row, state)
        audit.record(f"delivery {state}", user=user, file=row.catalog, why=why,
                     before=before, files=len(names(row)))
        revision.bump()
    delivery.state, delivery.changed_at = state, now
    return True


def _files_follow(delivery: Delivery, state: str) -> None:
    """States of deliveries are called as those of files; in use counts more than archived."""
    ids = list(delivery.files.filter(state__in=ON_THE_WAY).values_list("pk", flat=True))
    latest = rule_graph.latest_ids() if state == DeliveryState.ARCHIVED else set()
    for target, keys in ((state, [pk for pk in ids if pk not in latest]),
                         (FileState.LATEST, [pk for pk in ids if pk in latest])):
        for start in range(0, len(keys), CHUNK):
            CatalogFile.objects.filter(pk__in=keys[start:start + CHUNK]).update(state=target)
