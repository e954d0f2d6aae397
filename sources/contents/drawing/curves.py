"""Curves of columns and one-dimensional arrays, and rows of vectors as lines or as an image."""

from __future__ import annotations

import numpy as np

from ..words import label, number
from .gallery import COLOURS, Gallery, Theme, round_ticks

SIZE = (390, 230)
WIDE = (620, 290)

#: Left of the axes there is room for numbers and the name of the axis.
LEFT = 86

#: Points that a line may have; of more, the lowest and highest in each step are drawn.
POINTS = 1500

#: So many points and fewer are marked one by one.
MARKED = 40

#: Vectors drawn as lines; more of them make an image.
LINES = 14


def draw(gallery: Gallery, name: str, x: np.ndarray, y: np.ndarray, *, title: str,
         x_label: str, y_label: str, wide: bool = False,
         whole_numbers: bool = False) -> dict | None:
    """``y`` over ``x``; None where there is nothing finite to draw."""
    x, y = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
    good = np.isfinite(y) & np.isfinite(x)
    if not good.any():
        return None
    size = WIDE if wide else SIZE

    def paint(figure, theme: Theme):
        axes = _axes(figure, size, x_label, y_label)
        _line(axes, x, y, theme.series[0])
        _frame(axes, x[good], y[good], whole_numbers)

    low, high = float(y[good].min()), float(y[good].max())
    return gallery.draw(
        name, size, paint,
        alt=(f"{title}: {number(int(good.sum()))} points, {y_label} from {number(low)} to"
             f" {number(high)} over {x_label} from {number(float(x[good].min()))} to"
             f" {number(float(x[good].max()))}."))


def draw_lines(gallery: Gallery, name: str, x: list[np.ndarray], y: list[np.ndarray],
               names: list[str], *, title: str, x_label: str, y_label: str) -> dict | None:
    """Several vectors in one picture, each with its name."""
    if not any(np.isfinite(line).any() for line in y):
        return None
    dashes = ("-", (0, (5, 1.5)), (0, (1.5, 1.2)), (0, (5, 1.5, 1.5, 1.5)))

    def paint(figure, theme: Theme):
        axes = _axes(figure, WIDE, x_label, y_label, right=150)
        for number_, (across, up, text) in enumerate(zip(x, y, names, strict=True)):
            colour = theme.series[number_ % len(theme.series)]
            _line(axes, across, up, colour, label(text, limit=20), dashes[number_ % len(dashes)])
        finite = np.concatenate([line[np.isfinite(line)] for line in y])
        _frame(axes, np.concatenate(x), finite, False)
        axes.legend(loc="upper left", bbox_to_anchor=(1.01, 1.04), frameon=False, fontsize=7.5,
                    handlelength=2, labelspacing=0.35)

    finite = np.concatenate([line[np.isfinite(line)] for line in y])
    return gallery.draw(
        name, WIDE, paint,
        alt=(f"{title}: {len(y)} curves, {y_label} from {number(float(finite.min()))} to"
             f" {number(float(finite.max()))} over {x_label}."))


def draw_matrix(gallery: Gallery, name: str, values: np.ndarray, *, title: str, unit: str,
                x_label: str = "element", y_label: str = "row", first: int = 1,
                caption: str = "") -> dict | None:
    """Vectors of many rows as an image: one line of it for each row."""
    finite = values[np.isfinite(values)]
    if not finite.size:
        return None
    rows, elements = values.shape
    low, high = map(float, np.percentile(finite, (1, 99)))
    if low == high:
        low, high = float(finite.min()), float(finite.max())

    def paint(figure, theme: Theme):
        width, height = WIDE
        axes = figure.add_axes((58 / width, 44 / height, (width - 160) / width,
                                (height - 56) / height))
        drawn = axes.imshow(
            np.ma.masked_invalid(values), cmap=COLOURS.with_extremes(bad=theme.missing),
            vmin=low, vmax=high if high > low else low + (abs(low) * 1e-3 or 1), origin="lower",
            aspect="auto", extent=(first - 0.5, first + elements - 0.5, first - 0.5,
                                   first + rows - 0.5), interpolation="auto")
        axes.set_xlabel(x_label)
        axes.set_ylabel(y_label)
        round_ticks(axes.xaxis, 8, integer=True)
        round_ticks(axes.yaxis, 6, integer=True)
        place = figure.add_axes(((width - 90) / width, 44 / height, 12 / width,
                                 (height - 56) / height))
        bar = figure.colorbar(drawn, cax=place)
        round_ticks(bar.ax.yaxis, 6)
        bar.outline.set_linewidth(0.5)
        if unit:
            bar.set_label(label(unit))

    return gallery.draw(
        name, WIDE, paint, caption=caption,
        alt=(f"{title}: image of {rows} rows by {elements} elements, colours from {number(low)}"
             f" to {number(high)}{' ' + unit if unit else ''}."))


def _axes(figure, size: tuple[int, int], x_label: str, y_label: str, right: int = 24):
    width, height = size
    axes = figure.add_axes((LEFT / width, 44 / height, (width - LEFT - right) / width,
                            (height - 56) / height))
    # At the edge of the picture, however wide the numbers beside the axis are.
    axes.yaxis.set_label_coords(-(LEFT - 14) / (width - LEFT - right), 0.5)
    axes.grid()
    axes.set_xlabel(label(x_label, limit=55))
    axes.set_ylabel(label(y_label, limit=30))
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    return axes


def _line(axes, x, y, colour: str, name: str | None = None, dashes="-") -> None:
    """A line with gaps where there is no value; points where it would hide them."""
    if len(x) > 2 * POINTS and np.all(np.diff(x) >= 0):
        x, y = envelope(x, y)
    marker = {"marker": "o", "markersize": 2.6} if len(x) <= MARKED else {}
    ordered = len(x) < 2 or np.all(np.diff(x[np.isfinite(x)]) >= 0)
    if not ordered:
        marker, dashes = {"marker": "o", "markersize": 2.2, "markeredgewidth": 0}, "none"
        if len(x) > 20_000:
            step = len(x) // 20_000 + 1
            x, y = x[::step], y[::step]
    axes.plot(x, y, color=colour, label=name, linestyle=dashes, **marker)


def envelope(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """``x`` and ``y`` thinned to the lowest and highest ``y`` of each of :data:`POINTS` steps."""
    step = -(-len(x) // POINTS)
    keep = len(x) // step * step
    folded = y[:keep].reshape(-1, step)
    low = np.argmin(np.where(np.isfinite(folded), folded, np.inf), axis=1)
    high = np.argmax(np.where(np.isfinite(folded), folded, -np.inf), axis=1)
    start = np.arange(len(folded)) * step
    chosen = np.sort(np.concatenate(
        [start + low, start + high, np.arange(keep, len(x)), [0, len(x) - 1]]))
    return x[chosen], y[chosen]


def _frame(axes, x: np.ndarray, y: np.ndarray, whole_numbers: bool) -> None:
    """A little room around the curve; constant curves in the middle."""
    low, high = float(np.min(y)), float(np.max(y))
    room = (high - low) * 0.06 or abs(low) * 0.1 or 1
    if np.isfinite(low - room) and np.isfinite(high + room):
        axes.set_ylim(low - room, high + room)
    round_ticks(axes.yaxis, 5)
    round_ticks(axes.xaxis, 6, integer=whole_numbers)


# ---- thumbnails ----------------------------------------------------------


def spark(gallery: Gallery, name: str, x: np.ndarray, y: np.ndarray) -> dict | None:
    """The shape of a curve without axes, in a colour that is seen on light and dark."""
    from matplotlib.figure import Figure

    good = np.isfinite(x) & np.isfinite(y)
    if good.sum() < 2:
        return None
    if len(x) > 2 * POINTS and np.all(np.diff(x) >= 0):
        x, y = envelope(x, y)
    ordered = np.all(np.diff(x[np.isfinite(x)]) >= 0)
    figure = Figure(figsize=(1.32, 0.84), dpi=200, facecolor="none")
    axes = figure.add_axes((0.04, 0.06, 0.92, 0.88))
    axes.plot(x, y, color="#2a86c7", linewidth=1.2, linestyle="-" if ordered else "none",
              marker=None if ordered else ".", markersize=2)
    axes.axis("off")
    figure.savefig(gallery.folder / f"{name}.png", transparent=True, metadata={"Software": ""})
    return {"name": name, "width": 132, "height": 84}
