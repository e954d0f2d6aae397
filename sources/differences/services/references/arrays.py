"""Arrays of pixels compared piece by piece, so that memory stays flat."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np

from .values import finite

#: Pixels that are in memory at a time.
PIECE = 2_000_000

BINS = 60


@dataclass
class Statistics:
    """Sums over the pixels seen so far.

    ``differs`` counts pixels that are not equal, NaN being equal to NaN; ``valid`` those of
    them with a finite difference, over which ``total``, ``squares`` and ``largest`` (of the
    absolute differences) run.  ``planes`` counts differing pixels by plane.
    """

    pixels: int = 0
    differs: int = 0
    valid: int = 0
    total: float = 0.0
    squares: float = 0.0
    largest: float = 0.0
    lowest: float = np.inf
    highest: float = -np.inf
    at: tuple[int, ...] | None = None
    planes: dict[tuple[int, ...], int] = field(default_factory=dict)

    def add(self, place: tuple[int, ...], row: int, old: np.ndarray, new: np.ndarray) -> None:
        """Take rows of the plane ``place`` into account, the first of which is ``row``."""
        mask = unequal(old, new)
        count = int(np.count_nonzero(mask))
        self.pixels += mask.size
        if not count:
            return
        self.differs += count
        self.planes[place] = self.planes.get(place, 0) + count
        change = subtract(old, new)
        change[~(mask & np.isfinite(change))] = np.nan
        valid = int(np.count_nonzero(~np.isnan(change)))
        if not valid:
            return
        self.valid += valid
        self.total += float(np.nansum(change))
        self.squares += float(np.nansum(change ** 2))
        self.lowest = min(self.lowest, float(np.nanmin(change)))
        self.highest = max(self.highest, float(np.nanmax(change)))
        largest = np.nanargmax(np.abs(change))
        y, x = divmod(int(largest), change.shape[1])
        if abs(change[y, x]) > self.largest:
            self.largest, self.at = float(abs(change[y, x])), (*place, row + y, x)

    def result(self) -> dict:
        """For JSON: numbers are None where no difference has a number."""
        mean = self.total / self.valid if self.valid else None
        return {
            "pixels": self.pixels,
            "differs": self.differs,
            "fraction": self.differs / self.pixels if self.pixels else 0.0,
            "not_numbers": self.differs - self.valid,
            "max": finite(self.largest) if self.valid else None,
            "max_at": [index + 1 for index in reversed(self.at)] if self.at else None,
            "mean": None if mean is None else finite(mean),
            "rms": finite((self.squares / self.valid) ** 0.5) if self.valid else None,
            "lowest": finite(self.lowest) if self.valid else None,
            "highest": finite(self.highest) if self.valid else None,
        }

    @property
    def plane(self) -> tuple[int, ...]:
        """The plane in which most pixels differ."""
        return max(self.planes, key=self.planes.get) if self.planes else ()


def unequal(old: np.ndarray, new: np.ndarray) -> np.ndarray:
    """Where two arrays differ; NaN equals NaN."""
    mask = old != new
    if old.dtype.kind in "fc" and new.dtype.kind in "fc":
        mask &= ~(np.isnan(old) & np.isnan(new))
    return mask


def subtract(old: np.ndarray, new: np.ndarray) -> np.ndarray:
    """``new - old`` as real numbers; of complex numbers the modulus of the difference."""
    with np.errstate(all="ignore"):
        if "c" in (old.dtype.kind, new.dtype.kind):
            return np.abs(new.astype(complex) - old.astype(complex))
        return new.astype(np.float64) - old.astype(np.float64)


class Stack:
    """An array of any number of axes as planes of rows.

    ``read(index)`` gives the part of the array that an index of integers and slices names;
    ``shape`` is in numpy's order.  Arrays of no or one axis are one plane of one row.
    """

    def __init__(self, shape: tuple[int, ...], read: Callable[[tuple], np.ndarray]):
        self.full = tuple(shape)
        self.shape = (1,) * (2 - len(self.full)) + self.full
        self._read = read

    def rows(self, place: tuple[int, ...], first: int, last: int) -> np.ndarray:
        if len(self.full) < 2:
            whole = self._read((slice(None),) * len(self.full))
            return np.asarray(whole).reshape(self.shape)
        return np.asarray(self._read((*place, slice(first, last), slice(None))))

    def pieces(self) -> Iterator[tuple[tuple[int, ...], int, int]]:
        """(place, first row, row after the last) of pieces of at most :data:`PIECE` pixels."""
        height, width = self.shape[-2:]
        step = max(1, PIECE // max(1, width))
        for place in np.ndindex(*self.shape[:-2]):
            for first in range(0, height, step):
                yield place, first, min(first + step, height)


def compare(old: Stack, new: Stack, progress: Callable[[float], None]) -> Statistics:
    """Statistics of the differences of two arrays of the same shape."""
    found = Statistics()
    size = max(1, int(np.prod(old.shape)))
    for place, first, last in old.pieces():
        found.add(place, first, old.rows(place, first, last), new.rows(place, first, last))
        progress(found.pixels / size)
    return found


def histogram(old: Stack, new: Stack, found: Statistics,
              progress: Callable[[float], None]) -> dict | None:
    """How often which difference occurs among the pixels that differ; None if they have none."""
    if not found.valid:
        return None
    low, high = found.lowest, found.highest
    if low == high:
        low, high = low - abs(low) * 0.5 - 1e-12, high + abs(high) * 0.5 + 1e-12
    if not np.isfinite(high - low):
        return None
    counts = np.zeros(BINS, dtype=np.int64)
    seen, size = 0, max(1, int(np.prod(old.shape)))
    for place, first, last in old.pieces():
        seen += (last - first) * old.shape[-1]
        progress(seen / size)
        if place not in found.planes:
            continue
        one, other = old.rows(place, first, last), new.rows(place, first, last)
        change = subtract(one, other)[unequal(one, other)]
        counts += np.histogram(change[np.isfinite(change)], BINS, (low, high))[0]
    return {"low": low, "high": high, "counts": counts.tolist()}
