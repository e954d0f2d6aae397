"""What the lists of context pages show, and how they are filtered."""

from __future__ import annotations

import re

from django import forms
from django.utils.html import format_html, format_html_join

from common.lists import DayColumn, Table, TextColumn
from interactive.columns import PickColumn
from interactive.services.type_tables import Line, alternatives
from interactive.templatetags import catalogue
from rules.tables import RuleTable, rank, readable

#: Different values of a parameter that are offered as choices; of more, one is typed.
MOST_CHOICES = 100

#: Names in addresses that mean something else.
RESERVED = frozenset({
    "activation_date", "diff", "format", "page", "per_page", "q", "reference", "sort"})


# ---- the table of one type ------------------------------------------------------


class Cell(str):
    """A readable value that sorts as rules do and knows what the rules write."""

    written: str

    def __new__(cls, written: str):
        made = super().__new__(cls, readable(written))
        made.written = written
        return made

    __hash__ = str.__hash__
    __eq__ = str.__eq__

    def __lt__(self, other):
        return rank(self.written) < rank(other.written)


class KeyColumn(TextColumn):
    """A matching parameter or a date; what the rules write is the title of what is shown."""

    def render(self, value: Cell):
        if value.written == value:
            return value
        return format_html('<span title="{}">{}</span>', value.written, str(value))

    def value(self, value: Cell):
        return value.written


class ReferenceColumn(TextColumn):
    """The references of a line, linked, or N/A or OMIT."""

    def render(self, record: Record):
        line = record.line
        if line.row.special:
            return line.row.special
        return format_html_join(" ", "{}{}", (
            (catalogue.file_link(file["name"]), _marks(file)) for file in line.files))


def _marks(file: dict):
    """Tags for what one must know before using the file."""
    marks = [("bad", "rejected")] if file["rejected"] else []
    if not file["state"]:
        marks.append(("warn", "not in the catalogue"))
    return format_html_join("", ' <span class="tag {}">{}</span>', marks)


class LinePickColumn(PickColumn):
    """A box to tick for each reference of a line."""

    def render(self, record: Record):
        return format_html_join("", "{}", (
            (super(LinePickColumn, self).render(file["name"]),) for file in record.line.files))


def type_table(table: RuleTable) -> type[Table]:
    """The class of lists that show ``table``: its columns, ACTIVATION DATE, REFERENCE, diff."""
    columns = {
        name: KeyColumn(verbose_name=column.title, orderable=True,
                        attrs={"th": {"title": column.parameter}, "td": {"class": "key"}})
        for name, column in zip(names_of(table), table.columns, strict=True)}
    columns |= {
        "activation_date": DayColumn(verbose_name="ACTIVATION DATE", orderable=True,
                                     attrs={"td": {"class": "nowrap"}}),
        "reference": ReferenceColumn(verbose_name="REFERENCE", orderable=True),
        "diff": LinePickColumn(verbose_name="diff"),
    }
    meta = type("Meta", (Table.Meta,), {
        "empty_text": "These rules have no rows: no reference can be found by them.",
        "row_attrs": {"class": lambda record: _row_class(record.line)}})
    return type("TypeTable", (Table,), {**columns, "Meta": meta})


def _row_class(line: Line) -> str:
    if line.row.overridden:
        return "overridden"
    return "not-applicable" if line.row.special else ""


def names_of(table: RuleTable) -> list[str]:
    """A name for each column of ``table``, as addresses and downloads write it."""
    names: list[str] = []
    for column in table.columns:
        name = re.sub(r"[^a-z0-9]+", "_", column.title.lower()).strip("_") or "parameter"
        while name in names or name in RESERVED:
            name += "x"
        names.append(name)
    return names


class Record:
    """A line by the column names of :func:`type_table`; values are made when asked for."""

    __slots__ = ("columns", "line")

    def __init__(self, line: Line, columns: dict[str, int]):
        self.line = line
        self.columns = columns

    def __getitem__(self, name: str):
        if name in self.columns:
            return Cell(self.line.row.values[self.columns[name]])
        return {"reference": lambda: self.line.row.result,
                "activation_date": lambda: self.line.activation_date,
                "diff": lambda: None}[name]()


def records(table: RuleTable, lines: list[Line]) -> Records:
    columns = {name: index for index, name in enumerate(names_of(table))}
    return Records(Record(line, columns) for line in lines)


class Records(list):
    """Rows of a list that is no queryset."""

    def none(self) -> Records:
        return Records()


def row_filters(table: RuleTable):
    """Filters of the rows of ``table``, by any text and by each matching parameter."""
    fields = {"q": forms.CharField(
        label="Any column", required=False, max_length=128, help_text="words of a row")}
    matching = {name: index for index, (name, column) in enumerate(
        zip(names_of(table), table.columns, strict=True)) if column.matches}
    for name, index in matching.items():
        if field := _value_field(table, index):
            fields[name] = field
    form_class = type("RowForm", (forms.Form,), fields)

    class RowFilters:
        """Stands where lists expect a filter set, for rows that no database holds."""

        def __init__(self, data, queryset, request):
            self.form = form_class({
                name: value for name, value in data.items() if value.strip() not in ("", "*")})
            self.rows = queryset

        def is_valid(self) -> bool:
            return self.form.is_valid()

        @property
        def active(self) -> list[tuple[str, str]]:
            return [(self.form.fields[name].label, value)
                    for name, value in self.form.data.items() if name in self.form.fields]

        @property
        def qs(self) -> Records:
            chosen = {name: value for name, value in self.form.cleaned_data.items() if value}
            words = chosen.pop("q", "").lower().split()
            wanted = [(matching[name], value) for name, value in chosen.items()]
            return Records(
                record for record in self.rows if _has(record, words) and all(
                    value in alternatives(record.line.row.values[index])
                    for index, value in wanted))

    return RowFilters


def _value_field(table: RuleTable, index: int) -> forms.Field | None:
    """A field for the values of a column, None for a column that says the same everywhere."""
    label = table.columns[index].title
    written = {row.values[index] for row in table.rows}
    if len(written) < 2:
        return None
    values = sorted({value for text in written for value in alternatives(text)}, key=rank)
    # The empty choice means any value; a star among the values is one that the rules write.
    values = [value for value in values if value not in ("", "*")]
    if len(values) > MOST_CHOICES:
        return forms.CharField(label=label, required=False, max_length=128)
    return forms.ChoiceField(
        label=label, required=False, choices=[("", "*"), *((value, value) for value in values)])


def _has(record: Record, words: list[str]) -> bool:
    if not words:
        return True
    row = record.line.row
    text = " ".join((*row.values, *row.shown, row.result)).lower()
    return all(word in text for word in words)
