"""Tables of runs, and of datasets with other references."""

from __future__ import annotations

import django_tables2 as tables
from django.urls import reverse
from django.utils.html import format_html

from common.lists import NumberColumn, Table, TextColumn, TimeColumn
from interactive.columns import FileColumn

from ..models import AffectedRun, RunState

#: Colours of states, beside their words.
COLOURS = {RunState.DONE: "good", RunState.FAILED: "bad", RunState.CANCELLED: "warn"}


def state_tag(run: AffectedRun) -> str:
    """The state of a run as a coloured word."""
    colour, text = COLOURS.get(run.state, ""), run.state
    if run.state == RunState.DONE and run.errors:
        colour, text = "warn", "done, with errors"
    return format_html('<span class="tag {}">{}</span>', colour, text)


class RunTable(Table):
    old_context = TextColumn(verbose_name="From")
    new_context = TextColumn(verbose_name="To")
    state = TextColumn()
    products = NumberColumn(verbose_name="Products")
    affected = NumberColumn(verbose_name="Datasets")
    errors = NumberColumn()
    reason = TextColumn(verbose_name="Why")
    created = TimeColumn(verbose_name="Asked for", orderable=True)
    seconds = tables.Column(verbose_name="Seconds")

    class Meta(Table.Meta):
        model = AffectedRun
        fields = ("old_context", "new_context", "state", "products", "affected", "errors",
                  "reason", "created", "seconds")
        empty_text = "Nothing was compared yet."

    def render_old_context(self, value, record):
        return self._link(value, record)

    def render_new_context(self, value, record):
        return self._link(value, record)

    def _link(self, value, record):
        return format_html(
            '<a class="file" href="{}">{}</a>',
            reverse("affected_result", args=[record.old_context, record.new_context]), value)

    def render_state(self, record):
        return state_tag(record)

    def render_reason(self, record):
        return record.get_reason_display()

    def value_reason(self, record):
        return record.reason

    def render_seconds(self, value):
        return f"{value:,.1f}"

    def value_seconds(self, value):
        return round(value, 3)


class UpdateTable(Table):
    id = TextColumn(verbose_name="Dataset", attrs={"td": {"class": "id"}})
    instrument = TextColumn()
    filekind = TextColumn(verbose_name="Type")
    old = FileColumn(verbose_name="Old reference")
    new = FileColumn(verbose_name="New reference")
    status = TextColumn()

    class Meta(Table.Meta):
        empty_text = "No dataset gets another reference."

    def render_old(self, value):
        return _reference(value)

    render_new = render_old

    def value_old(self, value):
        return value

    value_new = value_old

    def value_status(self, value):
        return value

    def render_status(self, value):
        return value if value == "affected" else format_html(
            '<span class="tag warn" title="Selection fails for another type of this dataset">'
            "{}</span>", value)


def _reference(value: str):
    from interactive.templatetags import catalogue

    if value in ("N/A", "UNDEFINED") or value.startswith("NOT FOUND"):
        return format_html('<span class="muted">{}</span>', value)
    return catalogue.file_link(value)
