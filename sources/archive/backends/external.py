"""Dataset parameters in tables of an existing archive, which are only read."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import UTC, date, datetime, time, timedelta

from django.db import connections

from common import dates
from common.errors import BadRequest

from ..headers import UNDEFINED
from .base import ALIAS, Entry, InstrumentCount, chunks, reading
from .schema import HeaderValue, Name, Schema, Source

_PAGE = 2000


class ExternalBackend:
    """Reads the tables that a :class:`Schema` names.

    An empty product means an exposure that belongs to none.  Times without a zone
    are UTC.
    """

    def __init__(self, schema: Schema):
        self.schema = schema

    def ids(self, instrument: str, since: datetime | None) -> Iterator[tuple[str, str]]:
        for source in self.schema.of(instrument):
            columns = [source.product, source.exposure]
            for row in _select(source, columns, *_since(source, since)):
                product, exposure = _ids(row)
                if exposure:
                    yield product, exposure

    def entries(self, instrument: str, since: datetime | None) -> Iterator[Entry]:
        for source in self.schema.of(instrument):
            yield from self._read(source, *_since(source, since))

    def matching(self, products: Collection[str], exposures: Collection[str]) -> Iterator[Entry]:
        for source in self.schema.sources:
            for column, values in ((source.product, products), (source.exposure, exposures)):
                for chunk in chunks(_possible(source, values)):
                    marks = ", ".join(["%s"] * len(chunk))
                    yield from self._read(source, f"{_quote(column)} IN ({marks})", chunk)

    def neighbours(self, half: str, most: int) -> Iterator[tuple[str, str]]:
        # Tables of others may have no index that gives an order of ids.
        return iter(())

    def counts(self) -> list[InstrumentCount]:
        found: dict[str, list[InstrumentCount]] = {}
        for source in self.schema.sources:
            found.setdefault(source.instrument, []).append(_count(source))
        return [_total(name, counts) for name, counts in sorted(found.items())]

    def _read(self, source: Source, condition: str, values: list) -> Iterator[Entry]:
        """Datasets of ``source`` for which ``condition``, SQL made from checked names, holds."""
        columns = [source.product, source.exposure, *source.date]
        columns += [source.updated] if source.updated else []
        start = len(columns)
        columns += [value.column for _key, value in source.header if value.column]
        for row in _select(source, columns, condition, values):
            product, exposure = _ids(row)
            if not exposure:
                continue
            days = row[2:2 + len(source.date)]
            updated = _moment([row[start - 1]]) if source.updated else None
            yield Entry(product, exposure, source.instrument, _moment(days),
                        _header(source, row[start:]), self.schema.label, updated)

    def revision(self, instrument: str) -> None:
        """Tables of others do not tell when they change."""
        return None


# ---- queries -------------------------------------------------------------


def _quote(name: Name) -> str:
    quote = connections[ALIAS].ops.quote_name
    return ".".join(quote(part) for part in name.parts)


def _from(source: Source) -> str:
    text = _quote(source.table)
    for join in source.joins:
        pairs = " AND ".join(f"{_quote(one)} = {_quote(two)}" for one, two in join.pairs)
        text += f" {join.kind.upper()} JOIN {_quote(join.table)} ON {pairs}"
    return text


def _since(source: Source, moment: datetime | None) -> tuple[str, list]:
    """Condition and values for datasets observed at ``moment`` or later."""
    if moment is None:
        return "", []
    moment = moment.astimezone(UTC)
    day = _quote(source.date[0])
    if len(source.date) == 1:
        return f"{day} >= %s", [moment.strftime(source.date_format)]
    clock = _quote(source.date[1])
    day_format, _, clock_format = source.date_format.partition(" ")
    day_text = moment.strftime(day_format)
    return (f"({day} > %s OR ({day} = %s AND {clock} >= %s))",
            [day_text, day_text, moment.strftime(clock_format or "%H:%M:%S")])


def _select(source: Source, columns: list[Name], condition: str, values: list) -> Iterator[tuple]:
    wanted = ", ".join(_quote(column) for column in columns)
    conditions = [f"{_quote(column)} = %s" for column, _value in source.where]
    conditions += [condition] if condition else []
    sql = f"SELECT {wanted} FROM {_from(source)}"
    if conditions:
        sql += f" WHERE {' AND '.join(conditions)}"
    parameters = [value for _column, value in source.where] + list(values)
    with reading(), connections[ALIAS].cursor() as cursor:
        cursor.execute(sql, parameters)
        while rows := cursor.fetchmany(_PAGE):
            yield from rows


def _count(source: Source) -> InstrumentCount:
    day = _quote(source.date[0])
    conditions = " AND ".join(f"{_quote(column)} = %s" for column, _value in source.where)
    sql = f"SELECT COUNT(*), MIN({day}), MAX({day}) FROM {_from(source)}"
    sql += f" WHERE {conditions}" if conditions else ""
    with reading(), connections[ALIAS].cursor() as cursor:
        cursor.execute(sql, [value for _column, value in source.where])
        number, earliest, latest = cursor.fetchone()
    return InstrumentCount(source.instrument, number, _moment([earliest]), _moment([latest]))


def _total(instrument: str, counts: list[InstrumentCount]) -> InstrumentCount:
    return InstrumentCount(
        instrument, sum(count.datasets for count in counts),
        min((c.earliest for c in counts if c.earliest), default=None),
        max((c.latest for c in counts if c.latest), default=None))


# ---- values --------------------------------------------------------------


def _possible(source: Source, values: Collection[str]) -> list[str]:
    """Those of the ids ``values`` that ``source`` can have, as it writes them."""
    if source.id_pattern:
        values = [value for value in values if source.id_pattern.match(value)]
    return [value.lower() for value in values] if source.ids_case == "lower" else list(values)


def _ids(row) -> tuple[str, str]:
    product, exposure = (_text(value, "text", "").upper() for value in row[:2])
    return product or exposure, exposure


def _header(source: Source, row) -> dict[str, str]:
    values = iter(row)
    return {key: _value(value, values) for key, value in source.header}


def _value(value: HeaderValue, row: Iterator) -> str:
    if value.column is None:
        return value.constant
    return _text(next(row), value.form, UNDEFINED)


def _text(value, form: str, missing: str) -> str:
    """A column's value as a header has it; ``form`` picks day or time out of a moment."""
    if value is None:
        return missing
    if isinstance(value, bytes):
        value = value.decode("utf-8", "replace")
    if form != "text":
        moment = _moment([value])
        if moment is not None:
            value = moment.date() if form == "date" else moment.time()
    if isinstance(value, bool):
        return "T" if value else "F"
    if isinstance(value, datetime):
        return value.replace(tzinfo=None).isoformat(sep=" ")
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, timedelta):
        return _clock(value)
    # Archives pad columns of fixed width with blanks.
    return str(value).strip()


def _clock(value: timedelta) -> str:
    """A time of day, which MariaDB gives as a span."""
    return (datetime.min + value).time().isoformat()


def _moment(parts) -> datetime | None:
    """The time that one column, or one for the day and one for the time, name."""
    if parts[0] is None:
        return None
    if isinstance(parts[0], datetime):
        moment = parts[0]
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    text = " ".join(_text(part, "text", "") for part in parts).strip()
    try:
        return dates.parse(text)
    except BadRequest:
        return None
