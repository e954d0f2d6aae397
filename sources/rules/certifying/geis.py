"""GEIS references: a header ``x.r3h`` and its data ``x.r3d`` are one unit."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from .outcome import ERROR, Candidate, Certified, Found

HALF = re.compile(r"(?P<stem>.+\.[rR]\d)(?P<half>[hHdD])")

#: Bytes of a header that are read; real ones have some hundred lines of 80.
HEADER_LIMIT = 4 * 1024 * 1024


@dataclass(frozen=True)
class Unit:
    """What is looked at together: mostly one file, the header first where there are two."""

    files: tuple[Candidate, ...]

    @property
    def name(self) -> str:
        return self.files[0].name

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(one.name for one in self.files)


def is_half(name: str) -> bool:
    return bool(HALF.fullmatch(name))


def conjugate(name: str) -> str:
    """Name of the other half of the pair to which ``name`` belongs."""
    stem, half = HALF.fullmatch(name).groups()
    return stem + {"h": "d", "d": "h", "H": "D", "D": "H"}[half]


def units(candidates: Iterable[Candidate]) -> list[Unit]:
    """``candidates`` with the halves of each pair put together."""
    by_name = {one.name: one for one in candidates}
    made = []
    for name, candidate in by_name.items():
        other = by_name.get(conjugate(name)) if is_half(name) else None
        if other is None:
            made.append(Unit((candidate,)))
        elif name[-1] in "hH":
            made.append(Unit((candidate, other)))
    return made


def problems(unit: Unit) -> tuple[Found, ...]:
    """What is wrong with a pair before the library looks at its header."""
    if not is_half(unit.name):
        return ()
    if len(unit.files) == 1:
        return (Found(ERROR, "geis-half", f"{unit.name} is one half of a GEIS pair;"
                      f" {conjugate(unit.name)} is missing.",
                      f"Upload {conjugate(unit.name)}, too: both halves are submitted"
                      " together."),)
    header, data = unit.files
    wanted = data_size(header)
    try:
        size = data.path.stat().st_size
    except OSError as exc:
        return (Found(ERROR, "unreadable", f"{data.name} cannot be read: {exc.strerror}.",
                      "Upload it again."),)
    if wanted is not None and size < wanted:
        return (Found(ERROR, "truncated", f"{data.name} has {size} bytes, but {header.name} tells"
                      f" of {wanted}.", "The data are not complete. Copy the file anew from where"
                      " it was made and upload it again."),)
    return ()


def data_size(header: Candidate) -> int | None:
    """Bytes that the header says its data have; None where it does not tell."""
    try:
        with open(header.path, "rb") as stream:
            text = stream.read(HEADER_LIMIT).decode("latin-1")
    except OSError:
        return None

    def number(key: str) -> int:
        found = re.search(rf"(?m)^ *{key} *= *(\d+)", text)
        if not found:
            raise KeyError(key)
        return int(found[1])

    try:
        pixels = 1 if number("NAXIS") else 0
        for axis in range(1, number("NAXIS") + 1):
            pixels *= number(f"NAXIS{axis}")
        group = pixels * number("BITPIX") // 8
        if re.search(r"(?m)^ *GROUPS *= *T", text):
            return number("GCOUNT") * (group + number("PSIZE") // 8)
        return group
    except (KeyError, OverflowError):
        return None


def outcomes(unit: Unit, certified: Certified) -> Iterator[Certified]:
    """The outcome of each file of ``unit``: the data share the verdict of their header."""
    yield certified
    for other in unit.files[1:]:
        findings = () if not certified.errors else (
            Found(ERROR, "geis-other-half", f"Its header {unit.name} has errors.",
                  f"See the findings of {unit.name}."),)
        yield replace(certified, name=other.name, findings=findings, errors=len(findings),
                      warnings=0, log=f"Certified together with {unit.name}.", seconds=0.0)
