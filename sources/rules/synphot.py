"""HST synthetic photometry: tables that follow from what is submitted, and tests of the whole.

Throughput and thermal files are named in lookup tables (``tmctab``, ``tmttab``).  A submission that
brings such files without their table gets it made; then all of it is tested together with what the
context has.  The work is done in a :class:`rules.certifying.Workshop` on that context.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from .certifying.outcome import Candidate, Found

INSTRUMENT = "synphot"

#: The lookup table of each type of component files.
TABLES = {"thruput": "tmctab", "thermal": "tmttab"}

#: Types that the tests are about.
TESTED = frozenset({*TABLES, *TABLES.values(), "tmgtab", "obsmodes"})


def tables_to_make(filekinds: Iterable[str]) -> tuple[str, ...]:
    """Types of the lookup tables that files of these types need and do not bring."""
    filekinds = set(filekinds)
    return tuple(table for component, table in TABLES.items()
                 if component in filekinds and table not in filekinds)


def make_table(workshop, filekind: str, components: Mapping[str, Path],
               target: Path) -> Found | None:
    """Write a new lookup table of the type ``filekind`` to ``target``; what went wrong, or None.

    It is the table of the context with the files of ``components``, {official name: path}.
    """
    return workshop.synphot_table(
        filekind, [Candidate(path, name) for name, path in components.items()], target)


def test(workshop, files: Mapping[str, tuple[str, Path]]) -> tuple[list[Found], str]:
    """Test ``files``, {official name: (type, path)}, with the rest of the context's.

    Component names of graph, tables and files must agree, and file names stand in the tables as
    they must; where stsynphot is installed every observing mode of the context must be built.
    Answers what was found, a warning if that last test could not be made among it, and the log.
    """
    return workshop.synphot_tests(
        [(filekind, Candidate(path, name)) for name, (filekind, path) in files.items()])


# Not one of pytest's.
test.__test__ = False
