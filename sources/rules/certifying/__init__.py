"""Certifying references and rules with the client library, one process for each file.

No Django here, and nothing of a submitted file is looked at in the caller's process: the library
runs in processes of their own, limited in time and memory.  :class:`Workshop` is what a submission
uses; :func:`certify` and :func:`identify` open one for a single use.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable
from pathlib import Path

from .outcome import Candidate, Certified, CertifyingError, Found, Identified, Stopped
from .workshop import FITSVERIFY_MISSING, WITH_FITSVERIFY, Workshop

__all__ = [
    "Candidate", "Certified", "CertifyingError", "Found", "Identified", "Stopped", "Workshop",
    "certify", "identify", "missing_programs",
]


def certify(candidates: Iterable[Candidate], *, context: str, compare_old_reference: bool = True,
            observatory: str | None = None, cache: Path | None = None,
            unknown: Callable | None = None, overlay: dict[str, Path] | None = None,
            on_finished: Callable[[Certified], None] | None = None, **limits) -> list[Certified]:
    """Certify ``candidates`` against ``context``; see :meth:`Workshop.certify`.

    ``observatory`` and ``cache`` are those of the instance unless given; ``limits`` are
    ``processes``, ``time_limit``, ``memory_limit``, ``stop`` and ``folder`` of :class:`Workshop`.
    """
    with Workshop(*_place(observatory, cache), context, **limits) as workshop:
        return workshop.certify(
            candidates, compare_old_reference=compare_old_reference, unknown=unknown,
            overlay=overlay, on_finished=on_finished)


def identify(path: Path, name: str, *, observatory: str | None = None,
             cache: Path | None = None, **limits) -> Identified:
    """What the file at ``path``, called ``name``, is; see :meth:`Workshop.identify`."""
    with Workshop(*_place(observatory, cache), processes=1, **limits) as workshop:
        return workshop.identify([Candidate(path, name)])[0]


def missing_programs(observatory: str) -> Found | None:
    """What has to be installed before FITS files of ``observatory`` can be certified."""
    if observatory in WITH_FITSVERIFY and not shutil.which("fitsverify"):
        return FITSVERIFY_MISSING
    return None


def _place(observatory: str | None, cache: Path | None) -> tuple[str, Path]:
    if observatory and cache:
        return observatory, cache
    from django.conf import settings

    return (observatory or settings.CRDS_OBSERVATORY, cache or settings.INSTANCE.file_cache)
