"""What is certified and what comes out of it.  Plain values: no library, no Django."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path

from ..names import is_mapping

ERROR, WARNING, NOTE = "error", "warning", "note"

OK, WARNINGS, ERRORS = "ok", "warnings", "errors"


class CertifyingError(Exception):
    """Certifying could not be done at all; says nothing about any file."""


class Stopped(CertifyingError):
    """The caller wanted no more."""


@dataclass(frozen=True)
class Candidate:
    """A file to certify: where it lies, and the name that people gave it.

    ``path`` may be called otherwise; the library is shown the file under ``name``.
    """

    path: Path
    name: str

    @property
    def is_rule(self) -> bool:
        return is_mapping(self.name)


@dataclass(frozen=True)
class Found:
    """Something that was found about a file.

    ``level`` is ``error``, ``warning`` or ``note``; ``code`` a stable word for the sort of
    finding; ``advice`` says what the submitter does about it; ``times`` how often it was found.
    """

    level: str
    code: str
    text: str
    advice: str = ""
    stage: str = "certify"
    times: int = 1

    def plain(self) -> dict:
        return asdict(self)


@dataclass(frozen=True)
class Identified:
    """What a file is: empty instrument and filekind where not known, with the ``problem``.

    A pmap has neither, an imap no filekind; that is no problem.
    """

    name: str
    instrument: str = ""
    filekind: str = ""
    problem: Found | None = None

    @property
    def properties(self) -> tuple[str, str]:
        return self.instrument, self.filekind


@dataclass(frozen=True)
class Certified:
    """The outcome for one file.

    ``errors`` and ``warnings`` count every message, as the client's own ``crds certify`` does;
    ``findings`` holds equal ones once, in the order found.  ``log`` is what was said, in the
    client's form.  ``names`` are the files that a rule names.
    """

    name: str
    instrument: str = ""
    filekind: str = ""
    findings: tuple[Found, ...] = ()
    errors: int = 0
    warnings: int = 0
    log: str = ""
    names: tuple[str, ...] = ()
    seconds: float = field(default=0.0, compare=False)

    @property
    def verdict(self) -> str:
        """``ok``, ``warnings`` or ``errors``."""
        return ERRORS if self.errors else WARNINGS if self.warnings else OK


def once(findings: Iterable[Found]) -> tuple[Found, ...]:
    """``findings`` with equal ones put together, counted in ``times``."""
    counted: dict[tuple, int] = {}
    for found in findings:
        key = (found.level, found.code, found.text, found.advice, found.stage)
        counted[key] = counted.get(key, 0) + found.times
    return tuple(Found(*key, times=times) for key, times in counted.items())
