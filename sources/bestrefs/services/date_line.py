"""A line of USEAFTER dates as a picture: places for an SVG, in percent of its width."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from rules.explaining.model import Entry, Trace

#: The whole width, and the room at both ends.
WIDTH = 100.0
MARGIN = 4.0

#: More dates than this get a second picture of the neighbourhood.
MANY = 14
NEIGHBOURS = 4

#: Most labelled ticks.
TICKS = 7


@dataclass(frozen=True)
class Point:
    x: float
    key: str
    choice: str
    chosen: bool


@dataclass(frozen=True)
class Tick:
    x: float
    label: str


@dataclass(frozen=True)
class DateLine:
    """Dates, the exposure and the interval in which the chosen file is used."""

    points: list[Point]
    ticks: list[Tick]
    exposure: float
    exposure_text: str
    span: tuple[float, float] | None
    """Start and width of the chosen interval."""
    description: str
    dates: int

    @property
    def anchor(self) -> str:
        """Where the exposure's label goes so that it stays inside."""
        if self.exposure < WIDTH / 3:
            return "start"
        return "end" if self.exposure > WIDTH * 2 / 3 else "middle"


def draw(trace: Trace) -> list[DateLine]:
    """The whole line and, for a long one, what lies around the exposure; none without dates."""
    exposure = _date(trace.value)
    dated = [(when, entry) for entry in trace.entries if (when := _date(entry.key))]
    if exposure is None or not dated or len(dated) < len(trace.entries):
        return []
    lines = [_line(dated, exposure)]
    near = _neighbours(dated, exposure)
    if len(dated) > MANY and len(near) > 1:
        lines.append(_line(near, exposure))
    return lines


def _neighbours(dated: list[tuple[datetime, Entry]],
                exposure: datetime) -> list[tuple[datetime, Entry]]:
    place = sum(when <= exposure for when, _ in dated)
    return dated[max(0, place - NEIGHBOURS):place + NEIGHBOURS]


def _line(dated: Sequence[tuple[datetime, Entry]], exposure: datetime) -> DateLine:
    first = min(dated[0][0], exposure)
    last = max(dated[-1][0], exposure)
    if first == last:
        last = first + timedelta(days=1)
    scale = _Scale(first, last)
    points = _points(dated, scale)
    span = None
    for place, (when, entry) in enumerate(dated):
        if entry.chosen:
            end = scale(dated[place + 1][0]) if place + 1 < len(dated) else WIDTH - MARGIN / 2
            span = (scale(when), max(0.2, end - scale(when)))
    return DateLine(points, list(_ticks(first, last, scale)), scale(exposure),
                    exposure.isoformat(" "), span, _describe(dated, exposure), len(dated))


def _points(dated: Sequence[tuple[datetime, Entry]], scale: _Scale) -> list[Point]:
    """One for each place of the picture; the chosen one is always there."""
    found: dict[int, Point] = {}
    for when, entry in dated:
        point = Point(scale(when), entry.key, entry.choice, entry.chosen)
        place = round(point.x * 5)
        if place not in found or not found[place].chosen:
            found[place] = point
    return list(found.values())


def _describe(dated: Sequence[tuple[datetime, Entry]], exposure: datetime) -> str:
    before = sum(when <= exposure for when, _ in dated)
    return (f"{len(dated)} dates from {dated[0][1].key} to {dated[-1][1].key}."
            f" The exposure of {exposure.isoformat(' ')} lies after {before} of them.")


class _Scale:
    """Times to places."""

    def __init__(self, first: datetime, last: datetime):
        self.first = first
        self.seconds = (last - first).total_seconds()

    def __call__(self, when: datetime) -> float:
        part = (when - self.first).total_seconds() / self.seconds
        return MARGIN + part * (WIDTH - 2 * MARGIN)


def _ticks(first: datetime, last: datetime, scale: _Scale) -> Iterator[Tick]:
    days = (last - first).total_seconds() / 86400
    if days > 3 * 366:
        step = next(s for s in (1, 2, 5, 10, 20, 50, 100, 1000) if days / 365 / s <= TICKS)
        years = range(-(-first.year // step) * step, last.year + 1, step)
        moments = [(datetime(year, 1, 1), str(year)) for year in years if year > 0]
    elif days > 100:
        step = next(s for s in (1, 2, 3, 6) if days / 30 / s <= TICKS or s == 6)
        moments = [(moment, moment.strftime("%Y-%m")) for moment in _months(first, last)
                   if (moment.month - 1) % step == 0]
    else:
        step = next((s for s in (1, 2, 5, 10, 20) if days / s <= TICKS), 20)
        start = datetime(first.year, first.month, first.day)
        moments = [(start + timedelta(days=n), (start + timedelta(days=n)).strftime("%Y-%m-%d"))
                   for n in range(0, int(days) + 2, step)]
    for moment, label in moments:
        if first <= moment <= last:
            yield Tick(scale(moment), label)


def _months(first: datetime, last: datetime) -> Iterator[datetime]:
    year, month = first.year, first.month
    while (moment := datetime(year, month, 1)) <= last:
        yield moment
        year, month = (year + 1, 1) if month == 12 else (year, month + 1)


def _date(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text).replace(tzinfo=None)
    except ValueError:
        return None
