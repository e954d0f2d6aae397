"""The catalogue's revision: one number that tells processes when what they keep is old."""

from __future__ import annotations

import re

from django.db.models import F
from django.utils import timezone

from common.queries import Query

from ..models import CatalogRevision

ROW = 1

NUMBER = Query(lambda: CatalogRevision.objects.filter(pk=ROW).order_by().values_list("number"))


STATE = Query(
    lambda: CatalogRevision.objects.filter(pk=ROW).order_by().values_list("number", "changed_at"))


def state() -> str:
    """What names the catalogue's state in caches: the revision and when it began; one query.

    The number alone would come again after a restored backup, with another content.
    """
    rows = STATE.rows()
    if not rows:
        CatalogRevision.objects.get_or_create(pk=ROW)
        rows = STATE.rows()
    number, changed_at = rows[0]
    return f"{number}.{re.sub('[^0-9]', '', str(changed_at))}"


def current() -> int:
    """The revision now; one query."""
    number = NUMBER.value()
    if number is None:
        return CatalogRevision.objects.get_or_create(pk=ROW)[0].number
    return number


def bump() -> int:
    """Count one change; called inside the transaction of every change of the catalogue.

    The row stays locked until that transaction ends, so revisions become
    visible in the order of their numbers.
    """
    changed = CatalogRevision.objects.filter(pk=ROW).update(
        number=F("number") + 1, changed_at=timezone.now())
    if not changed:
        CatalogRevision.objects.get_or_create(pk=ROW)
        return bump()
    return CatalogRevision.objects.values_list("number", flat=True).get(pk=ROW)
