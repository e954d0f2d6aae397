"""Arrays of any size and origin, read in sections so that memory stays flat."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

#: Values that are in memory at one time.
BLOCK = 1_000_000


@dataclass
class Pixels:
    """An array that is read piece by piece.

    ``source`` gives an array for an index (a memory map, a section of a FITS image).  Physical
    values are ``zero + scale * stored``; ``blank`` is the stored value of pixels without one.
    """

    source: Any
    shape: tuple[int, ...]
    dtype: np.dtype
    scale: float = 1.0
    zero: float = 0.0
    blank: int | None = None
    size: int = field(init=False)

    def __post_init__(self):
        self.dtype = np.dtype(self.dtype)
        self.size = math.prod(self.shape)

    @classmethod
    def of(cls, array: np.ndarray) -> Pixels:
        return cls(array, tuple(array.shape), array.dtype)

    @property
    def is_integer(self) -> bool:
        return self.dtype.kind in "iub"

    @property
    def planes(self) -> int:
        """Number of two-dimensional images in it; 1 for one image or less."""
        return math.prod(self.shape[:-2])

    def plane(self, number: int) -> Pixels:
        """The image ``number``, counted from 0, the last of the leading axes fastest."""
        index = np.unravel_index(number, self.shape[:-2]) if len(self.shape) > 2 else ()
        index = tuple(int(i) for i in index)
        return Pixels(_Inside(self.source, index), self.shape[-2:], self.dtype,
                      self.scale, self.zero, self.blank)

    def __getitem__(self, index) -> np.ndarray:
        """Physical values, in the byte order of the machine; complex ones as magnitudes."""
        raw = np.asarray(self.source[index])
        values = self._physical(raw)
        return np.abs(values) if values.dtype.kind == "c" else values

    def _physical(self, raw: np.ndarray) -> np.ndarray:
        native = raw.astype(raw.dtype.newbyteorder("="), copy=False)
        if self.dtype.kind in "ui" and self.zero:
            return _shifted(native, self.dtype)
        if self.scale == 1 and self.zero == 0 and self.blank is None:
            return native.astype(np.float32) if native.dtype == np.float16 else native
        values = native * np.float64(self.scale) + self.zero
        if self.blank is not None:
            values[native == self.blank] = np.nan
        return values

    def blocks(self) -> Iterator[np.ndarray]:
        """All values, in order, in arrays of at most about :data:`BLOCK`."""
        if not self.shape:
            yield self[()]
            return
        axis = next((axis for axis in range(len(self.shape))
                     if math.prod(self.shape[axis + 1:]) <= BLOCK), len(self.shape) - 1)
        step = max(1, BLOCK // max(1, math.prod(self.shape[axis + 1:])))
        for lead in np.ndindex(*self.shape[:axis]):
            for start in range(0, self.shape[axis], step):
                yield self[(*lead, slice(start, min(start + step, self.shape[axis])))]


def _shifted(native: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """Stored integers as ``dtype`` of the other signedness: FITS stores them shifted by half
    their range, which turns the highest bit over.  Exact, unlike floats."""
    unsigned = native.view(f"u{native.dtype.itemsize}")
    highest = unsigned.dtype.type(1 << (8 * native.dtype.itemsize - 1))
    return (unsigned ^ highest).view(dtype)


class _Inside:
    """``source[index + ...]``: an array inside another one, not read yet."""

    def __init__(self, source, index: tuple[int, ...]):
        self.source = source
        self.index = index

    def __getitem__(self, index):
        index = index if isinstance(index, tuple) else (index,)
        return self.source[(*self.index, *index)]


def reduced(pixels: Pixels, limit: int, *, flags: bool = False) -> tuple[np.ndarray, int, int]:
    """A two-dimensional image made small enough that no side exceeds ``limit``.

    Returns it with the number of pixels that were joined along y and x.  Pixels are joined by
    their mean without NaN; ``flags`` are joined by their bitwise or, so that none disappears.
    """
    rows, columns = pixels.shape
    y, x = max(1, -(-rows // limit)), max(1, -(-columns // limit))
    if y == x == 1:
        return pixels[:, :], 1, 1
    join = _joined_flags if flags else _joined_mean
    bands = max(1, BLOCK // (columns * y)) * y
    parts = [_band(pixels, start, min(start + bands, rows), y, x, join)
             for start in range(0, rows, bands)]
    return np.concatenate(parts), y, x


def _band(pixels: Pixels, start: int, stop: int, y: int, x: int, join) -> np.ndarray:
    columns = pixels.shape[1]
    width = max(1, BLOCK // max(1, stop - start) // x) * x
    return np.concatenate(
        [join(pixels[start:stop, left:min(left + width, columns)], y, x)
         for left in range(0, columns, width)], axis=1)


def _cells(block: np.ndarray, y: int, x: int, fill) -> np.ndarray:
    """``block`` in cells of y times x pixels: (cells down, cells across, pixels)."""
    rows, columns = block.shape
    padded = np.pad(block, ((0, -rows % y), (0, -columns % x)), constant_values=fill)
    down, across = padded.shape[0] // y, padded.shape[1] // x
    return padded.reshape(down, y, across, x).swapaxes(1, 2).reshape(down, across, y * x)


def _joined_flags(block: np.ndarray, y: int, x: int) -> np.ndarray:
    return np.bitwise_or.reduce(_cells(block, y, x, 0), axis=2)


def _joined_mean(block: np.ndarray, y: int, x: int) -> np.ndarray:
    cells = _cells(block.astype(np.float64), y, x, np.nan)
    good = np.isfinite(cells)
    count = good.sum(axis=2)
    total = np.where(good, cells, 0).sum(axis=2)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)
