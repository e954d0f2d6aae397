"""Kinds of columns: ``render`` makes HTML, ``value`` what downloads contain."""

from __future__ import annotations

import django_tables2 as tables

from common import formats


class TextColumn(tables.Column):
    """Plain text; empty text counts as nothing."""

    empty_values = (None, "")

    def value(self, value):
        return value


class LongTextColumn(TextColumn):
    """Text of several lines: the first of them, the rest behind a click."""

    def __init__(self, **kwargs):
        super().__init__(**{"attrs": {"td": {"class": "wide"}}, **kwargs})

    def render(self, value):
        return formats.long_text(value)


class NumberColumn(tables.Column):
    """A number, to the right."""

    def __init__(self, **kwargs):
        super().__init__(**{
            "attrs": {"td": {"class": "number"}, "th": {"class": "number"}}, **kwargs})

    def render(self, value):
        return f"{value:,}"

    def value(self, value):
        return value


class TimeColumn(tables.Column):
    """A moment to the second, UTC."""

    def render(self, value):
        return formats.utc(value)

    def value(self, value):
        return formats.iso(value)


class DayColumn(TimeColumn):
    """A moment of which the day is shown; the time is in its title and in downloads."""

    def render(self, value):
        return formats.day(value)
