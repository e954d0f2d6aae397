"""Columns of demonstration tables: one curve in each row, made up like those of real tables."""

from __future__ import annotations

import re

import numpy as np

#: Values of each curve.
POINTS = 60


def columns(kind: str, random: np.random.Generator, rows: int) -> list[tuple[str, str, np.ndarray]]:
    """Name, unit and values (rows, :data:`POINTS`) of two columns that fit the type ``kind``:
    one that others are drawn over, and one that is drawn."""
    make = next((make for pattern, make in MAKERS if re.search(pattern, kind)), _trend)
    return [(name, unit, values.astype(np.float32)) for name, unit, values in make(random, rows)]


def _over(low: float, high: float, rows: int) -> np.ndarray:
    return np.tile(np.linspace(low, high, POINTS), (rows, 1))


def _each(random: np.random.Generator, low: float, high: float, rows: int) -> np.ndarray:
    """One value for each row, to be combined with its curve."""
    return random.uniform(low, high, (rows, 1))


def _sensitivity(random, rows):
    """Bands with soft edges and a ripple, side by side."""
    wave = _over(1150, 10300, rows)
    centre = (2500 + 6000 * np.arange(rows) / max(1, rows - 1))[:, None]
    shape = np.exp(-np.abs((wave - centre) / _each(random, 1100, 1900, rows)) ** 4)
    ripple = 1 + 0.03 * np.sin(wave / _each(random, 120, 260, rows))
    return [("WAVELENGTH", "Angstrom", wave),
            ("SENSITIVITY", "", shape * ripple * _each(random, 0.1, 0.35, rows))]


def _lines(random, rows):
    """Emission lines of a lamp over a low continuum."""
    wave = _over(1150, 3200, rows)
    flux = np.full_like(wave, 3.0)
    for _ in range(9):
        place = _each(random, 1200, 3150, rows)
        flux += _each(random, 20, 400, rows) * np.exp(-((wave - place) / 18) ** 2)
    return [("WAVELENGTH", "Angstrom", wave), ("FLUX", "count /s", flux)]


def _decline(random, rows):
    """What is left of a sensitivity as years go by, in straight pieces."""
    time = _over(52334, 60310, rows)
    years = (time - 52334) / 365.25
    slope, later = _each(random, 0.002, 0.02, rows), _each(random, -0.004, 0.008, rows)
    factor = 1 - slope * years - later * np.maximum(0, years - 9)
    return [("TIME", "d", time), ("FACTOR", "", factor)]


def _blaze(random, rows):
    """The blaze function of an order."""
    wave = _over(1180, 1700, rows)
    centre = (1280 + 300 * np.arange(rows) / max(1, rows - 1))[:, None]
    return [("WAVELENGTH", "Angstrom", wave),
            ("RELATIVE", "", np.sinc((wave - centre) / 260) ** 2)]


def _profile(random, rows):
    """Light across the dispersion: a core, wings, and an offset."""
    place = _over(-30, 30, rows)
    width = _each(random, 2.5, 5, rows)
    core = np.exp(-0.5 * (place / width) ** 2)
    return [("POSITION", "pixel", place), ("PROFILE", "", core + 0.03 / (1 + (place / 9) ** 2))]


def _linearity(random, rows):
    """How far counts fall short of the light, up to saturation."""
    counts = _over(0, 65535, rows)
    short = _each(random, 0.01, 0.04, rows) * (counts / 65535) ** 2
    knee = 0.15 * np.maximum(0, counts / 65535 - 0.85) ** 1.5
    return [("COUNTS", "DN", counts), ("CORRECTION", "", 1 + short + knee)]


def _pulses(random, rows):
    """Distribution of pulse heights."""
    height = _over(0, 31, rows)
    centre = _each(random, 9, 16, rows)
    number = 1000 * np.exp(-0.5 * ((height - centre) / 3.4) ** 2) + 150 * np.exp(-height / 2)
    return [("POSITION", "PHA bin", height), ("NUMBER", "count", number)]


def _trend(random, rows):
    """A smooth curve with little scatter."""
    place = _over(1, 1024, rows)
    curve = 1 + 0.1 * np.sin(place / _each(random, 120, 400, rows)) + random.normal(
        0, 0.004, (rows, POINTS))
    return [("POSITION", "pixel", place), ("VALUE", "", curve)]


MAKERS = (
    (r"lamp|lmp", _lines),
    (r"blaz|rip|echsc", _blaze),
    (r"tds|tdc|gsag|hv|pcte|cte|crrej", _decline),
    (r"phot|pct|flux|sens|tel|aper|apdes|imph|back|thr", _sensitivity),
    (r"prof|xtrac|trace|trc|halo|srw|cds|exs|zx|1d", _profile),
    (r"lin|nlin|atod|sat|walk|rnl", _linearity),
    (r"pha|burst|brst", _pulses),
)
