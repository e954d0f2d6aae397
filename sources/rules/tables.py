"""The rows of one rmap as a table, as people read rules.

One column for each matching parameter, then the keys of the selectors below (USEAFTER as a
rule), then the reference::

    from rules import tables

    table = tables.read("hst_acs_biasfile_0250.rmap", data)     # bytes of the file, no Django
    [column.title for column in table.columns]     # ["DETECTOR", "CCDAMP", …, "USEAFTER"]
    for row in table.rows:
        row.values          # as the rules write them: ("WFC", "A|D", "*", …, "2002-03-01 …")
        row.shown           # as people read them: ("WFC", "A, D", "*", …)
        row.references      # names of files: one as a rule; none in rows that say N/A or OMIT
    table.rows_of("x1234567j_bia.fits")             # lookup patterns of one reference

Only the file itself is parsed: nothing it belongs to is loaded, and nothing stays in the
library's memory.  Parsing takes up to 0.1 s; :func:`kept` does it once for each content and
keeps the table on disk (web pages use :mod:`interactive.services.rule_tables`, which knows
where the files of the catalogue are).  Call :func:`rules.environment.prepare` before.
"""

from __future__ import annotations

import io
import json
import os
import re
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from functools import cached_property, lru_cache
from pathlib import Path

#: Of the form in which tables are kept; raise it when that changes.
VERSION = 2

#: What a rule says instead of a reference.
NOT_APPLICABLE, OMITTED = "N/A", "OMIT"

#: Titles of the key of selectors that are not a matching parameter.
KEY_TITLES = {
    "UseAfter": "USEAFTER", "VersionAfter": "VERSION", "ClosestTime": "CLOSEST TIME",
    "GeometricallyNearest": "NEAREST", "Bracket": "BRACKET", "SelectVersion": "SELECT VERSION",
}

#: Last parts of ``META.X.Y`` that say nothing without the part before.
VAGUE = frozenset({"NAME", "ID", "VALUE"})


class NotATable(ValueError):
    """The file is no rmap that the library reads; the message says why."""


@dataclass(frozen=True)
class Column:
    """``parameter`` as the rules name it, ``title`` short, ``selector`` the kind that asks it.

    The key of a UseAfter has all its parameters, separated by spaces.
    """

    parameter: str
    title: str
    selector: str

    @property
    def matches(self) -> bool:
        """Whether it is a matching parameter and not a date, version or the like."""
        return self.selector == "Match"


@dataclass(frozen=True)
class Row:
    """One entry of the innermost selectors.

    ``values`` has one text for each column, empty where the column does not apply.
    ``references`` are file names: one as a rule, several where one entry names several,
    none when ``special`` is ``N/A`` or ``OMIT``.  ``overridden`` rows are never selected:
    after the rules' substitutions another row has the same parameters, and the library
    keeps that one.
    """

    values: tuple[str, ...]
    references: tuple[str, ...]
    special: str = ""
    overridden: bool = False

    @property
    def shown(self) -> tuple[str, ...]:
        """:attr:`values` as people read them, see :func:`readable`."""
        return tuple(map(readable, self.values))

    @property
    def result(self) -> str:
        """Names of the references, or N/A or OMIT."""
        return self.special or ", ".join(self.references)


@dataclass(frozen=True)
class Substitution:
    """In column number ``column`` the rules write ``written`` and mean ``meant``."""

    column: int
    written: str
    meant: str


@dataclass(frozen=True)
class RuleTable:
    """The content of an rmap.  ``instrument`` and ``filekind`` are lower case.

    ``conditions`` are the header's expressions by name (``rmap_relevance``, ``rmap_omit``,
    ``parkey_relevance PARAMETER``), as far as they restrict anything.
    """

    name: str
    observatory: str
    instrument: str
    filekind: str
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    substitutions: tuple[Substitution, ...] = ()
    conditions: dict[str, str] = field(default_factory=dict)
    comment: str = ""

    @property
    def titles(self) -> list[str]:
        """Titles of all columns, REFERENCE at the end."""
        return [*(column.title for column in self.columns), "REFERENCE"]

    @cached_property
    def references(self) -> list[str]:
        """Names of all references that can be selected, sorted: the library's own set."""
        return sorted({name for row in self.rows if not row.overridden for name in row.references})

    def rows_of(self, reference: str) -> list[Row]:
        """The rows that lead to ``reference``: its lookup patterns."""
        return self._by_reference.get(reference, [])

    @cached_property
    def _by_reference(self) -> dict[str, list[Row]]:
        found: dict[str, list[Row]] = {}
        for row in self.rows:
            for name in row.references:
                found.setdefault(name, []).append(row)
        return found


# ---- reading ----------------------------------------------------------------


def read(name: str, data: bytes) -> RuleTable:
    """The table of the rmap called ``name`` with the content ``data``.

    Raises :class:`NotATable` for what is not an rmap or cannot be read.
    """
    from crds.core import rmap, selectors

    if not name.endswith(".rmap"):
        raise NotATable(f"'{name}' is not an rmap: only rmaps have rows with references.")
    try:
        # As the library reads files: line ends of any system become "\n".
        text = io.TextIOWrapper(io.BytesIO(data), encoding="utf-8").read()
        # Not the whole mapping object: the library's memoised methods would keep it for ever.
        header, selector, comment = rmap.ReferenceMapping._parse_header_selector(text, name)
    except Exception as exc:  # the library raises whatever the content leads it to
        raise NotATable(f"'{name}' cannot be read: {' '.join(str(exc).split())[:300]}") from exc
    if not isinstance(selector, selectors.Selector):
        raise NotATable(f"'{name}' has no rows: its selector is not that of an rmap.")
    columns, entries = _flatten(selector)
    rows = sorted((_row(columns, entry) for entry in entries), key=_order)
    header = {key: dict.get(header, key) for key in header}
    return RuleTable(
        name=name, columns=_titled(columns), rows=tuple(rows),
        **{key: str(header.get(key, "")).lower()
           for key in ("observatory", "instrument", "filekind")},
        substitutions=_substitutions(header, columns, rows), conditions=_conditions(header),
        comment=str(comment or "").strip())


@dataclass(frozen=True)
class _Entry:
    """A path through the selectors: values by column, and the choice at its end."""

    values: dict[tuple, str]
    choice: object
    overridden: bool


def _flatten(selector) -> tuple[list[tuple], list[_Entry]]:
    """Columns as (depth, selector, parameter), outermost first, and all entries."""
    entries = list(_entries(selector, 0, {}, False))
    columns: dict[tuple, None] = dict.fromkeys(_keys(selector, 0))
    for entry in entries:
        columns.update(dict.fromkeys(entry.values))
    # Selectors of several kinds on one level have columns of their own side by side.
    return sorted(columns, key=lambda column: column[0]), entries


def _keys(selector, depth: int) -> list[tuple]:
    """The columns for the key of ``selector``."""
    kind = selector.short_name
    if kind == "Match":
        return [(depth, kind, str(name)) for name in selector._parameters]
    return [(depth, kind, " ".join(map(str, selector._parameters)))]


def _entries(selector, depth: int, above: dict, overridden: bool) -> Iterator[_Entry]:
    from crds.core.selectors import Selector

    columns = _keys(selector, depth)
    chosen = dict(selector._selections)
    for key, choice in selector._raw_selections:
        values = {**above, **dict(zip(columns, _parts(key, columns), strict=True))}
        lost = overridden or not _is_chosen(selector, chosen, key, choice)
        if isinstance(choice, Selector):
            yield from _entries(choice, depth + 1, values, lost)
        else:
            yield _Entry(values, choice, lost)


def _is_chosen(selector, chosen: dict, key, choice) -> bool:
    """Whether the library still knows the row after its substitutions."""
    if len(chosen) == len(selector._raw_selections):
        return True
    (substituted,) = selector.do_substitutions({key: choice})
    return chosen.get(selector.condition_key(substituted)) is choice


def _parts(key, columns: list[tuple]) -> list[str]:
    """The key of one entry as one text for each column."""
    if len(columns) == 1 and not isinstance(key, tuple):
        return [_text(key)]
    return [_text(part) for part in key]


def _text(value) -> str:
    if isinstance(value, (tuple, list)):  # several values of one parameter
        return "|".join(map(str, value))
    return str(value)


def _row(columns: list[tuple], entry: _Entry) -> Row:
    names, special = _names(entry.choice)
    return Row(tuple(entry.values.get(column, "") for column in columns), names, special,
               entry.overridden)


def _names(choice) -> tuple[tuple[str, ...], str]:
    """File names of a choice, and what it says in their place."""
    from crds.core.rmap import MappingSelectionsDict

    if MappingSelectionsDict.is_na_value(choice):
        return (), NOT_APPLICABLE
    if MappingSelectionsDict.is_omit_value(choice):
        return (), OMITTED
    if isinstance(choice, Mapping):
        return tuple(map(str, choice.values())), ""
    if isinstance(choice, (tuple, list)):
        return tuple(map(str, choice)), ""
    return (str(choice),), ""


def _order(row: Row) -> tuple:
    """By the columns from left to right: numbers by value, then texts; then by result."""
    return ([rank(value) for value in row.values], row.result)


def rank(value: str) -> tuple:
    """Numbers first, by value; texts with the numbers in them by value: 0.9.1 before 0.10."""
    if _NUMBER.fullmatch(value):
        return (0, float(value))
    return (1, [(0, int(part)) if part.isdecimal() else (1, part)
                for part in _DIGITS.split(value) if part])


_NUMBER = re.compile(r"[+-]?\d+(\.\d*)?", re.ASCII)
_DIGITS = re.compile(r"(\d+)", re.ASCII)


def specials(name: str, data: bytes) -> dict[str, str]:
    """What the pmap or imap ``name`` declares without rules: N/A or OMIT by key in lower case.

    Raises :class:`NotATable` for what cannot be read.
    """
    from crds.core import rmap

    try:
        _, selector, _ = rmap.Mapping._parse_header_selector(data.decode(), name)
        return {str(key).lower(): special for key, value in selector.items()
                if (special := _names(value)[1])}
    except Exception as exc:  # the library raises whatever the content leads it to
        raise NotATable(f"'{name}' cannot be read: {' '.join(str(exc).split())[:300]}") from exc


# ---- what columns and values are called --------------------------------------


def _titled(columns: list[tuple]) -> tuple[Column, ...]:
    matching = [parameter for _, kind, parameter in columns if kind == "Match"]
    short = dict(zip(matching, short_names(matching), strict=True))
    return tuple(
        Column(parameter, short[parameter] if kind == "Match" else KEY_TITLES.get(kind, kind),
               kind)
        for _, kind, parameter in columns)


def short_names(parameters: list[str]) -> list[str]:
    """Short upper-case names: the last part of ``META.X.Y``, more where that is not clear.

    ``["META.INSTRUMENT.FILTER", "META.SUBARRAY.NAME"]`` are ``["FILTER", "SUBARRAY NAME"]``.
    """
    last = [parameter.upper().rpartition(".")[2] for parameter in parameters]
    return [
        " ".join(parameter.upper().split(".")[-2:])
        if name in VAGUE or last.count(name) > 1 else name
        for parameter, name in zip(parameters, last, strict=True)]


_BETWEEN = re.compile(r"BETWEEN\s+(\S+)\s+(\S+)", re.IGNORECASE)


@lru_cache(maxsize=4096)
def readable(value: str) -> str:
    """A value of the rules as people read it.

    Or-bars become commas, relations signs, ``BETWEEN`` a range; patterns and literal texts
    lose their brackets.  ``N/A`` (never looked at) and ``*`` (any value) stay.
    """
    text = value.strip()
    if text.upper().startswith("NOT "):
        return f"not {readable(text[4:])}"
    if found := _BETWEEN.fullmatch(text):
        return f"≥ {found[1]} and < {found[2]}"
    if len(text) > 2 and text[0] + text[-1] in ("{}", "()", "##"):
        inside = text[1:-1].strip()
        return {"{": inside, "(": f"pattern {inside}", "#": _relation(inside)}[text[0]]
    if "|" in text:
        return ", ".join(part for part in map(str.strip, text.split("|")) if part)
    return _relation(text) if text.startswith(("<", ">")) else text


def _relation(text: str) -> str:
    for sign, shown in ((">=", "≥ "), ("<=", "≤ ")):
        text = text.replace(sign, shown)
    return " ".join(re.sub(r"([<>=])(?=\S)", r"\1 ", text).split())


def _substitutions(header: dict, columns: list[tuple], rows) -> tuple[Substitution, ...]:
    """The substitutions that concern a value of these rows."""
    from crds.core.selectors import DEFAULT_SUBSTITUTIONS

    declared = {**DEFAULT_SUBSTITUTIONS, **(header.get("substitutions") or {})}
    found = []
    for number, (_, _, parameter) in enumerate(columns):
        used = {row.values[number] for row in rows} if parameter in declared else set()
        found += [Substitution(number, str(written), _text(meant))
                  for written, meant in declared.get(parameter, {}).items()
                  if str(written) in used]
    return tuple(found)


def _conditions(header: dict) -> dict[str, str]:
    found = {name: str(header[name]) for name in ("rmap_relevance", "rmap_omit")
             if str(header.get(name, "")).upper() not in ("", "ALWAYS", "TRUE", "FALSE", "NONE")}
    relevance = header.get("parkey_relevance") or {}
    found.update((f"parkey_relevance {name}", str(text)) for name, text in relevance.items())
    return found


# ---- keeping ------------------------------------------------------------------


def kept(name: str, sha1sum: str, path: Path, folder: Path) -> RuleTable:
    """The table of the rmap at ``path``, made once and then taken from ``folder``.

    ``sha1sum`` is that of the content and names the kept file; what is kept for another
    form (:data:`VERSION`) or is damaged is made anew.  Raises as :func:`read`, and
    ``OSError`` if the rmap itself cannot be read.
    """
    place = folder / sha1sum[:2] / f"{sha1sum}.json"
    try:
        return from_json(place.read_bytes())
    except (OSError, ValueError, KeyError, TypeError, AttributeError):  # not kept, or not so
        table = read(name, path.read_bytes())
    _save(place, to_json(table))
    return table


def to_json(table: RuleTable) -> bytes:
    content = {each.name: getattr(table, each.name) for each in fields(table)}
    for name in ("columns", "rows", "substitutions"):
        # Without the names of their fields, which would be most of a large table.
        content[name] = [list(vars(each).values()) for each in content[name]]
    return json.dumps({"version": VERSION, **content}, ensure_ascii=False,
                      separators=(",", ":")).encode()


def from_json(data: bytes) -> RuleTable:
    """The table of :func:`to_json`.  Raises ``ValueError`` for another version."""
    content = json.loads(data)
    if content.pop("version") != VERSION:
        raise ValueError("kept in another form")
    return RuleTable(**{
        **content,
        "columns": tuple(Column(*column) for column in content["columns"]),
        "rows": tuple(
            Row(tuple(values), tuple(references), special, overridden)
            for values, references, special, overridden in content["rows"]),
        "substitutions": tuple(Substitution(*each) for each in content["substitutions"]),
    })


def _save(place: Path, content: bytes) -> None:
    """Keeping is a help, not a duty: a full or read-only disk must not fail a page."""
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=place.parent, delete=False) as stream:
            stream.write(content)
        os.replace(stream.name, place)
    except OSError:
        return
