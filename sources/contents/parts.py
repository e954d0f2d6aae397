"""Descriptions of images and arrays, with their pictures; the same for every format."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from . import statistics
from .drawing import curves, histograms, images
from .drawing.gallery import Gallery
from .pixels import Pixels
from .words import number

#: Planes of a cube that get a picture.
PLANES = 6

#: Planes from which the curve of medians is drawn, and pixels of each that are read for it.
MEDIAN_PLANES, MEDIAN_PIXELS = 300, 40_000

#: Words in the name of an array of integers that say it holds flags.
FLAG_WORDS = ("DQ", "MASK", "FLAG", "BPX")


@dataclass
class Workshop:
    """What a description is made with.

    ``report`` is told how far it is, as (done, total, text); ``checked`` is called often and may
    end the work.  ``faults`` collects what is wrong with the file, ``notes`` what was left out.
    """

    gallery: Gallery
    report: Callable[[float, float, str], None] = lambda done, total, text: None
    faults: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Subject:
    """An array to describe: ``key`` begins the names of its pictures.

    ``first`` is the number of the first pixel for the file's users: 1 in FITS, 0 elsewhere.
    """

    key: str
    title: str
    pixels: Pixels
    unit: str = ""
    first: int = 1
    flags: bool = False


def holds_flags(name: str, pixels: Pixels) -> bool:
    """Whether an array of integers named ``name`` holds flags."""
    return pixels.dtype.kind in "iu" and any(word in name.upper() for word in FLAG_WORDS)


def describe_image(subject: Subject, gallery: Gallery) -> dict:
    """Shape, statistics and pictures of an array of numbers."""
    pixels = subject.pixels
    found: dict = {
        "shape": list(pixels.shape), "type": type_name(pixels.dtype), "unit": subject.unit,
        "plane_count": pixels.planes, "statistics": None, "flags": None, "planes": [],
        "histogram": None, "medians": None, "thumbnail": None, "note": "",
    }
    if not pixels.size:
        found["note"] = "It has no pixels."
        return found
    summary = statistics.summarize(pixels)
    found["statistics"] = summary.description()
    if pixels.dtype.kind == "c":
        found["note"] = "Complex values: statistics and pictures are of their magnitudes."
    if not summary.finite:
        found["note"] = "No pixel has a value: all are NaN or infinite, so there is no picture."
        return found
    _add_pictures(found, subject, summary, gallery)
    return found


def type_name(dtype: np.dtype) -> str:
    return np.dtype(dtype).newbyteorder("=").name


def _add_pictures(found: dict, subject: Subject, summary, gallery: Gallery) -> None:
    pixels = subject.pixels
    if len(pixels.shape) == 0:
        return
    if pixels.size == 1:
        found["note"] = f"A single value: {number(summary.minimum, 8)}."
        return
    if len(pixels.shape) == 1:
        _add_curve(found, subject, gallery)
        return
    if subject.flags or pixels.dtype.kind == "b":
        found["flags"] = _flags(subject)
    if summary.is_constant:
        found["note"] = f"Every pixel has the value {number(summary.minimum, 8)}."
    if summary.is_constant and summary.finite == summary.count:
        found["thumbnail"] = images.thumbnail(
            gallery, f"{subject.key}-small", np.full(_outline(pixels.shape), 0.5))
        return
    found["planes"] = _planes(found, subject, gallery)
    if pixels.size > 64 and not found["flags"] and not summary.is_constant:
        bars = statistics.histogram(pixels, summary)
        if bars is not None:
            found["histogram"] = histograms.draw(
                gallery, f"{subject.key}-histogram", bars, summary, title=subject.title,
                unit=subject.unit, limits=found["limits"] if pixels.planes == 1 else None)
    found.pop("limits", None)


def _outline(shape: tuple[int, ...]) -> tuple[int, int]:
    """The proportions of the last two axes in a few pixels."""
    rows, columns = shape[-2:]
    scale = 24 / max(rows, columns)
    return max(1, round(rows * scale)), max(1, round(columns * scale))


def _add_curve(found: dict, subject: Subject, gallery: Gallery) -> None:
    pixels = subject.pixels
    step = -(-pixels.size // 200_000)
    values = np.asarray(pixels[slice(None, None, step)], dtype=np.float64)
    places = np.arange(0, pixels.size, step) + subject.first
    picture = curves.draw(
        gallery, f"{subject.key}-curve", places, values, title=subject.title, wide=True,
        x_label="element", y_label=f"value ({subject.unit})" if subject.unit else "value",
        whole_numbers=True)
    if picture:
        found["planes"] = [{"number": subject.first, "index": "", "picture": picture}]
    found["thumbnail"] = curves.spark(gallery, f"{subject.key}-small", places, values)


# ---- planes --------------------------------------------------------------


def _planes(found: dict, subject: Subject, gallery: Gallery) -> list[dict]:
    pixels = subject.pixels
    count = pixels.planes
    chosen = sorted({round(i) for i in np.linspace(0, count - 1, min(count, PLANES))})
    drawn = []
    for plane in chosen:
        picture = _plane(found, subject, plane, gallery)
        if picture:
            drawn.append({"number": plane + 1, "index": _index(subject, plane),
                          "picture": picture})
    if count > 1:
        found["medians"] = _medians(subject, gallery)
    return drawn


def _index(subject: Subject, plane: int) -> str:
    """Where a plane lies, as people of the format write it; empty for a single image."""
    lead = subject.pixels.shape[:-2]
    if not lead:
        return ""
    index = [int(i) + subject.first for i in np.unravel_index(plane, lead)]
    if subject.first:  # FITS counts axes from the fastest
        return "[*, *, " + ", ".join(map(str, reversed(index))) + "]"
    return "[" + ", ".join(map(str, index)) + ", :, :]"


def _plane(found: dict, subject: Subject, plane: int, gallery: Gallery) -> dict | None:
    pixels = subject.pixels.plane(plane)
    several = subject.pixels.planes > 1
    name = f"{subject.key}-image{plane + 1 if several else ''}"
    title = f"{subject.title}, plane {plane + 1}" if several else subject.title
    if subject.flags or pixels.dtype.kind == "b":
        if found["thumbnail"] is None:
            found["thumbnail"] = images.thumbnail(
                gallery, f"{subject.key}-small", images.small_flags(pixels))
        flagged = statistics.count_bits(pixels)[0]
        return images.draw_flags(gallery, name, pixels, title=title, flagged=flagged,
                                 first=subject.first)
    seen = images.view(pixels, subject.first)
    if seen is None:
        return None
    if found["thumbnail"] is None:
        found["thumbnail"] = images.thumbnail(gallery, f"{subject.key}-small", seen.scaled)
        found["limits"] = seen.limits
    return images.draw(gallery, name, seen, title=title, unit=subject.unit)


def _medians(subject: Subject, gallery: Gallery) -> dict | None:
    """Median of each plane, from some of its pixels."""
    pixels = subject.pixels
    count = pixels.planes
    chosen = np.unique(np.linspace(0, count - 1, min(count, MEDIAN_PLANES)).astype(int))
    medians = []
    for plane in chosen:
        values = _some(pixels.plane(int(plane)))
        medians.append(np.median(values) if values.size else np.nan)
    return curves.draw(
        gallery, f"{subject.key}-medians", chosen + 1, np.array(medians), wide=True,
        title=f"Medians of the planes of {subject.title}", x_label="plane",
        y_label=f"median ({subject.unit})" if subject.unit else "median", whole_numbers=True)


def _some(plane: Pixels) -> np.ndarray:
    rows, columns = plane.shape
    across = max(1, columns // 200)
    down = max(1, rows // max(1, MEDIAN_PIXELS // max(1, columns // across)))
    values = np.asarray(plane[::down, ::across], dtype=np.float64)
    return values[np.isfinite(values)]


# ---- flags ---------------------------------------------------------------


def _flags(subject: Subject) -> dict:
    flagged, bits = statistics.count_bits(subject.pixels)
    return {
        "pixels": flagged,
        "share": flagged / subject.pixels.size,
        "bits": [{"bit": bit, "value": 1 << bit, "name": "", "pixels": pixels,
                  "share": pixels / subject.pixels.size}
                 for bit, pixels in bits.items()],
    }
