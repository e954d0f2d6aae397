"""Where pictures go, and what all of them have in common: size, colours, letters."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import matplotlib
import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import Formatter, FuncFormatter, MaxNLocator

from ..words import number

#: Pixels of a picture for each pixel of the page: crisp on fine screens.
DENSITY = 2


@dataclass(frozen=True)
class Theme:
    """Colours of the site's sheet; ``series`` are told apart by people who see few colours."""

    name: str
    ink: str
    muted: str
    line: str
    neutral: str
    missing: str
    series: tuple[str, ...]


THEMES = (
    Theme("light", "#1b2330", "#566073", "#d9dfe8", "#eef1f5", "#e8a33d",
          ("#0072b2", "#d55e00", "#008a63", "#b0589a", "#9a6a00", "#3a3f4a", "#2a9fd6", "#8a3ffc")),
    Theme("dark", "#e5eaf2", "#9eabbe", "#2c3745", "#2c3745", "#e8a33d",
          ("#56b4e9", "#f0a35a", "#35c99a", "#e29ccb", "#f0e442", "#c5cedb", "#7fb0ff", "#c9a2ff")),
)

#: Perceived brightness rises evenly with the value, for every kind of colour vision.
COLOURS = matplotlib.colormaps["viridis"]


def _parameters(theme: Theme) -> dict:
    return {
        "font.family": "DejaVu Sans", "font.size": 8, "text.parse_math": False,
        "axes.unicode_minus": True, "axes.facecolor": "none", "figure.facecolor": "none",
        "savefig.facecolor": "none", "text.color": theme.ink, "axes.labelcolor": theme.ink,
        "axes.edgecolor": theme.muted, "axes.linewidth": 0.7, "xtick.color": theme.muted,
        "ytick.color": theme.muted, "xtick.labelcolor": theme.muted,
        "ytick.labelcolor": theme.muted, "grid.color": theme.line, "grid.linewidth": 0.6,
        "axes.axisbelow": True, "xtick.major.size": 3, "ytick.major.size": 3,
        "xtick.major.width": 0.7, "ytick.major.width": 0.7, "axes.formatter.limits": (-4, 5),
        "axes.formatter.useoffset": False, "axes.formatter.use_mathtext": False,
        "lines.linewidth": 1.1, "lines.solid_joinstyle": "round",
    }


class Gallery:
    """Draws pictures into ``folder``, each once for every theme."""

    def __init__(self, folder: Path):
        self.folder = folder

    def draw(self, name: str, size: tuple[int, int], paint: Callable[[Figure, Theme], None], *,
             alt: str, caption: str = "") -> dict:
        """A picture of ``size`` (width and height in pixels of the page) and what pages need of it.

        ``alt`` says in words what is to be seen.
        """
        width, height = size
        for theme in THEMES:
            with matplotlib.rc_context(_parameters(theme)):
                figure = Figure(figsize=(width / 100, height / 100), dpi=100 * DENSITY)
                paint(figure, theme)
                figure.savefig(self.folder / f"{name}-{theme.name}.png", metadata={"Software": ""})
        return {"name": name, "width": width, "height": height, "alt": alt, "caption": caption}

    def thumbnail(self, name: str, values: np.ndarray) -> dict:
        """Pixels alone, ``values`` from 0 to 1 with NaN for none; the same in every theme."""
        from PIL import Image

        shades = COLOURS(np.ma.masked_invalid(values), bytes=True)
        shades[~np.isfinite(values)] = (160, 160, 160, 255)
        picture = Image.fromarray(shades[::-1, :, :3])
        width, height = _fitted(picture.size, 2 * 132)
        way = Image.Resampling.NEAREST if width > picture.width else Image.Resampling.BOX
        picture.resize((width, height), way).quantize(128).save(
            self.folder / f"{name}.png", optimize=True)
        return {"name": name, "width": width // 2, "height": height // 2}


def _fitted(size: tuple[int, int], limit: int) -> tuple[int, int]:
    """A size of about the same proportions whose longer side is ``limit``, both even."""
    scale = limit / max(size)
    return tuple(max(24, int(side * scale) // 2 * 2) for side in size)


# ---- axes ----------------------------------------------------------------


def plain_powers(axis) -> None:
    """Labels of a logarithmic axis as 1, 10, 100, 10 000, 1e6; only at powers of ten."""
    axis.set_major_formatter(FuncFormatter(
        lambda value, _: number(round(value)) if 1 <= value < 1e6 else f"{value:.0e}".replace(
            "e+0", "e").replace("e+", "e")))
    axis.set_minor_formatter(FuncFormatter(lambda value, _: ""))


class ShortNumbers(Formatter):
    """Labels with as few digits as tell the ticks apart, each complete: no offset beside them."""

    def __call__(self, value, position=None):
        return number(float(value))

    def format_ticks(self, values):
        largest = max((abs(float(value)) for value in values), default=0)
        whole = len(str(int(largest))) if largest < 1e6 else 0
        for digits in range(max(3, whole), 16):
            texts = [number(float(value), digits) for value in values]
            if len(set(texts)) == len(texts):
                break
        return [text.replace("-", "\u2212") for text in texts]


def round_ticks(axis, count: int, *, integer: bool = False) -> None:
    """At most ``count`` ticks at round numbers."""
    steps = [1, 2, 5, 10] if integer else [1, 2, 2.5, 5, 10]
    axis.set_major_locator(MaxNLocator(count, integer=integer, steps=steps))
    axis.set_major_formatter(ShortNumbers())
