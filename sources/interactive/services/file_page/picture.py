"""The lineage of a file as a picture: a row for each file, a bar for each time it was latest.

Lines at the left lead from what a file comes from to the file.  Only geometry is made
here, in the units of the picture; the template draws it in the colours of the page.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from django.utils import timezone

from .lineage import Lineage, Member

WIDTH = 920
ROW = 26
TOP = 30
GUTTER = 44
LANE = 12
LETTER = 7.25

#: Longest name in letters; longer ones are cut in the middle.
LONGEST = 42

#: A bar is at least this wide, so that a day in twenty years can be seen.
THINNEST = 2.5

YEAR_STEPS = (1, 2, 5, 10, 20, 50)
MONTH_STEPS = (1, 2, 3, 6)
DAY_STEPS = (1, 2, 5, 10, 15)
MOST_TICKS = 9

#: A picture covers at least this time.
SHORTEST = timedelta(days=2)


@dataclass(frozen=True)
class Bar:
    x: float
    width: float
    open: bool
    title: str


@dataclass
class PictureRow:
    member: Member
    y: float
    label: str
    dot: float
    bars: list[Bar] = field(default_factory=list)

    @property
    def text_y(self) -> float:
        return self.y + 4


@dataclass(frozen=True)
class Tick:
    x: float
    label: str


@dataclass
class Picture:
    """Everything that is drawn; ``axis`` is where the times begin, ``ticks`` are years."""

    rows: list[PictureRow]
    lines: list[str]
    ticks: list[Tick]
    unknown: list[Bar]
    axis: float
    width: int
    height: float
    text: str

    @property
    def bottom(self) -> float:
        return self.height - 8


def draw(lineage: Lineage, now: datetime | None = None) -> Picture | None:
    """The picture of ``lineage``; None where no member was ever in the latest context."""
    now = now or timezone.now()
    times = [time for member in lineage.members for time in member.intervals]
    if not times:
        return None
    # Up to now only while one of them is latest: else the times of old files would be specks.
    scale = _Scale(lineage.members, min(time.start for time in times),
                   max(time.end or now for time in times))
    rows = [PictureRow(member, TOP + ROW * (index + 0.5), cut(member.name), 10)
            for index, member in enumerate(lineage.members)]
    for row in rows:
        row.bars = [scale.bar(time, now) for time in row.member.intervals]
    return Picture(
        rows=rows, lines=_lines(rows), ticks=scale.ticks(),
        unknown=[scale.bar(time, now) for time in lineage.unknown if scale.shows(time, now)],
        axis=scale.left, width=WIDTH, height=TOP + ROW * len(rows) + 8, text=_text(lineage))


def cut(name: str) -> str:
    if len(name) <= LONGEST:
        return name
    half = (LONGEST - 1) // 2
    return f"{name[:half]}…{name[-half:]}"


def _text(lineage: Lineage) -> str:
    count = len(lineage.members)
    return (f"Lineage of {next(m.name for m in lineage.members if m.itself)}: {count} files and"
            " the times in which each was latest. The table below has the same.")


class _Scale:
    """Times to places from left to right."""

    def __init__(self, members: list[Member], first: datetime, last: datetime):
        longest = max(len(cut(member.name)) for member in members)
        self.left = round(GUTTER + longest * LETTER + 14, 1)
        self.right = WIDTH - 12
        self.first = first
        self.last = max(last, first + SHORTEST)

    def x(self, moment: datetime) -> float:
        share = min(1.0, max(0.0, (moment - self.first) / (self.last - self.first)))
        return round(self.left + share * (self.right - self.left), 1)

    def bar(self, time, now: datetime) -> Bar:
        begin, end = self.x(time.start), self.x(time.end or now)
        until = f"until {_day(time.end)}" if time.end else "still latest"
        return Bar(begin, max(THINNEST, round(end - begin, 1)), time.end is None,
                   f"latest from {_day(time.start)}, {until}")

    def shows(self, time, now: datetime) -> bool:
        return time.start < self.last and (time.end or now) > self.first

    def ticks(self) -> list[Tick]:
        """Beginnings of years, months or days, as many as have room."""
        months = (self.last - self.first) / timedelta(days=30.5)
        if months > 18:
            years = [datetime(year, 1, 1, tzinfo=UTC)
                     for year in range(self.first.year + 1, self.last.year + 1)]
            step = _step(len(years), YEAR_STEPS)
            return self._labelled([year for year in years if year.year % step == 0], "%Y")
        if months > 2:
            starts = [month for month in _months(self.first) if month <= self.last]
            step = _step(len(starts), MONTH_STEPS)
            return self._labelled(
                [month for month in starts if (month.month - 1) % step == 0], "%Y-%m")
        first = self.first.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        days = [first + timedelta(days=count + 1) for count in range((self.last - first).days)]
        return self._labelled(days[::_step(len(days), DAY_STEPS)], "%Y-%m-%d")

    def _labelled(self, moments: list[datetime], form: str) -> list[Tick]:
        ticks = [Tick(self.x(moment), moment.strftime(form)) for moment in moments]
        # Beside each other they need this room.
        return [tick for tick in ticks if tick.x < WIDTH - 4 * len(tick.label)]


def _step(count: int, steps: tuple[int, ...]) -> int:
    return next((step for step in steps if count / step <= MOST_TICKS), steps[-1])


def _months(first: datetime):
    """Beginnings of the 24 months after ``first``."""
    year, month = first.year, first.month
    for _ in range(24):
        year, month = (year + 1, 1) if month == 12 else (year, month + 1)
        yield datetime(year, month, 1, tzinfo=UTC)


def _day(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%d")


def _lines(rows: list[PictureRow]) -> list[str]:
    """Paths from the row of each parent to that of its child; the longer, the further out."""
    places = {row.member.name: row for row in rows}
    found = []
    for index, row in enumerate(rows):
        for parent in row.member.parents:
            above = places[parent]
            distance = abs(index - rows.index(above))
            if distance == 1:
                found.append(f"M{above.dot} {above.y}V{row.y}")
                continue
            lane = min(above.dot + LANE * min(distance - 1, 2) + 4, GUTTER - 6)
            turn = 6 if row.y > above.y else -6
            found.append(
                f"M{above.dot} {above.y}H{lane - 6}q6 0 6 {turn}V{row.y - turn}q0 {turn} -6 {turn}"
                f"H{row.dot}")
    return found
