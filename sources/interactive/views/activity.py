"""What happened to the catalogue lately."""

from __future__ import annotations

import re
from collections.abc import Iterator

from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from common.formats import NOTHING
from common.lists import (
    GlobFilter,
    LongTextColumn,
    MomentFilter,
    Table,
    TextColumn,
    TimeColumn,
    list_response,
)
from interactive.columns import FileColumn
from interactive.models import AuditRecord
from interactive.services import activity, columns
from interactive.services.activity import ActivityFilter
from interactive.templatetags import catalogue

from .browse_db import as_address
from .catalogue_filters import Catalogued, CatalogueFilters, extensions, filekinds, instruments

#: Values of one detail that are shown; the rest is in downloads.
SHOWN = 20

SUBMISSION = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
NAME = re.compile(r"[A-Za-z0-9_][\w.-]*\.[A-Za-z0-9]+")


def detail_texts(details) -> Iterator[tuple[str, list[str]]]:
    """Name and values of each detail, as people read them."""
    if not isinstance(details, dict):
        details = {"": details}
    for name, value in details.items():
        if value in (None, "", [], {}):
            continue
        if isinstance(value, dict):
            values = [f"{key}: {_plain(part)}" for key, part in value.items()]
        elif isinstance(value, (list, tuple)):
            values = [_plain(part) for part in value]
        else:
            values = [_plain(value)]
        yield str(name).replace("_", " "), values


def _plain(value) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, dict):
        return ", ".join(f"{key}: {_plain(part)}" for key, part in value.items())
    if isinstance(value, (list, tuple)):
        return ", ".join(map(_plain, value))
    return "none" if value is None else str(value)


class DetailsColumn(TextColumn):
    """Details of an act as text, with names of files linked."""

    def __init__(self, **kwargs):
        super().__init__(**{"attrs": {"td": {"class": "details-cell"}},
                            "empty_values": (None, "", {}, []), **kwargs})

    def render(self, value):
        items = [(format_html("{}: ", name) if name else "",
                  _submission(values[0]) if name == "submission" else self._values(values))
                 for name, values in detail_texts(value)]
        if not items:
            return NOTHING
        return format_html("<ul>{}</ul>", format_html_join("", "<li>{}{}</li>", items))

    def _values(self, values: list[str]):
        more = f" and {len(values) - SHOWN:,} more" if len(values) > SHOWN else ""
        known = self._files(values[:SHOWN])
        shown = format_html_join(", ", "{}", (
            (catalogue.file_link(value) if value in known else value,)
            for value in values[:SHOWN]))
        return format_html("{}{}", shown, more)

    def _files(self, values: list[str]) -> set[str]:
        names = [value for value in values if NAME.fullmatch(value)]
        keys = columns.current_or_last().keys_of(names)
        return {name for name, key in zip(names, keys.tolist(), strict=True) if key >= 0}

    def value(self, value):
        return "; ".join(
            f"{name}: {', '.join(values)}" if name else ", ".join(values)
            for name, values in detail_texts(value))


def _submission(value: str):
    """The id of a submission, linked to its results."""
    if not SUBMISSION.fullmatch(value):
        return value
    return format_html('<a href="{}">{}</a>', reverse("display_result", args=[value]), value)


class ActivityTable(Table):
    date = TimeColumn(verbose_name="Date", orderable=True)
    file = FileColumn(verbose_name="Filename")
    action = TextColumn(verbose_name="Action", attrs={"td": {"class": "act"}})
    why = LongTextColumn(verbose_name="Why")
    details = DetailsColumn(verbose_name="Details")

    class Meta(Table.Meta):
        order_by = "-date"
        empty_text = "Nothing is recorded that fits these filters."


def _actions() -> list[tuple[str, str]]:
    return [(name, name) for name in activity.actions()]


class ActivityFilters(CatalogueFilters):
    action = Catalogued(label="Action", choices=_actions)
    extension = Catalogued(label="Extension", choices=extensions)
    instrument = Catalogued(label="Instrument", choices=instruments)
    filekind = Catalogued(label="Reference type", choices=filekinds)
    filename = GlobFilter(field_name="file", label="Filename")
    start_date = MomentFilter(field_name="date", label="Start date")
    stop_date = MomentFilter(field_name="date", label="Stop date")

    class Meta:
        model = AuditRecord
        fields = ()

    def filter_queryset(self, queryset):
        """The rows by arrays of the log, not by a query."""
        wanted = self.form.cleaned_data
        return activity.rows(ActivityFilter(
            action=wanted["action"] or None,
            extension=wanted["extension"] or None,
            instrument=wanted["instrument"] or None,
            filekind=wanted["filekind"] or None,
            name=wanted["filename"] or None,
            since=wanted["start_date"],
            until=self.until(),
        ))


@csrf_exempt
@require_http_methods(["GET", "HEAD", "POST"])
def recent_activity(request):
    """The audit trail; of contexts alone until a filter is set, with those not yet latest."""
    if request.method == "POST":
        return as_address(request, "recent_activity")
    plain = not any(name in request.GET for name in ActivityFilters.base_filters)
    return list_response(
        request, rows=AuditRecord.objects.none(), table=ActivityTable, filters=ActivityFilters,
        name="activity", template="interactive/recent_activity.html",
        waiting=activity.not_yet_latest() if plain else [])
