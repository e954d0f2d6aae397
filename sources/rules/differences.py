"""Logical differences of two rule files: the client library's own, sorted by file and counted.

``crds.core.rmap`` compares rules of all levels (``crds diff`` prints what it finds).  Here the
same comparison runs on rules that are read only where the names in them differ, which for
neighbouring contexts leaves a handful of files.  Its difference tuples become
:class:`Section` and :class:`Row`, which pages and programs can read.  Call
:func:`rules.environment.prepare` before.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

from crds.core import reftypes
from crds.diff import BORING_VARS

from .loading import KINDS

LEVELS = ("pmap", "imap", "rmap")

#: Names by which difference tuples call the rules on their path.
RULE_CLASSES = {"PipelineContext": "pmap", "InstrumentContext": "imap", "ReferenceMapping": "rmap"}

#: Header fields that change with every new rule file.
ROUTINE = frozenset(name.lower() for name in BORING_VARS)

#: Last parts of the names of parameters that are the time of USEAFTER, or half of it.
MOMENTS = ("DATE-OBS", "TIME-OBS", "DATE", "TIME", "START_TIME")

HEADER = re.compile(
    r"(?:header (?P<action>replaced|added)|(?P<deleted>deleted) header) '(?P<key>[^']*)' = ", re.S)
REPLACED = re.compile(r"replaced (?P<old>.+) with (?P<new>.+)", re.S)
CHANGED = re.compile(
    r"(?P<action>added|deleted) (?:(?:\w+ rule for|terminal) )?(?P<value>.+)", re.S)


@dataclass(frozen=True)
class Row:
    """One entry of a rule file that differs.

    ``case`` are the values of the section's parameters, empty text where the entry has none;
    ``date`` is the USEAFTER time as the rules write it, or empty.  ``action`` is added,
    deleted, replaced or restructured.  ``old`` and ``new`` are the names (or special values
    such as ``N/A``) before and after; ``text`` says it in the words of ``crds diff``.
    """

    case: tuple[str, ...]
    date: str
    action: str
    old: tuple[str, ...]
    new: tuple[str, ...]
    text: str


@dataclass(frozen=True)
class HeaderChange:
    """A header field before and after, None where it is not there."""

    key: str
    action: str
    old: str | None
    new: str | None

    @property
    def routine(self) -> bool:
        """Whether the field changes with every new rule file."""
        return self.key in ROUTINE


@dataclass
class Section:
    """What differs in one rule file: ``old`` or ``new`` is empty for one that came or went.

    Of references: ``added`` came where there was none, ``deleted`` are gone, ``replaced``
    are gone with another file in their place, their successors are ``replacing``.  All are
    about the whole file: a reference that only moved to another match case is in none of them.
    """

    level: str
    old: str
    new: str
    instrument: str = ""
    filekind: str = ""
    parameters: tuple[str, ...] = ()
    rows: list[Row] = field(default_factory=list)
    headers: list[HeaderChange] = field(default_factory=list)
    added: list[str] = field(default_factory=list)
    replaced: list[str] = field(default_factory=list)
    replacing: list[str] = field(default_factory=list)
    deleted: list[str] = field(default_factory=list)

    @property
    def status(self) -> str:
        return "changed" if self.old and self.new else "added" if self.new else "deleted"

    @property
    def cases(self) -> int:
        """Number of match cases in which something differs."""
        return len({row.case for row in self.rows})

    def count(self, action: str) -> int:
        return sum(row.action == action for row in self.rows)


class _Unread:
    """Stands for a rule of which only the name is known until more is asked for."""

    def __init__(self, name: str, read: Callable):
        self.filename = name
        self._read = read

    @property
    def __class__(self):
        # The library asks whether it is a rule.
        return KINDS[self.filename[-5:]]

    def __getattr__(self, name: str):
        return getattr(self._read(self.filename), name)


class Reader:
    """Reads rules by name from the library's cache, each at most once."""

    def __init__(self, given: dict | None = None):
        #: Rules that were read already, or are in memory only, by name.
        self._rules: dict = dict(given or {})

    def read(self, name: str):
        """The rule ``name``; raises what the library raises for one missing or broken."""
        if name not in self._rules:
            # As the library does for differences: a wrong checksum does not matter here.
            self._rules[name] = KINDS[name[-5:]].from_file(
                name, loader=self._unread, ignore_checksum=True)
        return self._rules[name]

    def _unread(self, name: str, **_) -> _Unread:
        return _Unread(name, self.read)


def logical_differences(old: str, new: str, reader: Reader | None = None) -> list:
    """Difference tuples between rule files of the same kind, headers and nested files included.

    The same as ``crds.diff.mapping_diffs`` with ``include_header_diffs`` and
    ``recurse_added_deleted``, except that no name has a path.
    """
    reader = reader or Reader()
    return reader.read(old).difference(
        reader.read(new), include_header_diffs=True, recurse_added_deleted=True)


def compare_files(old: Path, new: Path) -> list[Section]:
    """As :func:`compare`, for two .rmap files that lie anywhere."""
    names = [old.name, new.name if new.name != old.name else f"uploaded-{new.name}"]
    given = {name: KINDS[".rmap"].from_string(
        path.read_text(encoding="utf-8"), name, ignore_checksum=True)
        for name, path in zip(names, (old, new), strict=True)}
    return compare(*names, Reader(given))


def compare(old: str, new: str, reader: Reader | None = None,
            nested: bool = True) -> list[Section]:
    """Sections of all rule files that differ between ``old`` and ``new``, in tree order.

    Without ``nested`` only the two files are compared.
    """
    reader = reader or Reader()
    sections = _Sections(reader)
    sections.get(old, new)
    if not nested and not old.endswith(".rmap"):
        sections.add_entries(old, new)
        return sections.finished()
    for difference in logical_differences(old, new, reader):
        sections.add(difference)
    return sections.finished()


class _Sections:
    """Collects difference tuples by the rule files they are about."""

    def __init__(self, reader: Reader):
        self.reader = reader
        self._found: dict[tuple[str, str], Section] = {}
        #: Rows by the place of their section, with the names of their own parameters.
        self._rows: dict[tuple[str, str], list[tuple[tuple[str, ...], Row]]] = {}

    def get(self, old: str, new: str) -> Section:
        section = self._found.get((old, new))
        if section is None:
            section = self._found[old, new] = Section((new or old)[-4:], old, new)
            header = self.reader.read(new or old).header
            section.instrument = header.get("instrument", "")
            section.filekind = header.get("filekind", "")
            if not (old and new):
                self._nested(old, new)
        return section

    def _nested(self, old: str, new: str) -> None:
        """Rules inside one that came or went: the library names only what they contain."""
        if new.endswith(".rmap") or old.endswith(".rmap"):
            return
        for child in self.reader.read(new or old).selector.values():
            if _is_rule(child):
                self.get(child if old else "", child if new else "")

    def add(self, difference) -> None:
        text = difference[-1]
        names, parameters, values = _path(difference)
        header = HEADER.match(text)
        if header:
            self._add_header(self.get(*names), header)
            return
        section = self.get(*(names if len(names) == 2 else _side(names[0], text)))
        names, row = _row(parameters, values, text)
        section.parameters = tuple(dict.fromkeys([*section.parameters, *names]))
        self._rows.setdefault((section.old, section.new), []).append((names, row))
        if section.level != "rmap":
            self._rule_row(row)

    def add_entries(self, old: str, new: str) -> None:
        """What differs in the header and the entries of a pmap or imap, nothing nested."""
        section = self.get(old, new)
        rules = [self.reader.read(name) for name in (old, new)]
        for difference in rules[0].difference_header(rules[1]):
            self._add_header(section, HEADER.match(difference[-1]))
        section.parameters = tuple(map(str, rules[1].parkey))
        entries = [{str(key).lower(): str(value) for key, value in rule.selector.items()}
                   for rule in rules]
        for key in sorted(entries[0].keys() | entries[1].keys()):
            values = [side.get(key) for side in entries]
            if values[0] != values[1]:
                text = (f"added {values[1]!r}" if values[0] is None
                        else f"deleted {values[0]!r}" if values[1] is None
                        else f"replaced {values[0]!r} with {values[1]!r}")
                self._rows.setdefault((old, new), []).append(
                    (section.parameters, Row((key,), "", *_change(text), text)))

    def _rule_row(self, row: Row) -> None:
        """The sections of rules that a row of a pmap or imap names."""
        old, new = ("".join(names) for names in (row.old, row.new))
        if _is_rule(old) and _is_rule(new):
            self.get(old, new)
        else:
            for pair in ((old, ""), ("", new)):
                if _is_rule("".join(pair)):
                    self.get(*pair)

    def _add_header(self, section: Section, found: re.Match) -> None:
        key = found["key"]
        values = [self.reader.read(name).header.get(key, None)
                  for name in (section.old, section.new)]
        section.headers.append(HeaderChange(
            key, found["action"] or found["deleted"], *map(_shown, values)))

    def finished(self) -> list[Section]:
        for place, section in self._found.items():
            section.rows = sorted(
                (_with_case(row, names, section.parameters)
                 for names, row in self._rows.get(place, ())),
                key=lambda row: (row.case, row.date, row.text))
            self._comment(section)
            section.headers.sort(key=lambda change: (change.routine, change.key))
            if section.level == "rmap":
                self._references(section)
        return sorted(self._found.values(), key=_tree_order)

    def _comment(self, section: Section) -> None:
        """The text between header and selector, which the library does not compare."""
        if not (section.old and section.new):
            return
        old, new = (self.reader.read(name).comment for name in (section.old, section.new))
        if old != new:
            action = "replaced" if old and new else "added" if new else "deleted"
            section.headers.append(HeaderChange("comment", action, old or None, new or None))

    def _references(self, section: Section) -> None:
        old, new = (set(self.reader.read(name).reference_names()) if name else set()
                    for name in (section.old, section.new))
        came, gone = new - old, old - new
        pairs = [row for row in section.rows if row.action == "replaced"]
        section.replaced = sorted(gone & {name for row in pairs for name in row.old})
        section.replacing = sorted(came & {name for row in pairs for name in row.new})
        section.deleted = sorted(gone - set(section.replaced))
        section.added = sorted(came - set(section.replacing))


def _tree_order(section: Section) -> tuple:
    return (section.level != "pmap", section.instrument, LEVELS.index(section.level),
            section.filekind, section.old, section.new)


def _is_rule(name: str) -> bool:
    return isinstance(name, str) and name[-5:] in KINDS


def _path(difference) -> tuple[tuple[str, ...], list[str], list[str]]:
    """The last rule files on the path of a difference, and its parameters with their values."""
    names: tuple[str, ...] = ()
    parameters, values = [], []
    for name, value in zip(difference.parameter_names[:-1], difference[:-1], strict=True):
        if isinstance(name, str) and name in RULE_CLASSES:
            # A pair, or the one rule that came or went; on the way to that one, a key.
            names = value if isinstance(value, tuple) else (value,)
        elif name:
            parameters.extend([name] if isinstance(name, str) else name)
            values.extend([value] if isinstance(value, str) else value)
    return names, parameters, values


def _side(name: str, text: str) -> tuple[str, str]:
    """The pair for a rule that is only on one side, which the words of ``text`` tell."""
    return ("", name) if text.startswith("added") else (name, "")


def _row(parameters: list[str], values: list[str], text: str) -> tuple[tuple[str, ...], Row]:
    """The names of the parameters without those of the date, and the row."""
    case, moment = {}, []
    for name, value in zip(parameters, values, strict=True):
        if name.rpartition(".")[2] in MOMENTS:
            moment.append(value)
        else:
            case[name] = value
    action, old, new = _change(text)
    row = Row(tuple(case.values()), " ".join(moment), action, old, new, text)
    return tuple(case), row


def _with_case(row: Row, parameters: tuple[str, ...], columns: tuple[str, ...]) -> Row:
    """``row`` with a value for each of ``columns``."""
    if parameters == columns:
        return row
    values = dict(zip(parameters, row.case, strict=True))
    return Row(tuple(values.get(column, "") for column in columns),
               row.date, row.action, row.old, row.new, row.text)


def _change(text: str) -> tuple[str, tuple[str, ...], tuple[str, ...]]:
    """Action, old and new names in the words of a difference."""
    found = REPLACED.fullmatch(text)
    if found:
        return "replaced", _names(found["old"]), _names(found["new"])
    found = CHANGED.fullmatch(text)
    if found is None:
        return "restructured", (), ()
    names = _names(found["value"])
    return found["action"], *((names, ()) if found["action"] == "deleted" else ((), names))


def _names(text: str) -> tuple[str, ...]:
    """The names in the printed form of a selection: one name, or several."""
    try:
        value = ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return (text,)
    return tuple(_flat(value))


def _flat(value) -> Iterable[str]:
    if isinstance(value, dict):
        value = value.values()
    if isinstance(value, str) or not isinstance(value, Iterable):
        yield str(value)
    else:
        for part in value:
            yield from _flat(part)


def _shown(value) -> str | None:
    return value if value is None or isinstance(value, str) else repr(value)


# ---- tables ------------------------------------------------------------------


def row_keys(observatory: str, instrument: str, filekind: str) -> list[str]:
    """Columns that together name a row in tables of this type; empty where none are known."""
    try:
        types = reftypes.get_types_object(observatory)
        return list(types.get_row_keys(instrument, filekind) or [])
    except Exception:  # the library raises whatever unknown types lead it to
        return []
