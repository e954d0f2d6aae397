"""What certification requires of a type of reference: the library's .tpn files, in words.

Each type has up to four .tpn files, from its own to that of all types; all of
them apply.  The library's own loader reads them, with their includes and
replacements.  They are part of the installed library, so each type is read
once for each process.  Call :func:`rules.environment.prepare` before.
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from . import expressions

#: The library's own names of the fields of one letter.
PLACES = {
    "H": "keyword", "C": "table column", "G": "group", "A": "array", "D": "array data",
    "X": "expression",
}
TYPES = {
    "C": "text", "S": "text, case matters", "I": "integer", "L": "logical", "R": "real",
    "D": "double", "X": "expression",
}
PRESENCES = {
    "R": "required", "P": "required", "E": "must be absent", "W": "missing gives a warning",
    "O": "optional", "F": "if the frame is full", "S": "if it is a subarray",
    "A": "if a subarray is defined",
}

#: Checks with a name, such as ``&PEDIGREE``.
CHECKS = {
    "&PEDIGREE": "INFLIGHT, GROUND, MODEL, DUMMY or SIMULATION; with the dates of the first and"
                 " last exposure, DD/MM/YYYY or YYYY-MM-DD, always after INFLIGHT",
    "&JWSTPEDIGREE": "INFLIGHT with two dates YYYY-MM-DD, or GROUND, MODEL, DUMMY, SIMULATION",
    "&SYBDATE": "a date such as Mar 21 2001 12:00:00",
    "&JWSTDATE": "a date YYYY-MM-DDTHH:MM:SS",
    "&SLASHDATE": "a date DD/MM/YYYY",
    "&ANYDATE": "a date in any form that the library knows",
    "&KERNELUNITY": "every image of the array sums to 1, to one part in a million",
    "&ISOMORPHICFITSVER": "all extensions of the name have the same shape and type",
    "&FILEEXISTS": "the name of a file that exists in CRDS",
    "&SYNPHOT_GRAPH": "a consistent graph of the optical components",
    "&SYNPHOT_LOOKUP": "each component has a file, and each file its component",
    "&SYNPHOT_THROUGHPUT": "a throughput table that synphot can read",
    "&SYNPHOT_THERMAL": "a thermal table that synphot can read",
}


@dataclass(frozen=True)
class Constraint:
    """One line of a .tpn file.

    ``condition`` says in words when it applies, empty when it always does;
    ``values`` are the values allowed, empty for any; ``rule`` is what else must
    hold, in words.  ``line`` is the line as the library joined it.
    """

    name: str
    place: str
    type: str
    presence: str
    condition: str
    values: tuple[str, ...]
    rule: str
    line: str


@dataclass(frozen=True)
class ConstraintFile:
    """One .tpn file; ``problem`` says why ``constraints`` could not be read."""

    name: str
    constraints: tuple[Constraint, ...]
    problem: str = ""


@dataclass(frozen=True)
class TypeConstraints:
    """All that applies to references of one type.

    ``files`` go from general to special, as the library lists them.
    ``for_rules`` are the constraints of the parameter values in rules.
    ``row_keys`` are the columns that tell table rows apart.
    """

    files: tuple[ConstraintFile, ...]
    for_rules: tuple[ConstraintFile, ...]
    row_keys: tuple[str, ...]


@lru_cache(maxsize=512)
def of_type(observatory: str, instrument: str, filekind: str) -> TypeConstraints:
    """Constraints of the type ``filekind`` of ``instrument``, names in lower case.

    A type that the library does not know has none.
    """
    types = _types(observatory)
    return TypeConstraints(
        files=_files(types, instrument, filekind, "tpn"),
        for_rules=_files(types, instrument, filekind, "ld_tpn"),
        row_keys=_row_keys(types, instrument, filekind))


def _types(observatory: str):
    return importlib.import_module(f"crds.{observatory}").TYPES


def _files(types, instrument: str, filekind: str, field: str) -> tuple[ConstraintFile, ...]:
    paths = types.get_all_tpn_paths(instrument, filekind, field)
    files = (_read(Path(path)) for path in reversed(dict.fromkeys(paths)) if Path(path).is_file())
    return tuple(file for file in files if file.constraints or file.problem)


def _read(path: Path) -> ConstraintFile:
    from crds.core import generic_tpn

    try:
        lines = generic_tpn.load_tpn_lines(str(path))
        infos = generic_tpn.load_tpn(str(path))
        # One constraint a line: the loader splits the lines that it returned before.
        constraints = tuple(map(_constraint, infos, lines))
    except Exception as exc:  # the loader raises whatever a broken file leads it to
        return ConstraintFile(path.name, (), f"{path.name} cannot be read: {exc}")
    return ConstraintFile(path.name, constraints)


def _constraint(info, line: str) -> Constraint:
    presence, condition = _presence(info.presence)
    values, rule = _values(info)
    return Constraint(
        name=info.name,
        place=PLACES.get(info.keytype[:1], info.keytype),
        type=TYPES.get(info.datatype[:1], info.datatype),
        presence=presence, condition=condition, values=values, rule=rule,
        line=" ".join(line.split()))


def _presence(field: str) -> tuple[str, str]:
    """Whether it must be there, and when."""
    from crds.core import generic_tpn

    if not generic_tpn.is_expression(field):
        return PRESENCES.get(field[:1], field), ""
    return expressions.presence(field)


def _values(info) -> tuple[tuple[str, ...], str]:
    """Allowed values, and what must hold in words."""
    from crds.core import generic_tpn

    values = tuple(value for value in info.values if value != "")
    if not values:
        return (), ""
    first = values[0]
    if generic_tpn.is_expression(first):
        return (), expressions.in_words(first)
    if len(values) == 1 and first.startswith("&"):
        return (), CHECKS.get(first.upper().rstrip("0123456789"), f"the check {first}")
    if len(values) == 1 and ":" in first and info.datatype[:1] in "IRD":
        low, _, high = first.partition(":")
        return (), f"from {low} to {high}"
    return values, ""


def _row_keys(types, instrument: str, filekind: str) -> tuple[str, ...]:
    try:
        return tuple(map(str, types.get_row_keys(instrument, filekind) or ()))
    except (AttributeError, KeyError):
        return ()
