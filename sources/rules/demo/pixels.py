"""Pixels of demonstration references: what real ones of their type look like, made up.

Every function takes a generator of random numbers, so that the same name always gives the same
bytes, and the number of pixels of a side.
"""

from __future__ import annotations

import re
from collections.abc import Callable

import numpy as np

#: Flags of the masks: bit, name, meaning; those of JWST and Roman.
FLAGS = (
    (0, "DO_NOT_USE", "Bad pixel. Do not use."),
    (10, "DEAD", "Dead pixel"),
    (11, "HOT", "Hot pixel"),
    (12, "WARM", "Warm pixel"),
    (13, "LOW_QE", "Low quantum efficiency"),
)


def image(kind: str, random: np.random.Generator, size: int) -> np.ndarray:
    """An image of the type ``kind`` (``darkfile``, ``flat``, …), float32."""
    make = next((make for pattern, make in MAKERS if re.search(pattern, kind)), smooth)
    return make(random, size).astype(np.float32)


def cube(kind: str, random: np.random.Generator, size: int, planes: int) -> np.ndarray:
    """``planes`` images that grow as the groups of a ramp do."""
    first = image(kind, random, size)
    noise = random.normal(0, 0.02 * (first.std() or 1), (planes, size, size))
    return (first * np.arange(1, planes + 1)[:, None, None] + noise).astype(np.float32)


def error(pixels: np.ndarray) -> np.ndarray:
    """The uncertainty of ``pixels``: read noise and a share of the signal."""
    return np.sqrt(np.abs(pixels) * 0.02 + np.var(pixels) * 0.05 + 1e-8).astype(np.float32)


def flags(random: np.random.Generator, size: int, kind: type = np.int16) -> np.ndarray:
    """A mask: single bad pixels, a bad column, a cluster and a dead corner."""
    mask = np.zeros((size, size), dtype=kind)
    chance = random.random((size, size))
    mask[chance < 0.012] |= 1 << 12
    mask[chance < 0.006] |= (1 << 11) | 1
    column = int(random.integers(4, size - 4))
    mask[int(random.integers(0, size // 2)):, column] |= 1 << 13
    y, x = _grid(size)
    centre = random.uniform(0.2, 0.8, 2)
    mask[(x - centre[0]) ** 2 + (y - centre[1]) ** 2 < 0.0012] |= (1 << 10) | 1
    return mask


# ---- what the types look like --------------------------------------------


def _grid(size: int) -> np.ndarray:
    """y and x from 0 to 1."""
    return np.mgrid[0:size, 0:size] / size


def smooth(random: np.random.Generator, size: int) -> np.ndarray:
    """A gradient, a soft bump and noise, around 1."""
    y, x = _grid(size)
    tilt, (centre_x, centre_y) = random.uniform(-0.1, 0.1), random.uniform(0.2, 0.8, 2)
    bump = 0.15 * np.exp(-((x - centre_x) ** 2 + (y - centre_y) ** 2) / 0.05)
    return 1 + tilt * (x - 0.5) + bump + random.normal(0, 0.01, (size, size))


def dark(random: np.random.Generator, size: int) -> np.ndarray:
    """Dark current in electrons a second: glow of the amplifiers, hot pixels, warm columns."""
    y, x = _grid(size)
    glow = sum(random.uniform(0.002, 0.008) * np.exp(-np.hypot(x - corner, y - edge) / 0.12)
               for corner in (0, 1) for edge in (0, 1))
    current = 0.004 + 0.001 * y + glow + random.normal(0, 0.0004, (size, size))
    current[:, random.integers(0, size, 2)] += 0.003
    hot = random.random((size, size)) < 0.012
    current[hot] += 0.02 * random.lognormal(0, 1.3, int(hot.sum()))
    return current


def bias(random: np.random.Generator, size: int) -> np.ndarray:
    """Bias in counts: a level for each amplifier, a ramp along the serial register, columns."""
    y, x = _grid(size)
    levels = random.uniform(-6, 6, 4)
    quadrant = (x >= 0.5).astype(int) + 2 * (y >= 0.5).astype(int)
    frame = 2 * np.exp(-np.minimum(x, 1 - x) / 0.05) + levels[quadrant]
    frame += random.normal(0, 0.25, size)[None, :] + random.normal(0, 0.35, (size, size))
    column = int(random.integers(3, size - 3))
    frame[int(random.integers(0, size // 2)):, column] += random.uniform(4, 9)
    return frame


def flat(random: np.random.Generator, size: int) -> np.ndarray:
    """A flat around 1: vignetting, rings of dust, fringes, a seam between two halves."""
    y, x = _grid(size)
    centre = random.uniform(0.4, 0.6, 2)
    field = 1.04 - 0.22 * ((x - centre[0]) ** 2 + (y - centre[1]) ** 2)
    for _ in range(5):
        distance = np.hypot(x - random.uniform(0, 1), y - random.uniform(0, 1))
        radius = random.uniform(0.04, 0.1)
        field -= random.uniform(0.012, 0.03) * np.exp(-((distance - radius) / 0.015) ** 2)
    field += 0.006 * np.sin(2 * np.pi * (random.uniform(4, 8) * x + random.uniform(1, 3) * y ** 2))
    field[: size // 2] *= 1 + random.uniform(-0.012, 0.012)
    return field * (1 + random.normal(0, 0.004, (size, size)))


def residual(random: np.random.Generator, size: int) -> np.ndarray:
    """What polynomials leave of a distortion, in pixels: waves, and steps of the mask."""
    y, x = _grid(size)
    waves = sum(random.uniform(0.02, 0.06) * np.sin(
        2 * np.pi * (random.uniform(-2, 2) * x + random.uniform(-2, 2) * y + random.random()))
        for _ in range(4))
    steps = 0.01 * ((np.arange(size) // max(4, size // 8)) % 2)
    return waves + steps[None, :] + random.normal(0, 0.002, (size, size))


def levels(random: np.random.Generator, size: int) -> np.ndarray:
    """Full wells in electrons: a smooth field and pixels that saturate early."""
    y, x = _grid(size)
    field = 72000 + 6000 * (x - 0.5) - 9000 * ((x - 0.5) ** 2 + (y - 0.5) ** 2)
    field += random.normal(0, 350, (size, size))
    field[random.random((size, size)) < 0.006] *= 0.4
    return field


def read_noise(random: np.random.Generator, size: int) -> np.ndarray:
    """Noise in electrons: four outputs side by side, and noisy pixels."""
    output = (np.arange(size) * 4 // size)
    field = random.uniform(9, 14, 4)[output][None, :] + random.normal(0, 0.7, (size, size))
    noisy = random.random((size, size)) < 0.01
    field[noisy] += random.exponential(12, int(noisy.sum()))
    return field


def gain(random: np.random.Generator, size: int) -> np.ndarray:
    """Electrons for each count, one value for each quadrant with little scatter."""
    half = np.arange(size) * 2 // size
    values = random.uniform(1.55, 1.95, (2, 2))
    return values[np.ix_(half, half)] + random.normal(0, 0.01, (size, size))


def area(random: np.random.Generator, size: int) -> np.ndarray:
    """Areas of pixels on the sky around 1, larger towards one side."""
    y, x = _grid(size)
    slope = random.uniform(-0.05, 0.05, 2)
    return 1 + slope[0] * (x - 0.5) + slope[1] * (y - 0.5) + 0.02 * ((x - 0.5) * (y - 0.5))


def star(random: np.random.Generator, size: int) -> np.ndarray:
    """A point source with rings and four spikes, its sum 1."""
    y, x = _grid(size) - 0.5
    radius = np.hypot(x, y) * size + 1e-6
    core = np.sinc(radius / 3.2) ** 2 + 1e-3 / (1 + radius / 4) ** 2
    spikes = 0.004 * (np.exp(-(x * size / 1.2) ** 2) + np.exp(-(y * size / 1.2) ** 2))
    field = core + spikes * np.exp(-radius / (size / 5))
    return field / field.sum()


def thermal(random: np.random.Generator, size: int) -> np.ndarray:
    """A background that glows from a warm corner, with fringes across it."""
    y, x = _grid(size)
    corner = random.integers(0, 2, 2)
    glow = 3 * np.exp(-np.hypot(x - corner[0], y - corner[1]) / 0.6)
    fringes = 0.12 * np.sin(2 * np.pi * (6 * x + 2 * np.sin(3 * y)))
    return 5 + glow + fringes + random.normal(0, 0.06, (size, size))


MAKERS: tuple[tuple[str, Callable[[np.random.Generator, int], np.ndarray]], ...] = (
    (r"dark|drk|saad|snk", dark),
    (r"bias|bia|refpix|reset|pictureframe|pedest", bias),
    (r"readnoise|nois", read_noise),
    (r"sat|fullwell", levels),
    (r"gain", gain),
    (r"area", area),
    (r"flat|flt|illm|shad|wf4t", flat),
    (r"geo|d2im|npol|distortion|wlk|wavemap", residual),
    (r"psf|nrm|speckernel|epsf", star),
    (r"bkg|fringe|temp|flsh|tdf", thermal),
)
