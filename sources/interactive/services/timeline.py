"""Contexts and deliveries over the years: numbers, and the geometry of their pictures.

Lengths are in units of the pictures' view boxes; templates draw them as SVG.
"""

from __future__ import annotations

import re
from calendar import month_abbr, monthrange
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import UTC, datetime
from urllib.parse import urlencode

from django.core.cache import cache as shared
from django.db.models import Count, QuerySet
from django.db.models.functions import TruncMonth
from django.utils import timezone

from common.errors import NotFound
from common.software import FINGERPRINT
from interactive.models import CatalogFile
from rules.names import split_serial

from . import revision, standing
from .standing import Period

WIDTH, LEFT, RIGHT, TOP = 1000, 84, 12, 24
#: Heights of a row with contexts, of an instrument's bars, and the space between rows.
ROW, BARS, GAP = 26, 40, 6
#: Narrowest part that can be seen, and that has room for a serial number.
THINNEST, LABELLED = 1.5, 40


@dataclass(frozen=True)
class Timeline:
    """What happened, by revision of the catalogue.

    ``periods`` oldest first; ``months`` counts files by instrument and first of the month;
    ``undated`` are the (instrument, month) in which not all of them have a delivery date.
    """

    periods: list[Period]
    months: dict[str, dict[datetime, int]]
    undated: frozenset[tuple[str, datetime]]
    published: frozenset[str]

    @property
    def years(self) -> list[int]:
        """All years from the first to the last in which anything happened."""
        found = {p.start.year for p in self.periods}
        found.update(month.year for counts in self.months.values() for month in counts)
        return list(range(min(found), max(found) + 1)) if found else []


def read() -> Timeline:
    """The timeline of the catalogue as it is; five queries for a new state of it, then one."""
    key = f"timeline-{FINGERPRINT}:{revision.state()}"
    found = shared.get(key)
    if found is None:
        found = Timeline(standing.periods(), *_months(), frozenset(
            CatalogFile.objects.published().filter(extension=".pmap")
            .values_list("name", flat=True)))
        shared.set(key, found, timeout=24 * 3600)
    return found


def _months() -> tuple[dict[str, dict[datetime, int]], frozenset[tuple[str, datetime]]]:
    """Files by instrument and month of their delivery, else of their first use; and the latter."""
    files = CatalogFile.objects.published().exclude(instrument="")
    undated = _counted(files.filter(delivery_date=None), "activation_date")
    found: dict[str, dict[datetime, int]] = defaultdict(lambda: defaultdict(int))
    for instrument, month, number in [*_counted(files, "delivery_date"), *undated]:
        found[instrument][month] += number
    return ({instrument: dict(found[instrument]) for instrument in sorted(found)},
            frozenset((instrument, month) for instrument, month, _ in undated))


def _counted(files: QuerySet, date: str) -> list[tuple[str, datetime, int]]:
    return list(
        files.exclude(**{date: None}).annotate(month=TruncMonth(date, tzinfo=UTC)).order_by()
        .values("instrument", "month").annotate(number=Count("pk"))
        .values_list("instrument", "month", "number"))


def checked_year(text: str | None, timeline: Timeline) -> int | None:
    """The year that an address names, None for all of them."""
    if not text:
        return None
    years = timeline.years
    if not re.fullmatch(r"[0-9]{4}", text) or int(text) not in years:
        span = f"from {years[0]} to {years[-1]}" if years else "in which anything happened"
        raise NotFound(f"There is no year '{text[:20]}' in the timeline. Choose one {span}.")
    return int(text)


# ---- when each context was latest ------------------------------------------------


@dataclass
class Picture:
    """Rows from top to bottom, each ``{y, label, href}``; parts and marks of the axis."""

    height: int = 0
    width: int = WIDTH
    left: int = LEFT
    right: int = WIDTH - RIGHT
    rows: list[dict] = field(default_factory=list)
    parts: list[dict] = field(default_factory=list)
    marks: list[dict] = field(default_factory=list)


def contexts_picture(timeline: Timeline, year: int | None,
                     now: datetime | None = None) -> Picture:
    """One row for each year, or for each month of ``year``; the newest on top.

    A part is the time for which a context was the latest; one that lasts into the next row
    goes on there.
    """
    now = now or timezone.now()
    picture = Picture()
    spans = _spans(timeline, year)
    for number, (label, start, end) in enumerate(spans):
        y = TOP + number * (ROW + GAP)
        picture.rows.append({"y": y, "middle": y + ROW / 2, "label": label,
                             "year": None if year else start.year})
        for order, period in enumerate(timeline.periods):
            if period.start < end and (period.end or now) > start:
                picture.parts.append(_part(period, order, start, end, y, now, timeline))
    picture.height = TOP + len(spans) * (ROW + GAP) + 4
    picture.marks = _marks(picture, year)
    return picture


def _spans(timeline: Timeline, year: int | None) -> list[tuple[str, datetime, datetime]]:
    if year:
        return [(month_abbr[month], _moment(year, month), _moment(year, month + 1))
                for month in range(12, 0, -1)]
    years = sorted({p.start.year for p in timeline.periods})
    if not years:
        return []
    return [(str(y), _moment(y), _moment(y + 1)) for y in range(years[-1], years[0] - 1, -1)]


def _moment(year: int, month: int = 1) -> datetime:
    return datetime(year + (month - 1) // 12, (month - 1) % 12 + 1, 1, tzinfo=UTC)


def _part(period: Period, order: int, start: datetime, end: datetime, y: int, now: datetime,
          timeline: Timeline) -> dict:
    # Rows of years and of months are cut to the same length: 366 or 31 days.
    longest = 366 if (end - start).days > 31 else 31
    scale = (WIDTH - RIGHT - LEFT) / (longest * 86400)
    first = max(period.start, start)
    last = min(period.end or now, end)
    x = LEFT + (first - start).total_seconds() * scale
    width = max((last - first).total_seconds() * scale, THINNEST)
    serial = split_serial(period.context)[1]
    label = period.context.rpartition(".")[0].rpartition("_")[2] if serial is not None else ""
    return {
        "x": round(x, 2), "y": y, "width": round(width, 2), "height": ROW,
        "middle": round(x + width / 2, 2), "text_y": y + ROW / 2 + 4,
        "label": label if width >= LABELLED else "",
        "context": period.context, "published": period.context in timeline.published,
        "tone": "current" if period.end is None else ("odd", "even")[order % 2],
        "title": _title(period),
    }


def _title(period: Period) -> str:
    end = f"to {period.end:%Y-%m-%d %H:%M}" if period.end else "until now"
    return f"{period.context}: latest from {period.start:%Y-%m-%d %H:%M} {end}"


def _marks(picture: Picture, year: int | None) -> list[dict]:
    length = picture.right - picture.left
    if year:
        return [{"x": round(LEFT + (day - 1) / 31 * length, 2), "text": str(day)}
                for day in (1, 5, 10, 15, 20, 25, 30)]
    before = 0
    marks = []
    for month in range(1, 13):
        marks.append({"x": round(LEFT + before / 366 * length, 2), "text": month_abbr[month]})
        before += monthrange(2024, month)[1]
    return marks


# ---- files delivered -----------------------------------------------------------------


def deliveries_picture(timeline: Timeline, year: int | None) -> Picture:
    """For each instrument a row of bars, one for each month; each row has a scale of its own."""
    picture = Picture()
    months = _all_months(timeline, year)
    slot = (picture.right - picture.left) / max(len(months), 1)
    for instrument, counts in timeline.months.items():
        shown = [(number, month, counts[month]) for number, month in enumerate(months)
                 if counts.get(month)]
        if not shown:
            continue
        y = TOP + len(picture.rows) * (BARS + 2 * GAP)
        most = max(count for _, _, count in shown)
        picture.rows.append({"y": y, "base": y + BARS, "middle": y + BARS / 2 + 4,
                             "label": instrument.upper(), "most": most})
        for number, month, count in shown:
            height = max(count / most * (BARS - (10 if year else 0)), THINNEST)
            picture.parts.append({
                "x": round(LEFT + number * slot + slot * 0.08, 2),
                "y": round(y + BARS - height, 2), "text_y": round(y + BARS - height - 2, 2),
                "width": round(slot * 0.84, 2), "height": round(height, 2),
                "middle": round(LEFT + (number + 0.5) * slot, 2),
                "count": count, "year": month.year, "label": f"{count:,}" if year else "",
                "title": f"{instrument.upper()}, {month:%Y-%m}: {count:,} files",
                "query": "" if (instrument, month) in timeline.undated else _query(
                    instrument, month)})
    picture.height = TOP + len(picture.rows) * (BARS + 2 * GAP)
    step = 1 if year else 12 * max(len(months) // (12 * 14), 1)
    picture.marks = [
        {"x": round(LEFT + number * slot, 2),
         "text": month_abbr[month.month] if year else str(month.year)}
        for number, month in enumerate(months) if number % step == 0]
    return picture


def _query(instrument: str, month: datetime) -> str:
    """Filters of the list of files for what was delivered in ``month``."""
    following = _moment(month.year, month.month + 1)
    return urlencode({"instrument": instrument, "extension": "*",
                      "start_date": f"{month:%Y-%m-%d}", "stop_date": f"{following:%Y-%m-%d}"})


def _all_months(timeline: Timeline, year: int | None) -> list[datetime]:
    years = [year] if year else sorted(
        {month.year for counts in timeline.months.values() for month in counts})
    if not years:
        return []
    return [_moment(y, month) for y in range(years[0], years[-1] + 1) for month in range(1, 13)]


# ---- the same as tables ------------------------------------------------------------------


def context_rows(timeline: Timeline, year: int | None,
                 now: datetime | None = None) -> list[dict]:
    """Periods that touch ``year``, or all, newest first, with their length in days."""
    now = now or timezone.now()
    return [{
        "period": period, "published": period.context in timeline.published,
        "days": ((period.end or now) - period.start).total_seconds() / 86400,
    } for period in reversed(timeline.periods)
        if year is None or (period.start.year <= year <= (period.end or now).year)]


def delivery_rows(timeline: Timeline, year: int | None) -> tuple[list[str], list[dict]]:
    """Instruments, and ``{label, numbers, total}`` by year, or by month of ``year``."""
    sums: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for instrument, counts in timeline.months.items():
        for month, number in counts.items():
            if year is None or month.year == year:
                sums[f"{month:%Y-%m}" if year else f"{month:%Y}"][instrument] += number
    instruments = sorted({instrument for counts in sums.values() for instrument in counts})
    return instruments, [{
        "label": label, "numbers": [sums[label].get(name, 0) for name in instruments],
        "total": sum(sums[label].values())} for label in sorted(sums, reverse=True)]

