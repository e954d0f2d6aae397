"""What the lists of context pages show, and how they are filtered."""

from __future__ import annotations

import re

from django import forms
from django.db.models import Q
from django.db.models.functions import Lower
from django.utils.html import format_html, format_html_join

from common import formats
from common.lists import (
    Choice,
    DayColumn,
    Filters,
    GlobFilter,
    LongTextColumn,
    MomentFilter,
    Table,
    TextColumn,
    TextFilter,
    TimeColumn,
)
from interactive.columns import PickColumn
from interactive.models import CatalogFile, ContextHistory, FileState
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


# ---- lists of contexts -------------------------------------------------------------


class ContextColumn(TextColumn):
    """A context, linked to its table where it is published."""

    def render(self, value, record):
        return catalogue.context_link(value, _state(record))


class ContextStateColumn(TextColumn):
    """The state of a context as a coloured word, or that it is not published here."""

    def render(self, record):
        return catalogue.context_state(record)

    def value(self, record):
        return _state(record) or "not published"


def _state(record) -> str | None:
    """State of the context of a history entry or of a file."""
    return record.file_state if isinstance(record, ContextHistory) else record.state


class ContextPickColumn(PickColumn):
    """A box to tick, for contexts that can be compared."""

    def render(self, value, record):
        return super().render(value) if _state(record) else ""


class History(Table):
    start_date = TimeColumn(verbose_name="Start Date", orderable=True)
    context = ContextColumn(verbose_name="Context")
    status = ContextStateColumn(verbose_name="Status", empty_values=())
    description = LongTextColumn(verbose_name="Description")
    diff = ContextPickColumn(accessor="context", verbose_name="diff")

    class Meta(Table.Meta):
        empty_text = "No context has been the latest yet."


class WordsFilter(TextFilter):
    """Rows of which one of ``fields`` has all the words, in any case.

    By comparison of lower case texts: the collation of MariaDB tells cases apart.
    """

    def __init__(self, *fields: str, **kwargs):
        super().__init__(help_text="words", **kwargs)
        self.fields = fields

    def filter(self, qs, value):
        for word in (value or "").lower().split():
            found = Q()
            for field in self.fields:
                qs = qs.alias(**{f"lower_{field}": Lower(field)})
                found |= Q(**{f"lower_{field}__contains": word})
            qs = qs.filter(found)
        return qs


class HistoryFilters(Filters):
    context = GlobFilter(label="Context", help_text="name or pattern")
    description = WordsFilter("description", label="Description")
    start = MomentFilter(field_name="start_date", lookup_expr="gte", label="Since")
    stop = MomentFilter(field_name="start_date", lookup_expr="lt", label="Before")

    class Meta:
        model = ContextHistory
        fields = ()


class AllContexts(Table):
    delivery_date = TimeColumn(verbose_name="Delivery Date", orderable=True)
    context = ContextColumn(accessor="name", verbose_name="Context")
    status = ContextStateColumn(accessor="state", verbose_name="Status")
    activation_date = TimeColumn(verbose_name="Latest Since", orderable=True)
    description = LongTextColumn(verbose_name="Description", empty_values=())
    diff = ContextPickColumn(accessor="name", verbose_name="diff")

    class Meta(Table.Meta):
        empty_text = "No context has been delivered yet."

    def render_description(self, record):
        return formats.long_text(record.description or record.why)

    def value_description(self, record):
        return record.description or record.why


class AllContextsFilters(Filters):
    context = GlobFilter(field_name="name", label="Context", help_text="name or pattern")
    description = WordsFilter("description", "why", label="Description")
    state = Choice(choices=[c for c in FileState.choices if c[0] != FileState.UPLOADED],
                   label="Status")
    start = MomentFilter(field_name="delivery_date", lookup_expr="gte", label="Delivered since")
    stop = MomentFilter(field_name="delivery_date", lookup_expr="lt", label="Delivered before")

    class Meta:
        model = CatalogFile
        fields = ()


class Builds(Table):
    cal_ver = TextColumn(verbose_name="Cal Ver")
    context = ContextColumn(accessor="context__name", verbose_name="Context")
    changed_at = TimeColumn(verbose_name="Set")
    reason = LongTextColumn(verbose_name="Reason")

    class Meta(Table.Meta):
        empty_text = ("No context is tied to a version of the calibration software. Clients that"
                      " ask for one are given the latest context.")

    def render_cal_ver(self, value):
        return catalogue.release_link(value)

    def render_context(self, record):
        return catalogue.context_link(record.context.name, record.context.state)
