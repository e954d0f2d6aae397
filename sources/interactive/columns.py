"""Columns of lists that show catalogue values."""

from __future__ import annotations

import django_tables2 as tables
from django.utils.html import format_html

from common.lists import TextColumn
from interactive.templatetags import catalogue


class FileColumn(TextColumn):
    """The name of a catalogue file, linked to its page."""

    def render(self, value):
        return catalogue.file_link(value)


class StateColumn(TextColumn):
    """The state of a file as a coloured word; the record is a file or has its fields."""

    def render(self, value, record):
        return catalogue.state_tag(record)


class PickColumn(tables.Column):
    """A box to tick: two ticked rows are compared."""

    def __init__(self, **kwargs):
        marks = {"td": {"class": "pick"}, "th": {"class": "pick"}}
        super().__init__(**{"verbose_name": "Diff", "exclude_from_export": True,
                            "empty_values": (), "attrs": marks, **kwargs})

    def render(self, value):
        if not value:
            return ""
        return format_html(
            '<input type="checkbox" name="files" value="{}" aria-label="Compare {}">',
            value, value)
