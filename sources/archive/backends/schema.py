"""The mapping from an existing archive's tables to datasets (setting ``ARCHIVE_SCHEMA``).

The mapping is a dict as ``docs/archive_catalogue.rst`` describes it.  Every name
in it is checked here to be a plain identifier, so that nothing else ever gets
into SQL text.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from common.errors import Unavailable

from ..headers import INSTRUMENT_KEYS

_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_$]{0,63}")
_INSTRUMENT = re.compile(r"[A-Z0-9_-]{1,32}")
_FORMS = ("text", "date", "time")
_CASES = ("upper", "lower")
_JOINS = ("inner", "left")


class SchemaError(Unavailable):
    """``ARCHIVE_SCHEMA`` makes no sense; the message names the place in it and the remedy."""

    def __init__(self, place: str, problem: str):
        super().__init__(f"{place}: {problem} (docs/archive_catalogue.rst describes the form).")


@dataclass(frozen=True, slots=True)
class Name:
    """A table or column; ``parts`` has one item for each name between dots.

    Columns always come with their table: SQLite takes the quoted name of a column that
    does not exist for a text, unless the table is named too.
    """

    parts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class HeaderValue:
    """Where one header value comes from: a column and the form of it, or a constant."""

    column: Name | None
    form: str = "text"
    constant: str = ""


@dataclass(frozen=True, slots=True)
class Join:
    table: Name
    kind: str
    pairs: tuple[tuple[Name, Name], ...]


@dataclass(frozen=True, slots=True)
class Source:
    """One table or view, maybe joined with others, that holds datasets of one instrument.

    ``date`` has one column (day and time in one) or two.  ``ids_case`` is how ids are
    stored.  ``id_pattern`` tells which ids can be in it at all, so that others are not
    looked for here.
    """

    instrument: str
    table: Name
    joins: tuple[Join, ...]
    where: tuple[tuple[Name, str | int], ...]
    product: Name
    exposure: Name
    date: tuple[Name, ...]
    date_format: str
    updated: Name | None
    ids_case: str
    id_pattern: re.Pattern | None
    header: tuple[tuple[str, HeaderValue], ...]


@dataclass(frozen=True, slots=True)
class Schema:
    """All sources; ``label`` is what answers give as the source of parameters."""

    label: str
    sources: tuple[Source, ...]

    def of(self, instrument: str) -> list[Source]:
        return [source for source in self.sources if source.instrument == instrument]


def parse_schema(mapping) -> Schema:
    """The schema that ``mapping`` describes; SchemaError if it does not describe one."""
    place = "ARCHIVE_SCHEMA"
    _keys(place, mapping, required=("instruments",), optional=("label",))
    instruments = mapping["instruments"]
    if not isinstance(instruments, Mapping) or not instruments:
        raise SchemaError(f"{place}['instruments']", "must map each instrument to its table")
    sources = []
    for name, tables in instruments.items():
        where = f"{place}['instruments'][{name!r}]"
        instrument = str(name).upper()
        if not _INSTRUMENT.fullmatch(instrument):
            raise SchemaError(where, "the name of an instrument is letters, digits, - and _")
        for table in tables if isinstance(tables, list | tuple) else [tables]:
            sources.append(_source(where, instrument, table))
    return Schema(_text(place, mapping, "label", "ARCHIVE"), tuple(sources))


def _source(place: str, instrument: str, table) -> Source:
    _keys(place, table,
          required=("table", "product", "exposure", "date", "header"),
          optional=("joins", "where", "date_format", "updated", "ids_case", "id_pattern"))
    date = table["date"]
    columns = date if isinstance(date, list | tuple) else [date]
    if len(columns) not in (1, 2):
        raise SchemaError(f"{place}['date']", "give one column, or two: day and time")
    updated = table.get("updated")
    main = _name(f"{place}['table']", table["table"])
    return Source(
        instrument=instrument,
        table=main,
        joins=_joins(f"{place}['joins']", main, table.get("joins", ())),
        where=_where(f"{place}['where']", main, table.get("where", {})),
        product=_column(f"{place}['product']", main, table["product"]),
        exposure=_column(f"{place}['exposure']", main, table["exposure"]),
        date=tuple(_column(f"{place}['date']", main, column) for column in columns),
        date_format=_text(place, table, "date_format", "%Y-%m-%d %H:%M:%S"),
        updated=None if updated is None else _column(f"{place}['updated']", main, updated),
        ids_case=_choice(place, table, "ids_case", _CASES),
        id_pattern=_pattern(place, table.get("id_pattern")),
        header=_header(f"{place}['header']", instrument, main, table["header"]),
    )


def _header(place: str, instrument: str, main: Name, header) -> tuple[tuple[str, HeaderValue], ...]:
    if not isinstance(header, Mapping) or not header:
        raise SchemaError(place, "must map each header key to a column or a constant")
    values = {str(key).upper(): _header_value(f"{place}[{key!r}]", main, value)
              for key, value in header.items()}
    if not any(key in values for key in INSTRUMENT_KEYS):
        raise SchemaError(
            place, "no key names the instrument; add one, for instance"
            f" 'INSTRUME': {{'constant': {instrument!r}}}")
    return tuple(values.items())


def _header_value(place: str, main: Name, value) -> HeaderValue:
    if isinstance(value, str):
        return HeaderValue(_column(place, main, value))
    if isinstance(value, Mapping) and set(value) == {"constant"}:
        return HeaderValue(None, constant=str(value["constant"]))
    _keys(place, value, required=("column",), optional=("as",))
    return HeaderValue(_column(place, main, value["column"]), _choice(place, value, "as", _FORMS))


def _joins(place: str, main: Name, joins) -> tuple[Join, ...]:
    if not isinstance(joins, list | tuple):
        raise SchemaError(place, "must be a list")
    found = []
    for number, join in enumerate(joins):
        where = f"{place}[{number}]"
        _keys(where, join, required=("table", "on"), optional=("kind",))
        pairs = join["on"]
        if not isinstance(pairs, Mapping) or not pairs:
            raise SchemaError(f"{where}['on']", "must map columns to the columns they equal")
        found.append(Join(
            _name(f"{where}['table']", join["table"]),
            _choice(where, join, "kind", _JOINS),
            tuple((_column(f"{where}['on']", main, one), _column(f"{where}['on']", main, two))
                  for one, two in pairs.items())))
    return tuple(found)


def _where(place: str, main: Name, where) -> tuple[tuple[Name, str | int], ...]:
    if not isinstance(where, Mapping):
        raise SchemaError(place, "must map columns to the value that they must have")
    for column, value in where.items():
        if not isinstance(value, str | int):
            raise SchemaError(f"{place}[{column!r}]", "the value must be a text or a number")
    return tuple((_column(place, main, column), value) for column, value in where.items())


def _column(place: str, main: Name, text) -> Name:
    """The column ``text``; without a table's name before it, one of table ``main``."""
    name = _name(place, text)
    return name if len(name.parts) > 1 else Name(main.parts + name.parts)


def _name(place: str, text) -> Name:
    parts = text.split(".") if isinstance(text, str) else []
    if not 1 <= len(parts) <= 3 or not all(_IDENTIFIER.fullmatch(part) for part in parts):
        raise SchemaError(place, f"{text!r} is no plain table or column name")
    return Name(tuple(parts))


def _pattern(place: str, text) -> re.Pattern | None:
    if text is None:
        return None
    try:
        return re.compile(text)
    except (re.error, TypeError) as exc:
        raise SchemaError(
            f"{place}['id_pattern']", f"{text!r} is no regular expression: {exc}") from exc


def _choice(place: str, mapping, key: str, choices: tuple[str, ...]) -> str:
    value = mapping.get(key, choices[0])
    if value not in choices:
        raise SchemaError(
            f"{place}[{key!r}]", f"{value!r} is none of {', '.join(map(repr, choices))}")
    return value


def _text(place: str, mapping, key: str, default: str) -> str:
    value = mapping.get(key, default)
    if not isinstance(value, str) or not value:
        raise SchemaError(f"{place}[{key!r}]", "must be a text")
    return value


def _keys(place: str, mapping, required: tuple[str, ...], optional: tuple[str, ...] = ()):
    if not isinstance(mapping, Mapping):
        raise SchemaError(place, f"must be a dict, not {type(mapping).__name__}")
    missing = [key for key in required if key not in mapping]
    if missing:
        raise SchemaError(place, f"{', '.join(map(repr, missing))} is missing")
    unknown = [str(key) for key in mapping if key not in required + optional]
    if unknown:
        raise SchemaError(
            place, f"{', '.join(map(repr, unknown))} is unknown; known are"
            f" {', '.join(map(repr, required + optional))}")
