"""How pages show measured differences: numbers, shares, a histogram."""

from __future__ import annotations

import math

from django import template

from common.formats import NOTHING

register = template.Library()

#: Places of the histogram in its picture.
LEFT, RIGHT, TOP, BOTTOM = 56, 632, 12, 150


@register.filter
def measure(value):
    """A measured number with five digits; a dash for none."""
    return NOTHING if value is None or value == "" else f"{value:.5g}"


@register.filter
def percent(share: float) -> str:
    """A share in percent, never 0 for something and never 100 for less than all."""
    if 0 < share < 0.0001:
        return "below 0.01 %"
    if 0.9999 < share < 1:
        return "above 99.99 %"
    return f"{100 * share:.3g} %"


@register.simple_tag
def histogram(found: dict) -> dict:
    """Bars, lines and ticks of a histogram with a logarithmic axis, in picture coordinates."""
    counts, low, high = found["counts"], found["low"], found["high"]
    decades = max(1, math.ceil(math.log10(max(counts) + 1)))
    width = (RIGHT - LEFT) / len(counts)
    step = (high - low) / len(counts)

    def height(count: float) -> float:
        return round((BOTTOM - TOP) * math.log10(count + 1) / decades, 1)

    bars = [{
        "x": round(LEFT + number * width, 2), "width": round(max(width - 1, 1), 2),
        "y": round(BOTTOM - height(count), 1), "height": height(count),
        "label": f"{low + number * step:.4g} to {low + (number + 1) * step:.4g}: {count:,}",
    } for number, count in enumerate(counts) if count]
    ticks = [{"x": LEFT, "anchor": "start", "label": f"{low:.4g}"},
             {"x": (LEFT + RIGHT) / 2, "anchor": "middle", "label": f"{(low + high) / 2:.4g}"},
             {"x": RIGHT, "anchor": "end", "label": f"{high:.4g}"}]
    zero = round(LEFT + (RIGHT - LEFT) * -low / (high - low), 1) if low < 0 < high else None
    lines = [{"y": round(BOTTOM - height(10 ** power), 1), "label": f"{10 ** power:,}"}
             for power in range(decades) if height(10 ** power) <= BOTTOM - TOP]
    return {"bars": bars, "ticks": ticks, "zero": zero, "lines": lines, "highest": max(counts)}
