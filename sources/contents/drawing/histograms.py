"""How often which value occurs in an image."""

from __future__ import annotations

import numpy as np
from matplotlib.ticker import LogLocator

from ..statistics import Histogram, Statistics
from ..words import label, number
from .gallery import Gallery, Theme, plain_powers, round_ticks

SIZE = (470, 240)


def draw(gallery: Gallery, name: str, found: Histogram, summary: Statistics, *, title: str,
         unit: str = "", limits: tuple[float, float] | None = None) -> dict:
    """Logarithmic counts over values; ``limits`` are those of the picture beside it."""
    used = np.flatnonzero(found.counts)
    counts = found.counts[used[0]:used[-1] + 1]
    edges = found.edges[used[0]:used[-1] + 2]

    def paint(figure, theme: Theme):
        axes = figure.add_axes((72 / SIZE[0], 44 / SIZE[1], 1 - 98 / SIZE[0], 1 - 56 / SIZE[1]))
        axes.grid(axis="y")
        if limits:
            axes.axvspan(*np.clip(limits, edges[0], edges[-1]), color=theme.series[0], alpha=0.13,
                         linewidth=0)
        axes.stairs(np.maximum(counts, 0.4), edges, baseline=0.4, fill=True,
                    color=theme.series[0], alpha=0.85)
        axes.axvline(summary.median, color=theme.series[1], linewidth=1.2)
        axes.set_yscale("log")
        axes.set_ylim(0.7, max(2, counts.max()) * 1.6)
        axes.yaxis.set_major_locator(LogLocator(10, numticks=6))
        plain_powers(axes.yaxis)
        axes.set_xlim(edges[0], edges[-1])
        axes.set_xlabel(label("value", unit))
        axes.set_ylabel("pixels")
        round_ticks(axes.xaxis, 7)

    outside = found.below + found.above
    caption = "Orange: median"
    if limits:
        caption += "; shaded: the range of colours of the image"
    if outside:
        caption += f"; {number(outside)} pixels lie outside this range"
    return gallery.draw(
        name, SIZE, paint, caption=caption,
        alt=(f"Histogram of {title} from {number(float(edges[0]))} to {number(float(edges[-1]))}"
             f"{' ' + unit if unit else ''}, most pixels near {number(_mode(found))}."))


def _mode(found: Histogram) -> float:
    peak = int(np.argmax(found.counts))
    return float((found.edges[peak] + found.edges[peak + 1]) / 2)
