"""Submitted files that are bit for bit the same as others."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping

from .certifying import geis
from .certifying.outcome import ERROR, Found

STAGE = "duplicates"

_ADVICE = ("Take it out of the upload area and submit again; the other files need not be uploaded"
           " again.")


def find(sha1sums: Mapping[str, str],
         known: Mapping[str, Collection[str]] | Callable[[set[str]], Mapping[str, Collection[str]]],
         ) -> dict[str, list[Found]]:
    """Errors of each file that is the same as one of CRDS or as another one of the batch.

    ``sha1sums`` is {name: sha1} of the submitted files; ``known`` {sha1: names} of the catalogue's,
    or a function that gives it for some sums.  Of equal files of a batch all but the first get an
    error.  Data of GEIS pairs may be equal while their headers differ, and headers while their
    data do: a pair is the same as another one only with both halves.
    """
    wanted = set(sha1sums.values())
    existing = known(wanted) if callable(known) else known
    found: dict[str, list[Found]] = {}
    first: dict[tuple[str, ...], tuple[str, ...]] = {}
    for names in _units(sha1sums):
        sums = tuple(sha1sums[name] for name in names)
        published = _published(sums, existing)
        for place, name in enumerate(names):
            errors = []
            if published:
                errors.append(_found(f"{published[place]}, which CRDS has already"))
            if sums in first:
                errors.append(_found(f"{first[sums][place]} of the same submission"))
            if errors:
                found[name] = errors
        first.setdefault(sums, names)
    return found


def _units(names: Collection[str]) -> Iterator[tuple[str, ...]]:
    """Each file by itself, the halves of a pair together."""
    for name in names:
        other = geis.conjugate(name) if geis.is_half(name) else None
        if other not in names:
            yield (name,)
        elif name[-1] in "hH":
            yield (name, other)


def _published(sums: tuple[str, ...],
               existing: Mapping[str, Collection[str]]) -> tuple[str, ...] | None:
    """Names of the file or pair in CRDS that has ``sums``."""
    for name in sorted(existing.get(sums[0], ())):
        if len(sums) == 1:
            return (name,)
        if geis.is_half(name) and geis.conjugate(name) in existing.get(sums[1], ()):
            return (name, geis.conjugate(name))
    return None


def _found(other: str) -> Found:
    return Found(ERROR, "duplicate", f"It is identical to {other}.", _ADVICE, stage=STAGE)
