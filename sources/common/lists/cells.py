"""The cells of a table, for pages and for downloads.

django-tables2 looks at the signature of a method and computes attributes anew for each cell,
which takes most of the time of a page of fifty rows and of a long download.  Here that is done
once for each column.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe

OPTIONAL = ("value", "record", "column", "bound_column", "bound_row", "table")


class Cell:
    """What one column of a table makes of a record."""

    def __init__(self, table, bound_column):
        self.table, self.bound = table, bound_column
        self.column = bound_column.column
        self.resolve = bound_column.accessor.resolve
        self.empty = self.column.empty_values
        self.render = self._caller(bound_column.render)
        self.export = self._caller(bound_column.value)

    def _caller(self, method: Callable) -> Callable[[Any, Any], Any]:
        """``method`` as a function of a value and its record."""
        parameters = inspect.signature(method).parameters.values()
        wanted = [p.name for p in parameters
                  if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY) and p.name in OPTIONAL]
        if any(p.kind == p.VAR_KEYWORD for p in parameters):
            wanted = list(OPTIONAL)
        if wanted == ["value"]:
            return lambda value, record: method(value=value)
        fixed = {"column": self.column, "bound_column": self.bound, "bound_row": None,
                 "table": self.table}
        given = {name: fixed[name] for name in wanted if name in fixed}

        def call(value, record):
            arguments = dict(given)
            if "value" in wanted:
                arguments["value"] = value
            if "record" in wanted:
                arguments["record"] = record
            return method(**arguments)

        return call

    def _of(self, record, make: Callable, default):
        try:
            value = self.resolve(record)
        except Exception:  # the library too takes whatever fails for a missing value
            value = None
        return default if value in self.empty else make(value, record)

    def html(self, record):
        return self._of(record, self.render, self.bound.default)

    def value(self, record):
        return self._of(record, self.export, None)


def body(table) -> SafeString:
    """The rows of the page of ``table`` as HTML."""
    cells = [Cell(table, bound) for bound in table.columns]
    marks = [bound.attrs["td"].as_html() for bound in table.columns]
    starts = [format_html("<td {}>", mark) if mark else mark_safe("<td>") for mark in marks]
    rows = []
    for row in table.paginated_rows:
        attributes = mark_safe(f" {row.attrs.as_html()}") if table.row_attrs else ""
        rows.append((attributes, format_html_join(
            "", "{}{}</td>",
            ((start, cell.html(row.record)) for start, cell in zip(starts, cells, strict=True)))))
    return format_html_join("\n", "<tr{}>{}</tr>", rows)


def values(table, columns: Iterable, records: Iterable) -> Iterator[list]:
    """What downloads contain: for each record the values of ``columns``."""
    cells = [Cell(table, bound) for bound in columns]
    for record in records:
        yield [cell.value(record) for cell in cells]
