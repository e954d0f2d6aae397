"""The numbers of the operators' page: load over time, busiest labels, slow calls, failures."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import F, Q
from django.db.models.functions import TruncMinute

from . import rotation
from .models import HourlyLoad, RequestRecord

ROWS = 20
SUMS = ("requests", "refused", "failed", "duration", "size")


@dataclass(frozen=True)
class Span:
    """A choice of time: the last ``length``, shown in steps of ``step``."""

    key: str
    title: str
    length: timedelta
    step: timedelta
    #: Read sums of hours and only what came after them from single records.
    from_hours: bool = False


SPANS = {span.key: span for span in (
    Span("hour", "Last hour", timedelta(hours=1), timedelta(minutes=1)),
    Span("day", "24 hours", timedelta(hours=24), timedelta(minutes=30)),
    Span("week", "7 days", timedelta(days=7), timedelta(hours=3), from_hours=True),
    Span("quarter", "90 days", timedelta(days=90), timedelta(days=1), from_hours=True),
)}


class Load:
    """What happened in the time of ``span`` up to ``now``; 6 queries at most."""

    def __init__(self, span: Span, now: datetime):
        self.span = span
        self.now = now
        self.start = floor(now, span.step) - span.length + span.step
        until = rotation.summed_until() if span.from_hours else None
        #: Before this time hours are read, from it on single records.
        self.seam = max(until, self.start) if until else self.start

    def steps(self) -> list[dict]:
        """Sums of each step, also of those in which nothing happened, oldest first."""
        found = self._sums(HourlyLoad.objects, "hour", TruncMinute("at"))
        moments, steps = self.start, []
        by_step = defaultdict(lambda: dict.fromkeys(SUMS, 0) | {"slowest": 0.0})
        for row in found:
            _merge(by_step[floor(row["key"], self.span.step)], row)
        while moments <= self.now:
            steps.append({"at": moments, **by_step[moments]})
            moments += self.span.step
        return steps

    def busiest(self) -> list[dict]:
        """Labels by number of requests, with mean and longest duration in milliseconds."""
        by_label = defaultdict(lambda: dict.fromkeys(SUMS, 0) | {"slowest": 0.0})
        for row in self._sums(HourlyLoad.objects, "label", F("label")):
            _merge(by_label[row["key"]], row)
        rows = [{"label": label, **sums} for label, sums in by_label.items()]
        for row in rows:
            row["mean"] = row["duration"] / row["requests"]
        return sorted(rows, key=lambda row: -row["requests"])[:ROWS]

    def _sums(self, hours, hour_key: str, record_key) -> list[dict]:
        rows = []
        if self.seam > self.start:
            rows += (hours.filter(hour__gte=self.start, hour__lt=self.seam)
                     .values(key=F(hour_key)).order_by().annotate(**rotation.sums("hourly")))
        rows += (RequestRecord.objects.filter(at__gte=self.seam, at__lte=self.now)
                 .values(key=record_key).order_by().annotate(**rotation.sums("single")))
        return rows

    def slowest(self) -> list[dict]:
        """The longest answers.  For long times the longest of each hour and label."""
        if self.seam > self.start:
            rows = (HourlyLoad.objects.filter(hour__gte=self.start).order_by("-slowest")
                    .values("label", at=F("hour"), took=F("slowest")))
        else:
            rows = (RequestRecord.objects.filter(at__gte=self.start).order_by("-duration")
                    .values("at", "label", "path", "size", "rpc_parameters", "user", "network",
                            "request_id", took=F("duration")))
        return list(rows[:ROWS])

    def failures(self) -> list[RequestRecord]:
        """The latest requests that ended in an error."""
        wrong = Q(failed=True) | Q(status__gte=400)
        return list(RequestRecord.objects.filter(wrong, at__gte=self.start).order_by("-at")[:ROWS])


def _merge(sums: dict, row: dict) -> None:
    for key in SUMS:
        sums[key] += row[f"sum_{key}"] or 0
    sums["slowest"] = max(sums["slowest"], row["sum_slowest"] or 0.0)


def floor(moment: datetime, step: timedelta) -> datetime:
    """The beginning of the step, counted from midnight UTC, that ``moment`` lies in."""
    midnight = moment.replace(hour=0, minute=0, second=0, microsecond=0)
    return midnight + (moment - midnight) // step * step
