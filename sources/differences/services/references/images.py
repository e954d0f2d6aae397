"""Two arrays of the same shape: statistics, histogram and pictures."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from . import arrays, pictures


def compare(folder: Path, stem: str, old: arrays.Stack, new: arrays.Stack,
            step: Callable) -> dict:
    """What :meth:`arrays.Statistics.result` says, and where pixels differ also
    ``histogram``, ``planes`` (of how many, how many differ), ``plane`` (of the pictures, from 1,
    in the order of FITS axes) and ``pictures``.
    """
    found = arrays.compare(old, new, lambda share: step(share * 0.6))
    result = found.result()
    if found.differs:
        result["histogram"] = arrays.histogram(
            old, new, found, lambda share: step(0.6 + share * 0.3))
        result["plane"] = [index + 1 for index in reversed(found.plane)]
        result["planes"] = {"all": int(np.prod(old.shape[:-2], dtype=int)),
                            "changed": len(found.planes)}
        result["pictures"] = pictures.draw(folder, stem, old, new, found.plane)
    return result
