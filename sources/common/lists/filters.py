"""Filters of lists: read from the address, checked, and shown as a form.

An empty field and ``*`` both mean "ignore this field", as in the original forms.
"""

from __future__ import annotations

import django_filters
from django import forms
from django.forms.utils import flatatt
from django.http import QueryDict
from django.utils.html import format_html, format_html_join
from django.utils.safestring import mark_safe

from common import dates, globs
from common.errors import BadRequest

MAX_LENGTH = 256


class Filters(django_filters.FilterSet):
    """The filters of one list; fields appear in the form in the order of the class."""

    def __init__(self, data=None, *args, **kwargs):
        super().__init__(_without_ignored(data), *args, **kwargs)

    @property
    def active(self) -> list[tuple[str, str]]:
        """(label, value) of the filters that are set."""
        return [(self.form.fields[name].label or name, value)
                for name, value in self.data.items() if name in self.form.fields]


def _without_ignored(data) -> QueryDict:
    kept = QueryDict(mutable=True)
    for name, values in (data.lists() if data else ()):
        values = [value for value in values if value.strip() not in ("", "*")]
        if values:
            kept.setlist(name, values)
    return kept


class MomentField(forms.CharField):
    """A date or a time in ISO form, UTC; script adds a picker to it."""

    def __init__(self, **kwargs):
        # Arguments of the filter that mean nothing to a field of text.
        kwargs.pop("null_label", None)
        super().__init__(**{
            "max_length": 40,
            "widget": forms.TextInput(attrs={
                "data-picker": "", "placeholder": "YYYY-MM-DD", "autocomplete": "off",
                "size": 12}),
            **kwargs})

    def clean(self, value):
        text = super().clean(value)
        if not text:
            return None
        try:
            return dates.parse(text)
        except (BadRequest, OverflowError) as exc:
            raise forms.ValidationError(
                "This is not a date. Write YYYY-MM-DD or YYYY-MM-DDTHH:MM:SS (UTC).") from exc


class MomentFilter(django_filters.Filter):
    """Compares with a moment; say how by ``lookup_expr`` (gte, lt …)."""

    field_class = MomentField


class TextFilter(django_filters.CharFilter):
    """A text that can be printed."""

    def __init__(self, *args, **kwargs):
        kwargs.setdefault("max_length", MAX_LENGTH)
        super().__init__(*args, **kwargs)


class GlobFilter(TextFilter):
    """A name or a pattern; ``*`` stands for any text, ``?`` for one character."""

    def filter(self, qs, value):
        return globs.matching(qs, self.field_name, value) if value else qs


class Select(forms.Select):
    """Renders its options at once: hundreds of them by templates take longer than a page."""

    def render(self, name, value, attrs=None, renderer=None):
        context = self.get_context(name, value, attrs)["widget"]
        options = format_html_join("", '<option value="{}"{}>{}</option>', (
            (option["value"] or "", mark_safe(" selected") if option["selected"] else "",
             option["label"])
            for _, group, _ in context["optgroups"] for option in group))
        return format_html('<select name="{}"{}>{}</select>', name,
                           flatatt(context["attrs"]), options)


class Choice(django_filters.ChoiceFilter):
    """One of several values, ``*`` first."""

    def __init__(self, *args, **kwargs):
        kwargs.setdefault("widget", Select)
        kwargs.setdefault("empty_label", "*")
        super().__init__(*args, **kwargs)
