"""Images: with axes and a scale of colours, as flags, as thumbnails."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from astropy.visualization import ZScaleInterval
from matplotlib.colors import BoundaryNorm, ListedColormap, Normalize

from ..pixels import Pixels, reduced
from ..words import label, number
from .gallery import COLOURS, DENSITY, Gallery, Theme, round_ticks

#: Largest area for the pixels of a picture, in pixels of the page.
WIDTH, HEIGHT = 470, 430

#: Around the pixels: for labels of the axes, and for the scale at the right.
LEFT, BOTTOM, TOP, RIGHT = 58, 44, 10, 92

#: Images that would be thinner than this are stretched.
THINNEST = 90

#: Largest size of a pixel of an image in a picture, in pixels of the page.
TINY_SCALE = 80

#: Images of at most so many pixels a side have their values written in.
WRITTEN = 6

#: Values from which the limits of a picture are taken.
ZSCALE_SAMPLES = 100_000


@dataclass(frozen=True)
class View:
    """A two-dimensional image ready to draw.

    ``joined`` are the pixels that were joined along y and x, ``first`` is the number that the
    file's users give to the first pixel, ``limits`` are the values of the darkest and the
    brightest colour.
    """

    values: np.ndarray
    shape: tuple[int, int]
    joined: tuple[int, int]
    limits: tuple[float, float]
    first: int = 1

    @property
    def extent(self) -> tuple[float, float, float, float]:
        """Borders of ``values`` in pixels of the file; the last cells may join fewer pixels."""
        low = self.first - 0.5
        down, across = self.values.shape
        return (low, low + across * self.joined[1], low, low + down * self.joined[0])

    @property
    def scaled(self) -> np.ndarray:
        low, high = self.limits
        return np.clip((self.values - low) / ((high - low) or 1), 0, 1)


def view(pixels: Pixels, first: int = 1) -> View | None:
    """``pixels`` for a picture with z-scaled limits; None where no value is finite."""
    values, y, x = reduced(pixels, max(WIDTH, HEIGHT) * DENSITY)
    values = values.astype(np.float64)
    limits = zscale(values)
    return limits and View(values, pixels.shape, (y, x), limits, first)


def zscale(values: np.ndarray) -> tuple[float, float] | None:
    """Limits that show the structure of the background; None where no value is finite."""
    finite = values[np.isfinite(values)]
    if not finite.size:
        return None
    if finite.size > ZSCALE_SAMPLES:
        finite = finite[::finite.size // ZSCALE_SAMPLES]
    lowest, highest = float(finite.min()), float(finite.max())
    with np.errstate(all="ignore"):
        low, high = map(float, ZScaleInterval(n_samples=ZSCALE_SAMPLES).get_limits(finite))
    if not (np.isfinite(low) and np.isfinite(high)) or low >= high:
        low, high = lowest, highest
    return low, high


def size_of(shape: tuple[int, int]) -> tuple[int, int, bool]:
    """Width and height of the pixels' area for an image of ``shape``; whether it is stretched."""
    rows, columns = shape
    scale = min(WIDTH / columns, HEIGHT / rows, TINY_SCALE)
    width, height = columns * scale, rows * scale
    stretched = min(width, height) < THINNEST
    return max(THINNEST, round(width)), max(THINNEST, round(height)), stretched


def draw(gallery: Gallery, name: str, seen: View, *, title: str, unit: str = "") -> dict:
    """A picture of ``seen``; ``title`` says in words what it is."""
    width, height, stretched = size_of(seen.shape)
    low, high = seen.limits

    def paint(figure, theme: Theme):
        axes = _axes(figure, width, height, RIGHT)
        colours = COLOURS.with_extremes(bad=theme.missing)
        norm = Normalize(low, high if high > low else low + (abs(low) * 1e-3 or 1))
        drawn = axes.imshow(
            np.ma.masked_invalid(seen.values), cmap=colours, norm=norm, origin="lower",
            extent=seen.extent, aspect="auto",
            interpolation="nearest" if seen.joined == (1, 1) and max(seen.shape) < 300 else "auto")
        _limit(axes, seen)
        if max(seen.shape) <= WRITTEN:
            _write_values(axes, seen, norm)
        _scale(figure, drawn, width, height, label(unit) if unit else "", seen)

    rows, columns = seen.shape
    return gallery.draw(
        name, (LEFT + width + RIGHT, BOTTOM + height + TOP), paint,
        alt=(f"{title}: image of {columns} by {rows} pixels, colours from {number(low)}"
             f" to {number(high)}{' ' + unit if unit else ''}."),
        caption=_caption(seen, stretched))


def _caption(seen: View, stretched: bool) -> str:
    low, high = seen.limits
    parts = [f"z-scale from {number(low)} to {number(high)}"]
    y, x = seen.joined
    if (y, x) != (1, 1):
        parts.append(f"each point is the mean of {x} \u00d7 {y} pixels")
    if stretched:
        parts.append("stretched to be visible")
    if not np.isfinite(seen.values).all():
        parts.append("orange: no value")
    return "; ".join(parts)


def _axes(figure, width: int, height: int, right: int):
    full_width, full_height = LEFT + width + right, BOTTOM + height + TOP
    axes = figure.add_axes((LEFT / full_width, BOTTOM / full_height,
                            width / full_width, height / full_height))
    axes.set_xlabel("x (pixels)")
    axes.set_ylabel("y (pixels)")
    return axes


def _limit(axes, seen: View) -> None:
    rows, columns = seen.shape
    low = seen.first - 0.5
    axes.set_xlim(low, low + columns)
    axes.set_ylim(low, low + rows)
    for axis in (axes.xaxis, axes.yaxis):
        round_ticks(axis, 6, integer=True)


def _write_values(axes, seen: View, norm) -> None:
    for (row, column), value in np.ndenumerate(seen.values):
        dark = norm(value) < 0.6 if np.isfinite(value) else False
        axes.text(column + seen.first, row + seen.first, number(value, 4), ha="center",
                  va="center", fontsize=7.5, color="#ffffff" if dark else "#10151c")


def _scale(figure, drawn, width: int, height: int, unit: str, seen: View) -> None:
    full_width, full_height = LEFT + width + RIGHT, BOTTOM + height + TOP
    place = figure.add_axes(((LEFT + width + 12) / full_width, BOTTOM / full_height,
                             12 / full_width, height / full_height))
    low, high = seen.limits
    beyond = {(False, False): "neither", (True, False): "min", (False, True): "max",
              (True, True): "both"}[
        (bool(np.nanmin(seen.values) < low), bool(np.nanmax(seen.values) > high))]
    bar = figure.colorbar(drawn, cax=place, extend=beyond, extendfrac=0.025)
    bar.outline.set_linewidth(0.5)
    round_ticks(bar.ax.yaxis, 7)
    if unit:
        bar.set_label(unit)


# ---- flags ---------------------------------------------------------------


def draw_flags(gallery: Gallery, name: str, pixels: Pixels, *, title: str, flagged: int,
               first: int = 1) -> dict:
    """Which pixels of an image of flags have any: ``flagged`` of them."""
    values, y, x = reduced(pixels, max(WIDTH, HEIGHT) * DENSITY, flags=True)
    seen = View((values != 0).astype(float), pixels.shape, (y, x), (0, 1), first)
    width, height, stretched = size_of(seen.shape)

    def paint(figure, theme: Theme):
        axes = _axes(figure, width, height, 20)
        axes.imshow(seen.values, cmap=ListedColormap([theme.neutral, theme.series[1]]),
                    norm=BoundaryNorm([-0.5, 0.5, 1.5], 2), origin="lower", extent=seen.extent,
                    aspect="auto", interpolation="nearest")
        _limit(axes, seen)

    rows, columns = seen.shape
    share = 100 * flagged / max(1, pixels.size)
    caption = f"Orange: pixels with any flag, {number(flagged)} ({number(share, 3)} %)"
    if (y, x) != (1, 1):
        caption += f"; a point is orange if any of its {x} \u00d7 {y} pixels is flagged"
    return gallery.draw(
        name, (LEFT + width + 20, BOTTOM + height + TOP), paint,
        alt=(f"{title}: map of flags, {columns} by {rows} pixels;"
             f" {number(flagged)} pixels have a flag."),
        caption=caption + ("; stretched to be visible" if stretched else ""))


def thumbnail(gallery: Gallery, name: str, values: np.ndarray) -> dict:
    """A small picture of values between 0 and 1."""
    step = max(1, max(values.shape) // 264)
    thinned = values[::step, ::step]
    longest = max(thinned.shape)
    # Very thin images would be a line: repeat their pixels.
    repeat = [max(1, longest // (4 * side)) for side in thinned.shape]
    return gallery.thumbnail(name, np.repeat(np.repeat(thinned, repeat[0], 0), repeat[1], 1))


def small_flags(pixels: Pixels) -> np.ndarray:
    """Flags for a thumbnail: 0.1 without, 0.85 with any."""
    values, _, _ = reduced(pixels, 264, flags=True)
    return np.where(values != 0, 0.9, 0.12)


__all__ = ["View", "draw", "draw_flags", "thumbnail", "view", "zscale"]
