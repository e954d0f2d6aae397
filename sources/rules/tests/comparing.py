"""The bulk engine beside the library, on the same headers; used by tests and benchmarks."""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

#: Values that a header should not have, or that mean something special to rules.
HOSTILE = (
    "", " ", "N/A", "*", "ANY", "UNDEFINED", "NOT APPLICABLE", "NOT FOUND", "NOT 1.0", "NOT",
    "BETWEEN 1 2", "between 1", "{A}", "(A|B)", "#>3#", "A|B", "T", "true", "F", "False", "NONE",
    "nan", "inf", "1e400", "1.", "+.5", "-999", "-2147483648", "4294967295", "1 ", " acs ",
    "\u00e9\u00e9", "a\0b", "\n", "x" * 300, "'quoted'", "%s", "2009-02-30", "1999-12-31",
    "0001-01-01", "9999-12-31", "2009/05/14", "14/05/2009", "14/05/99", "Jan 03 2003",
    "2009-05-14T00:00:00.000", "2009-05-14 00:00:00", "20090514:001122", "25:00:00", "12:00",
    "12:00:00.1234567", "23:59:59.999999", "00:00:00\0", "05:04 PM", "12:00:00 UT",
)


class Difference(NamedTuple):
    """``way`` (bulk or single) answered ``ours`` where the library answered ``theirs``."""

    way: str
    header: dict
    theirs: object
    ours: object

    def __str__(self) -> str:
        if isinstance(self.theirs, dict) and isinstance(self.ours, dict):
            kinds = {*self.theirs, *self.ours}
            return "; ".join(
                f"{self.way} {kind}: {self.ours.get(kind)!r} instead of {self.theirs.get(kind)!r}"
                for kind in sorted(kinds) if self.ours.get(kind) != self.theirs.get(kind)
            ) or f"{self.way}: order {[*self.ours]} instead of {[*self.theirs]}"
        return f"{self.way}: {self.ours!r} instead of {self.theirs!r}"


def engine_on(load, folder=None):
    """An engine whose rules come from ``load(name)``."""
    from rules import bulk

    return bulk.Engine(bulk.Source(load, folder))


def by_library(mapping, header: Mapping[str, str], types=None) -> dict[str, str] | str:
    """The library's answer, or its message where it answers nothing."""
    from common.errors import BadRequest
    from rules import selection

    try:
        return selection.select(mapping, header, types)
    except BadRequest as exc:
        return exc.message
    except Exception as exc:
        return str(exc)


def differences(engine, mapping, headers: Sequence[Mapping[str, str]], types: Iterable[str] = (),
                single: bool = True, columns: bool = False) -> list[Difference]:
    """Where the engine does not answer what the library answers with the loaded ``mapping``.

    ``single`` also asks for each header alone; ``columns`` gives the table as whole columns.
    """
    from rules.bulk import CannotSelect, Table

    name, types = mapping.basename, list(types)
    if columns:
        keys = list(dict.fromkeys(key for header in headers for key in header))
        table = Table.from_columns(
            {key: [header.get(key) for header in headers] for key in keys})
    else:
        table = engine.table(name, headers)
    result = engine.best_references(name, table, types)
    found = []
    for row, (header, ours) in enumerate(zip(headers, result, strict=True)):
        theirs = by_library(mapping, header, types)
        ours = result.error(row) or ours
        if not _equal(theirs, ours):
            found.append(Difference("bulk", dict(header), theirs, ours))
        if single:
            try:
                ours = engine.best(name, header, types)
            except CannotSelect as exc:
                ours = str(exc)
            if not _equal(theirs, ours):
                found.append(Difference("single", dict(header), theirs, ours))
    return found


def _equal(theirs, ours) -> bool:
    if isinstance(theirs, dict) and isinstance(ours, dict):
        return list(theirs.items()) == list(ours.items())
    return theirs == ours


def spoilt(headers: Iterable[Mapping[str, str]], seed: int) -> list[dict[str, str]]:
    """``headers`` with values missing, odd or hostile, and keywords in lower case."""
    rng = random.Random(seed)
    made = []
    for header in headers:
        header = dict(header)
        for key in rng.sample(sorted(header), min(len(header), rng.choice((0, 1, 1, 2, 5)))):
            way = rng.random()
            if way < 0.25:
                del header[key]
            elif way < 0.3:
                header[key.lower()] = header.pop(key)
            elif way < 0.35:
                header[key.lower()] = rng.choice(HOSTILE)
            elif way < 0.5:
                header[key] = header[key].lower()
            else:
                header[key] = rng.choice(HOSTILE)
        made.append(header)
    return made
