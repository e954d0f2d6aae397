"""Sums up finished hours and removes single records that are too old."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Count, Max, Min, Q, Sum, Value
from django.db.models.functions import Coalesce, TruncHour
from django.utils import timezone

from .models import HourlyLoad, RequestRecord

#: Time that processes have to write the records of an hour before it is summed up.
GRACE = timedelta(minutes=10)
#: Records removed in one transaction: short ones do not hold up requests.
CHUNK = 5_000

REFUSED = Q(status__gte=400, status__lt=500)


def tidy(now: datetime | None = None) -> None:
    """Sum up, then prune.  Harmless when several processes do it at once, or again."""
    now = now or timezone.now()
    sum_up(now)
    prune(now)


def sum_up(now: datetime) -> int:
    """Write the hours that are complete and not yet summed up; returns how many rows."""
    end = whole_hour(now - GRACE)
    start = _first_hour()
    if start is None or start >= end:
        return 0
    rows = [HourlyLoad(**row) for row in _hourly(start, end)]
    # Another process may have been faster: its rows are the same.
    HourlyLoad.objects.bulk_create(rows, ignore_conflicts=True, batch_size=500)
    return len(rows)


def _hourly(start: datetime, end: datetime) -> Iterator[dict]:
    """Columns of :class:`HourlyLoad` from the records of ``start`` to before ``end``."""
    rows = (
        RequestRecord.objects.filter(at__gte=start, at__lt=end)
        .annotate(hour=TruncHour("at")).values("hour", "label").order_by("hour", "label")
        .annotate(**sums("single")))
    for row in rows:
        yield {key.removeprefix("sum_"): value for key, value in row.items()}


def sums(source: str) -> dict:
    """Aggregates ``sum_<column>`` over ``single`` records or ``hourly`` rows.

    Not named as the columns: the database would take one for the other.
    """
    if source == "hourly":
        numbers = {key: Sum(key) for key in ("requests", "refused", "failed")}
        slowest = Max("slowest")
    else:
        numbers = {"requests": Count("pk"), "refused": Count("pk", filter=REFUSED),
                   "failed": Count("pk", filter=Q(failed=True))}
        slowest = Max("duration")
    numbers |= {"duration": Sum("duration"), "slowest": slowest,
                "size": Coalesce(Sum("size"), Value(0))}
    return {f"sum_{key}": aggregate for key, aggregate in numbers.items()}


def summed_until() -> datetime | None:
    """The end of the last hour that is summed up."""
    last = HourlyLoad.objects.aggregate(last=Max("hour"))["last"]
    return last + timedelta(hours=1) if last else None


def _first_hour() -> datetime | None:
    until = summed_until()
    first = RequestRecord.objects.filter(**({"at__gte": until} if until else {})).aggregate(
        first=Min("at"))["first"]
    return whole_hour(first) if first else None


def prune(now: datetime) -> int:
    """Remove records older than ``STATS_KEEP_DAYS``; returns how many."""
    oldest = now - timedelta(days=settings.STATS_KEEP_DAYS)
    removed = 0
    while ids := list(RequestRecord.objects.filter(at__lt=oldest)
                      .order_by("at").values_list("pk", flat=True)[:CHUNK]):
        with transaction.atomic():
            removed += RequestRecord.objects.filter(pk__in=ids).delete()[0]
    return removed


def whole_hour(moment: datetime) -> datetime:
    return moment.replace(minute=0, second=0, microsecond=0)
