"""What changes of rules are described by: plain data that JSON can hold."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path

from rules import differences

ERROR, WARNING, NOTE = "error", "warning", "note"


@dataclass(frozen=True)
class Finding:
    """Something to know about a change; errors forbid it.

    ``code`` is a stable word for the sort of finding, ``advice`` says what to do, ``file`` is
    the name of the file that it is about, or empty.
    """

    level: str
    code: str
    text: str
    advice: str = ""
    file: str = ""


@dataclass
class Change:
    """One rule file made from another.

    ``text`` is the new content; with errors it has what could be done, and no file was
    written (``path`` is None).  ``section`` is the logical difference as of
    :func:`section_data`.
    """

    old: str
    new: str
    text: str
    section: dict
    findings: list[Finding] = field(default_factory=list)
    path: Path | None = None

    @property
    def ok(self) -> bool:
        return not any(finding.level == ERROR for finding in self.findings)

    @property
    def rows(self) -> list[dict]:
        """Rows of the logical difference."""
        return self.section["rows"]

    @property
    def added(self) -> list[str]:
        """References that the old rules did not have, those that replace others included."""
        return sorted({*self.section["added"], *self.section["replacing"]})

    @property
    def gone(self) -> list[str]:
        """References that the new rules do not have any more."""
        return sorted({*self.section["deleted"], *self.section["replaced"]})


def compare(old, new) -> dict:
    """The logical difference of two rule objects of the library, as of :func:`section_data`.

    Only the two files count, not what pmaps and imaps contain.
    """
    given = {old.basename: old, new.basename: new}
    if old.basename == new.basename:
        raise ValueError(f"Both rules are called '{old.basename}'.")
    reader = differences.Reader(given)
    first = differences.compare(old.basename, new.basename, reader, nested=False)[0]
    return section_data(first)


def section_data(section: differences.Section) -> dict:
    """A :class:`rules.differences.Section` as plain JSON.

    Keys are its fields: ``old``, ``new``, ``parameters``, ``rows`` (each with ``case``, ``date``,
    ``action``, ``old``, ``new``, ``text``), ``headers`` (``key``, ``action``, ``old``, ``new``,
    ``routine``), and the references ``added``, ``replaced``, ``replacing``, ``deleted``.
    """
    data = asdict(section)
    data["headers"] = [{**asdict(change), "routine": change.routine}
                       for change in section.headers]
    data["parameters"] = list(section.parameters)
    data["rows"] = [{**asdict(row), "case": list(row.case), "old": list(row.old),
                     "new": list(row.new)} for row in section.rows]
    return data


def in_words(names: Iterable[str]) -> str:
    """``'a', 'b' and 'c'``"""
    quoted = [f"'{name}'" for name in names]
    return " and ".join(filter(None, (", ".join(quoted[:-1]), *quoted[-1:])))
