"""Numbers that sum up an array, gathered in one or two passes with flat memory."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np

from .pixels import Pixels

#: Values from which median, robust sigma and limits of pictures are taken; all when fewer.
SAMPLE = 1_000_000

#: Scatter of a normal distribution for a median absolute deviation of 1.
MAD_TO_SIGMA = 1.4826022

#: A histogram reaches this many robust sigmas to both sides of the median, or to the extremes.
HISTOGRAM_SIGMAS = 12

#: Steps of a histogram, at most; fewer for few pixels, so that steps are not mostly noise.
HISTOGRAM_BINS = 120


@dataclass
class Statistics:
    """A summary of the finite values of an array; None where there is no finite value.

    ``limit`` is the largest value of an integer type and ``at_limit`` the number of pixels that
    have it, which are saturated in most data; ``sampled`` is the number of values from which
    median and sigma were taken when that is not all.
    """

    count: int = 0
    finite: int = 0
    nan: int = 0
    infinite: int = 0
    zeros: int = 0
    minimum: float | None = None
    maximum: float | None = None
    mean: float | None = None
    std: float | None = None
    median: float | None = None
    sigma: float | None = None
    limit: int | None = None
    at_limit: int = 0
    sampled: int | None = None
    sample: np.ndarray = field(default_factory=lambda: np.empty(0), repr=False)

    @property
    def is_constant(self) -> bool:
        return self.finite > 0 and self.minimum == self.maximum

    def description(self) -> dict:
        """What JSON can hold."""
        return {name: _plain(value) for name, value in vars(self).items() if name != "sample"}


def _plain(value):
    return value if value is None or isinstance(value, int) else float(value)


def summarize(pixels: Pixels) -> Statistics:
    """Statistics of all values of ``pixels``."""
    found = Statistics()
    if pixels.dtype.kind in "iu" and pixels.scale == 1:
        found.limit = int(np.iinfo(pixels.dtype).max)
    totals = _Totals()
    stride = _stride(pixels)
    sample, offset = [], 0
    for block in pixels.blocks():
        values = block.ravel()
        _count(found, totals, values)
        chosen = values[offset::stride]
        offset = (offset - values.size) % stride
        chosen = chosen.astype(np.float64)
        sample.append(chosen[np.isfinite(chosen)])
    found.sample = np.concatenate(sample) if sample else np.empty(0)
    _conclude(found, totals, stride)
    return found


def _stride(pixels: Pixels) -> int:
    """Distance between values of the sample; shares no factor with the length of a row."""
    stride = -(-pixels.size // SAMPLE) or 1
    row = pixels.shape[-1] if pixels.shape else 1
    while stride > 1 and math.gcd(stride, row) > 1:
        stride += 1
    return stride


@dataclass
class _Totals:
    """Running mean and sum of squared deviations, joined block by block (Chan et al.)."""

    count: int = 0
    mean: float = 0.0
    squares: float = 0.0

    def add(self, values: np.ndarray) -> None:
        if not values.size:
            return
        values = values.astype(np.float64)
        mean = float(values.mean())
        squares = float(np.square(values - mean).sum())
        count = self.count + values.size
        shift = mean - self.mean
        self.mean += shift * values.size / count
        self.squares += squares + shift * shift * self.count * values.size / count
        self.count = count


def _count(found: Statistics, totals: _Totals, values: np.ndarray) -> None:
    found.count += values.size
    good = values
    if values.dtype.kind == "f":
        finite = np.isfinite(values)
        found.nan += int(np.isnan(values).sum())
        good = values[finite]
    found.zeros += int(np.count_nonzero(good == 0))
    if found.limit is not None:
        found.at_limit += int(np.count_nonzero(good == found.limit))
    if not good.size:
        return
    low, high = good.min().item(), good.max().item()
    found.minimum = low if found.minimum is None else min(found.minimum, low)
    found.maximum = high if found.maximum is None else max(found.maximum, high)
    with np.errstate(over="ignore", invalid="ignore"):
        totals.add(good)


def _conclude(found: Statistics, totals: _Totals, stride: int) -> None:
    found.finite = totals.count
    found.infinite = found.count - found.finite - found.nan
    if not found.finite:
        return
    if isinstance(found.minimum, bool):
        found.minimum, found.maximum = int(found.minimum), int(found.maximum)
    found.mean = _finite(totals.mean)
    found.std = _finite(math.sqrt(totals.squares / totals.count)) if totals.squares >= 0 else None
    if stride > 1:
        found.sampled = int(found.sample.size)
    if found.sample.size:
        middle = np.median(found.sample)
        found.median = float(middle)
        deviations = np.abs(found.sample - np.float64(middle))
        found.sigma = MAD_TO_SIGMA * float(np.median(deviations))


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


# ---- histogram -----------------------------------------------------------


@dataclass
class Histogram:
    """Counts between ``edges``; ``below`` and ``above`` lie outside."""

    edges: np.ndarray
    counts: np.ndarray
    below: int = 0
    above: int = 0


def histogram(pixels: Pixels, found: Statistics) -> Histogram | None:
    """How often which value occurs; None where all finite values are the same."""
    if not found.finite or found.is_constant or found.median is None:
        return None
    edges = _edges(found, pixels.is_integer and pixels.scale == 1)
    counts = np.zeros(len(edges) - 1, dtype=np.int64)
    below = above = 0
    for block in pixels.blocks():
        values = block.ravel()
        if values.dtype.kind == "f":
            values = values[np.isfinite(values)]
        elif values.dtype.kind == "b":
            values = values.astype(np.uint8)
        counts += np.histogram(values, len(counts), (edges[0], edges[-1]))[0]
        below += int(np.count_nonzero(values < edges[0]))
        above += int(np.count_nonzero(values > edges[-1]))
    return Histogram(edges, counts, below, above)


def _edges(found: Statistics, integer: bool) -> np.ndarray:
    width = found.sigma or (found.std or 0) / 4 or (found.maximum - found.minimum) / 2
    low = max(found.minimum, found.median - HISTOGRAM_SIGMAS * width)
    high = min(found.maximum, found.median + HISTOGRAM_SIGMAS * width)
    if low >= high:
        low, high = found.minimum, found.maximum
    most = min(HISTOGRAM_BINS, max(16, round(1.3 * math.sqrt(found.finite))))
    if integer and high - low < 2**52:
        low, high = math.floor(low), math.ceil(high)
        step = max(1, -(-(high - low + 1) // most))
        bins = -(-(high - low + 1) // step)
        return low - 0.5 + step * np.arange(bins + 1)
    edges = np.linspace(low, high, most + 1)
    # Neighbouring floats: values that differ by less than bins can tell.
    return edges if np.all(np.diff(edges) > 0) else np.array([low, high], dtype=float)


# ---- flags ---------------------------------------------------------------


def count_bits(pixels: Pixels) -> tuple[int, dict[int, int]]:
    """Number of pixels with any flag, and with each flag (bit number → pixels)."""
    flagged = 0
    bits: dict[int, int] = {}
    for block in pixels.blocks():
        values = block.ravel()
        if values.dtype.kind == "b":
            values = values.astype(np.uint8)
        flagged += int(np.count_nonzero(values))
        unsigned = values.view(values.dtype.str.replace("i", "u"))
        present = int(np.bitwise_or.reduce(unsigned)) if unsigned.size else 0
        for bit in range(present.bit_length()):
            if present >> bit & 1:
                mask = unsigned.dtype.type(1 << bit)
                bits[bit] = bits.get(bit, 0) + int(np.count_nonzero(unsigned & mask))
    return flagged, dict(sorted(bits.items()))
