"""Geometry of a bar chart over time; the template draws it as SVG."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from math import log10

WIDTH, HEIGHT = 1000, 220
LEFT, RIGHT, TOP, BOTTOM = 52, 8, 10, 24
#: Parts of a bar from the axis upwards.
PARTS = ("answered", "refused", "failed")


@dataclass
class Chart:
    """Lengths in units of the view box ``width`` by ``height``."""

    width: int = WIDTH
    height: int = HEIGHT
    base: int = HEIGHT - BOTTOM
    left: int = LEFT
    right: int = WIDTH - RIGHT
    bars: list[dict] = field(default_factory=list)
    levels: list[dict] = field(default_factory=list)
    moments: list[dict] = field(default_factory=list)


def bars(steps: list[dict], step: timedelta) -> Chart:
    """A stacked bar for each of ``steps`` (``at``, ``requests``, ``refused``, ``failed``)."""
    chart = Chart()
    unit = nice(max((row["requests"] for row in steps), default=0) / 4)
    top = max(unit * 4, 1)
    slot = (chart.right - chart.left) / max(len(steps), 1)
    for number, row in enumerate(steps):
        x = chart.left + number * slot
        chart.bars += _bar(chart, row, x, slot, top)
        if number % max(len(steps) // 8, 1) == 0:
            chart.moments.append({"x": round(x, 1), "text": moment_text(row["at"], step)})
    for level in range(5):
        y = chart.base - level * (chart.base - TOP) / 4
        chart.levels.append({"y": round(y, 1), "text": f"{level * unit:,.0f}"})
    return chart


def _bar(chart: Chart, row: dict, x: float, slot: float, top: float) -> list[dict]:
    counts = {
        "failed": row["failed"],
        "refused": row["refused"],
        # A JSON-RPC error is a failure with status 200, never refused as well.
        "answered": max(row["requests"] - row["failed"] - row["refused"], 0),
    }
    y, parts = float(chart.base), []
    for part in PARTS:
        if not counts[part]:
            continue
        height = max(counts[part] * (chart.base - TOP) / top, 1.0)
        y -= height
        parts.append({
            "part": part, "x": round(x + slot * 0.1, 2), "y": round(y, 2),
            "width": round(slot * 0.8, 2), "height": round(height, 2),
            "text": f"{row['at']:%Y-%m-%d %H:%M}: {counts[part]} {part}",
        })
    return parts


def nice(number: float) -> int:
    """The next of 1, 2, 5, 10, 20, 50 … that is not below ``number``."""
    if number <= 1:
        return 1
    power = 10 ** int(log10(number))
    return int(next(m * power for m in (1, 2, 5, 10) if m * power >= number))


def moment_text(at: datetime, step: timedelta) -> str:
    return f"{at:%m-%d}" if step >= timedelta(hours=3) else f"{at:%H:%M}"
