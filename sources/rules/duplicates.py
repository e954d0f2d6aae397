"""Submitted files that are bit for bit the same as others."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping

from .certifying import geis
from .certifying.outcome import ERROR, Found

STAGE = "duplicates"

_ADVICE = ("Remove it from the upload area and submit again; the other files need not be uploaded"
           " again.")


def find(sha1sums: Mapping[str, str],
         known: Mapping[str, str] | Callable[[set[str]], Mapping[str, str]],
         ) -> dict[str, list[Found]]:
    """Errors of each file that is the same as one of CRDS or as another one of the batch.

    ``sha1sums`` is {name: sha1} of the submitted files; ``known`` {sha1: name} of the catalogue's,
    or a function that gives it for some sums.  Of equal files of a batch all but the first get an
    error.  Data of GEIS pairs may be equal while their headers differ: a pair is the same as
    another one only with both halves.
    """
    wanted = set(sha1sums.values())
    existing = known(wanted) if callable(known) else known
    found: dict[str, list[Found]] = defaultdict(list)
    first: dict[str, str] = {}
    for name, sha1sum in sha1sums.items():
        if sha1sum in existing:
            found[name].append(_found(
                name, f"is identical to the existing CRDS file {existing[sha1sum]}"))
        if sha1sum in first:
            found[name].append(_found(
                name, f"is identical to {first[sha1sum]} of the same submission"))
        first.setdefault(sha1sum, name)
    return {name: errors for name, errors in found.items()
            if not _only_half(name, found, sha1sums)}


def _only_half(name: str, found: Mapping, sha1sums: Iterable[str]) -> bool:
    """Whether ``name`` is half of a pair whose other half is new."""
    if not geis.is_half(name):
        return False
    other = geis.conjugate(name)
    return other in sha1sums and other not in found


def _found(name: str, text: str) -> Found:
    return Found(ERROR, "duplicate", f"{name} {text}.", _ADVICE, stage=STAGE)
