"""All rows of a list as a file: CSV, JSON or VOTable, sent while they are read."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator

from django.http import HttpResponse, StreamingHttpResponse

from common.errors import BadRequest
from common.formats import xml_text
from common.spreadsheets import cell

from . import cells
from .tables import Table

FORMATS = {
    "csv": "text/csv; charset=utf-8",
    "json": "application/json",
    "votable": "application/x-votable+xml",
}
LABELS = {"csv": "CSV", "json": "JSON", "votable": "VOTable"}
SUFFIXES = {"csv": "csv", "json": "json", "votable": "vot"}

#: Rows of a VOTable, which is made in memory; CSV and JSON have no limit.
VOTABLE_LIMIT = 100_000

#: Rows that are read from the database at a time.
CHUNK = 2000


def response(table: Table, name: str, form: str) -> HttpResponse:
    """The rows of ``table`` in the format ``form``, to be saved under ``name``."""
    if form not in FORMATS:
        raise BadRequest(f"Unknown format '{form[:40]}'. It is one of {', '.join(FORMATS)}.")
    columns = [c for c in table.columns.iterall() if not c.column.exclude_from_export]
    content = {"csv": _csv, "json": _json, "votable": _votable}[form](table, columns)
    answer = StreamingHttpResponse(content, content_type=FORMATS[form])
    answer["Content-Disposition"] = f'attachment; filename="{name}.{SUFFIXES[form]}"'
    return answer


def _rows(table: Table, columns) -> Iterator[list]:
    """Values of each row, read little by little."""
    rows = table.data.data
    records = rows.iterator(chunk_size=CHUNK) if hasattr(rows, "iterator") else iter(rows)
    yield from cells.values(table, columns, records)


def _csv(table: Table, columns) -> Iterator[str]:
    line = io.StringIO()
    writer = csv.writer(line)
    writer.writerow([column.name for column in columns])
    for values in _rows(table, columns):
        writer.writerow(["" if value is None else cell(value) for value in values])
        if line.tell() > 65536:
            yield _taken(line)
    yield _taken(line)


def _taken(line: io.StringIO) -> str:
    text = line.getvalue()
    line.seek(0)
    line.truncate()
    return text


def _json(table: Table, columns) -> Iterator[str]:
    names = [column.name for column in columns]
    separator = "[\n"
    for values in _rows(table, columns):
        yield separator + json.dumps(dict(zip(names, values, strict=True)), ensure_ascii=False)
        separator = ",\n"
    yield "[]" if separator == "[\n" else "\n]"


def _votable(table: Table, columns) -> Iterator[bytes]:
    from astropy.io.votable import from_table
    from astropy.table import Table as AstropyTable

    rows = []
    for values in _rows(table, columns):
        rows.append(values)
        if len(rows) > VOTABLE_LIMIT:
            raise BadRequest(
                f"A VOTable holds at most {VOTABLE_LIMIT:,} rows here. Narrow the filters, or"
                " download CSV or JSON, which have no limit.")
    names = [column.name for column in columns]
    made = AstropyTable(
        {name: _column([row[index] for row in rows]) for index, name in enumerate(names)})
    for column in columns:
        made[column.name].description = str(column.header)
    file = io.BytesIO()
    from_table(made).to_xml(file)
    return iter([file.getvalue()])


def _column(values: list) -> list:
    """``values`` of one kind, as VOTables want them: whole numbers, truths, else text."""
    known = [value for value in values if value is not None]
    if known and len(known) == len(values):
        for kind in (bool, int, float):
            if all(type(value) is kind for value in known):
                return values
    return ["" if value is None else xml_text(str(value)) for value in values]
