"""One reference file: its size, sha1 and what its header says about it.

Used by imports in worker processes and by submissions: no Django here.  Call
:func:`rules.environment.prepare` before.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

BLOCK = 1024 * 1024

#: Header keywords of each catalogue field, the first that is there counts.
KEYWORDS = {
    "useafter": ("USEAFTER", "META.USEAFTER", "ROMAN.META.USEAFTER"),
    "pedigree": ("PEDIGREE", "META.PEDIGREE", "ROMAN.META.PEDIGREE"),
    "description": ("DESCRIP", "META.DESCRIPTION", "ROMAN.META.DESCRIPTION"),
    "reference_file_type": ("REFTYPE", "META.REFTYPE", "ROMAN.META.REFTYPE"),
    "aperture": ("APERTURE", "META.APERTURE.NAME", "ROMAN.META.APERTURE.NAME"),
    "comment": ("COMMENT",),
    "history": ("HISTORY",),
}

#: What the library says for keywords that are not there.
NOT_THERE = ("", "UNDEFINED", "NONE")

#: Characters of one field that are kept.
TEXT_LIMIT = 20_000


@dataclass(frozen=True)
class ReferenceFile:
    """What a reference file says.

    ``fields`` holds texts by the names of :data:`KEYWORDS` without ``useafter``,
    which is a UTC time.  ``problem`` says why the file itself cannot be read;
    ``header_problem`` why its header cannot, which does not keep its bytes from use.
    """

    name: str
    size: int = 0
    sha1sum: str = ""
    fields: dict[str, str] = field(default_factory=dict)
    useafter: datetime | None = None
    problem: str | None = None
    header_problem: str | None = None


def read_reference(observatory: str, path: Path | str, header: bool = True) -> ReferenceFile:
    """Read the reference at ``path``; never raises for what is in it or that it is not there."""
    path = Path(path)
    digest = hashlib.sha1(usedforsecurity=False)
    size = 0
    try:
        with open(path, "rb") as stream:
            while block := stream.read(BLOCK):
                digest.update(block)
                size += len(block)
    except OSError as exc:
        return ReferenceFile(
            path.name, problem=f"The file cannot be read: {exc.strerror or exc}.")
    known = {"name": path.name, "size": size, "sha1sum": digest.hexdigest()}
    if not header:
        return ReferenceFile(**known)
    try:
        fields = header_fields(observatory, path)
    except Exception as exc:  # the readers raise whatever broken files lead them to
        reason = " ".join(str(exc).split())[:300] or type(exc).__name__
        return ReferenceFile(**known, header_problem=f"The header cannot be read: {reason}")
    text = fields.pop("useafter", "")
    useafter = parse_useafter(text)
    problem = None
    if text and useafter is None:
        problem = f"USEAFTER is {text[:60]!r}, which is not a date."
    return ReferenceFile(**known, fields=fields, useafter=useafter, header_problem=problem)


def header_fields(observatory: str, path: Path) -> dict[str, str]:
    """The texts of :data:`KEYWORDS` in the header of the file at ``path``."""
    if path.suffix[2:] in [f"{number}d" for number in range(10)]:
        return {}  # the data half of a GEIS pair has no header
    header = _header(observatory, path)
    fields = {}
    for name, keywords in KEYWORDS.items():
        for keyword in keywords:
            value = _clean(str(header.get(keyword, "")))
            if value.upper() not in NOT_THERE:
                fields[name] = value
                break
    return fields


def _header(observatory: str, path: Path) -> dict:
    from crds import data_file
    from crds.core import config

    # The library collects garbage around every open file, which takes most of the time.
    before = config.EXPLICIT_GARBAGE_COLLECTION.get()
    config.EXPLICIT_GARBAGE_COLLECTION.set(False)
    try:
        # Not through the library's memory, which would keep every header it ever read.
        return data_file.get_free_header.uncached(str(path), (), None, observatory)
    finally:
        config.EXPLICIT_GARBAGE_COLLECTION.set(before)


def parse_useafter(text: str) -> datetime | None:
    """The UTC time of a USEAFTER value in any of the forms that references use."""
    from crds.core import timestamp

    if not text:
        return None
    try:
        plain = timestamp.reformat_date(text.strip())
        return datetime.fromisoformat(plain).replace(tzinfo=UTC)
    except Exception:  # anything but a date
        return None


def _clean(text: str) -> str:
    """``text`` without what comes from the way FITS cards are written."""
    lines = [line.removeprefix("= ").strip().strip("'\"").rstrip() for line in text.splitlines()]
    return "\n".join(lines).strip().replace("\0", "")[:TEXT_LIMIT]
