"""Values of files in a form that JSON keeps and people can read."""

from __future__ import annotations

import math

import numpy as np

#: Characters of one value that are kept.
LENGTH = 300

#: Elements of a vector that are written out.
ELEMENTS = 6


def shown(value) -> str:
    """``value`` as short text."""
    if value is None:
        return ""
    if isinstance(value, np.ndarray):
        return vector(value)
    if isinstance(value, bytes):
        value = value.decode("latin-1")
    if isinstance(value, (float, np.floating)):
        return number(float(value))
    text = str(value).replace("\0", "").rstrip()
    return text if len(text) <= LENGTH else text[:LENGTH] + " …"


def vector(array: np.ndarray) -> str:
    """Its first elements and how many there are."""
    flat = array.reshape(-1)
    words = ", ".join(shown(element) for element in flat[:ELEMENTS].tolist())
    rest = "" if flat.size <= ELEMENTS else f", … ({shape(array.shape)} values)"
    return f"[{words}{rest}]"


def shape(sides: tuple[int, ...]) -> str:
    """Lengths of the axes of an array."""
    return " \N{MULTIPLICATION SIGN} ".join(map(str, sides))


def number(value: float) -> str:
    """Seven significant digits, as pages show measured values."""
    return f"{value:.7g}"


def finite(value) -> float | None:
    """``value`` for JSON, which has no infinity and no NaN."""
    value = float(value)
    return value if math.isfinite(value) else None
