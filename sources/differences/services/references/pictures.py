"""Pictures of planes: before, after, and the difference, small enough for a page."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from astropy.visualization import ZScaleInterval

from .arrays import subtract, unequal
from .values import finite

#: Longest side of a picture in pixels.
SIDE = 640

#: Pixels from which the limits of the grey scale are found.
SAMPLE = 200_000

#: Percentage of differences whose colour is not saturated.
COVER = 99.5


def draw(folder: Path, stem: str, old: np.ndarray | None, new: np.ndarray | None) -> dict:
    """Write the pictures of two planes (rows from the bottom, as FITS counts them).

    Both have the grey scale of the old one, so that what looks alike is alike.  Returns
    ``{"old": {"file", "low", "high", "width", "height"}, "new": …, "difference": …}``.
    """
    made = {}
    limits = None
    for name, plane in (("old", old), ("new", new)):
        if plane is None or not plane.size:
            continue
        plane = _real(plane)
        limits = limits or scale(plane)
        made[name] = _write(folder / f"{stem}-{name}.png", _shrunk(plane), limits, "gray")
    if old is not None and new is not None and old.shape == new.shape and old.size:
        made["difference"] = _difference(folder / f"{stem}-difference.png", old, new)
    return made


def _difference(path: Path, old: np.ndarray, new: np.ndarray) -> dict:
    change = subtract(old, new)
    change[~unequal(old, new)] = 0.0
    size = np.abs(change[np.isfinite(change) & (change != 0)])
    limit = float(np.percentile(size, COVER)) if size.size else 1.0
    # The largest of each block, so that a single pixel is not averaged away.
    return _write(path, _shrunk(change, largest=True), (-limit, limit), "RdBu_r")


def _real(plane: np.ndarray) -> np.ndarray:
    return (np.abs(plane) if plane.dtype.kind == "c" else plane).astype(np.float64)


def scale(plane: np.ndarray) -> tuple[float, float]:
    """Limits of the grey scale by the z-scale algorithm."""
    values = plane.reshape(-1)
    values = values[::max(1, values.size // SAMPLE)]
    values = values[np.isfinite(values)]
    if not values.size:
        return 0.0, 1.0
    low, high = ZScaleInterval().get_limits(values)
    if not low < high:
        low, high = float(values.min()), float(values.max())
    return (float(low), float(high)) if low < high else (float(low) - 0.5, float(low) + 0.5)


def _shrunk(plane: np.ndarray, largest: bool = False) -> np.ndarray:
    """``plane`` in blocks so that it has at most :data:`SIDE` pixels on a side."""
    height, width = plane.shape
    down, across = (-(-side // SIDE) for side in (height, width))
    if down == across == 1:
        return plane
    padded = np.full((-(-height // down) * down, -(-width // across) * across), np.nan)
    padded[:height, :width] = plane
    blocks = padded.reshape(padded.shape[0] // down, down, padded.shape[1] // across, across)
    blocks = blocks.transpose(0, 2, 1, 3).reshape(padded.shape[0] // down, -1, down * across)
    known = np.isfinite(blocks)
    if largest:
        sizes = np.where(known, np.abs(blocks), -1)
        picked = np.take_along_axis(blocks, sizes.argmax(axis=-1)[..., None], axis=-1)[..., 0]
        return np.where(known.any(axis=-1), picked, np.nan)
    count = known.sum(axis=-1)
    total = np.where(known, blocks, 0.0).sum(axis=-1)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def _write(path: Path, plane: np.ndarray, limits: tuple[float, float], colours: str) -> dict:
    """A PNG in which pixels without a number are transparent."""
    from matplotlib import colormaps, image

    low, high = limits
    with np.errstate(invalid="ignore"):
        share = np.clip((plane - low) / ((high - low) or 1.0), 0.0, 1.0)
    pixels = (colormaps[colours](share) * 255).astype(np.uint8)
    pixels[~np.isfinite(plane), 3] = 0
    image.imsave(path, np.ascontiguousarray(pixels[::-1]), metadata={"Software": None})
    return {"file": path.name, "low": finite(low), "high": finite(high),
            "width": pixels.shape[1], "height": pixels.shape[0]}
