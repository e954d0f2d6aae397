"""Pictures of planes: before, after, and the difference, small enough for a page."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from matplotlib import colormaps, image

from contents.drawing.gallery import COLOURS
from contents.drawing.images import zscale

from .arrays import PIECE, Stack, subtract, unequal
from .values import finite

#: Longest side of a picture in pixels.
SIDE = 640

#: Pixels from which the limits of the colours are found.
SAMPLE = 200_000

#: Percentage of differences whose colour is not saturated.
COVER = 99.5


def draw(folder: Path, stem: str, old: Stack | None, new: Stack | None,
         place: tuple[int, ...] = ()) -> dict:
    """Write the pictures of the plane ``place`` of two arrays, the first plane for ``()``.

    Rows go upwards, as FITS counts them.  Both have the limits of the old one, so that
    what looks alike is alike.  Returns
    ``{"old": {"file", "low", "high", "width", "height"}, "new": …, "difference": …}``.
    """
    made = {}
    limits = None
    for name, stack in (("old", old), ("new", new)):
        if stack is None or 0 in stack.shape:
            continue
        where = place or (0,) * (len(stack.shape) - 2)
        limits = limits or scale(_sample(stack, where))
        made[name] = _write(folder / f"{stem}-{name}.png", shrunk(stack, where), limits, COLOURS)
    if len(made) == 2 and old.full == new.full:
        made["difference"] = _difference(folder / f"{stem}-difference.png", old, new, where)
    return made


def _difference(path: Path, old: Stack, new: Stack, place: tuple[int, ...]) -> dict:
    # The largest of each block, so that a single pixel is not averaged away.
    picture = shrunk(Difference(old, new), place, largest=True)
    size = np.abs(picture[np.isfinite(picture) & (picture != 0)])
    limit = float(np.percentile(size, COVER)) if size.size else 1.0
    return _write(path, picture, (-limit, limit), colormaps["RdBu_r"])


class Difference(Stack):
    """New minus old, 0 where both are equal, NaN included."""

    def __init__(self, old: Stack, new: Stack):
        super().__init__(old.full, None)
        self.old, self.new = old, new

    def rows(self, place, first, last):
        old, new = self.old.rows(place, first, last), self.new.rows(place, first, last)
        change = subtract(old, new)
        change[~unequal(old, new)] = 0.0
        return change


def _real(rows: np.ndarray) -> np.ndarray:
    return (np.abs(rows) if rows.dtype.kind == "c" else rows).astype(np.float64)


def _sample(stack: Stack, place: tuple[int, ...]) -> np.ndarray:
    """Some rows of a plane, evenly spread."""
    height, width = stack.shape[-2:]
    step = max(1, height * min(width, SAMPLE) // SAMPLE)
    return np.concatenate([
        _real(stack.rows(place, row, row + 1)).reshape(-1) for row in range(0, height, step)])


def scale(values: np.ndarray) -> tuple[float, float]:
    """Limits of the colours by the z-scale algorithm."""
    low, high = zscale(values) or (0.0, 1.0)
    return (low, high) if low < high else (low - 0.5, low + 0.5)


def shrunk(stack: Stack, place: tuple[int, ...], largest: bool = False) -> np.ndarray:
    """A plane in blocks so that it has at most :data:`SIDE` of them on a side.

    A block is the mean of its pixels, or with ``largest`` the one furthest from 0; NaN where
    no pixel is a number.
    """
    height, width = stack.shape[-2:]
    down, across = (-(-side // SIDE) for side in (height, width))
    step = down * max(1, PIECE // (width * down))
    reduce = _largest if largest else _mean
    return np.concatenate([
        reduce(_blocks(_real(stack.rows(place, first, min(first + step, height))), down, across))
        for first in range(0, height, step)])


def _blocks(rows: np.ndarray, down: int, across: int) -> np.ndarray:
    """``rows`` as an array of blocks, the pixels of each along the last axis, filled up by NaN."""
    height, width = rows.shape
    up, along = -(-height // down), -(-width // across)
    if (up * down, along * across) != rows.shape:
        padded = np.full((up * down, along * across), np.nan)
        padded[:height, :width] = rows
        rows = padded
    return rows.reshape(up, down, along, across).transpose(0, 2, 1, 3).reshape(up, along, -1)


def _mean(blocks: np.ndarray) -> np.ndarray:
    known = np.isfinite(blocks)
    count = known.sum(axis=-1)
    total = np.where(known, blocks, 0.0).sum(axis=-1)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def _largest(blocks: np.ndarray) -> np.ndarray:
    known = np.isfinite(blocks)
    sizes = np.where(known, np.abs(blocks), -1)
    picked = np.take_along_axis(blocks, sizes.argmax(axis=-1)[..., None], axis=-1)[..., 0]
    return np.where(known.any(axis=-1), picked, np.nan)


def _write(path: Path, plane: np.ndarray, limits: tuple[float, float], colours) -> dict:
    """A PNG in which pixels without a number are transparent."""
    low, high = limits
    with np.errstate(invalid="ignore"):
        share = np.clip((plane - low) / ((high - low) or 1.0), 0.0, 1.0)
    pixels = (colours(share) * 255).astype(np.uint8)
    pixels[~np.isfinite(plane), 3] = 0
    image.imsave(path, np.ascontiguousarray(pixels[::-1]), metadata={"Software": None})
    return {"file": path.name, "low": finite(low), "high": finite(high),
            "width": pixels.shape[1], "height": pixels.shape[0]}
