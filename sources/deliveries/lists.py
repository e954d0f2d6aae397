"""The list of deliveries: columns and filters."""

from __future__ import annotations

from django.db.models import Count, OuterRef, Subquery
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import mark_safe

from common.lists import (
    Choice,
    Filters,
    GlobFilter,
    LongTextColumn,
    MomentFilter,
    NumberColumn,
    Table,
    TextColumn,
    TimeColumn,
)
from interactive.models import Delivery, DeliveryFile, DeliveryState

from .models import Watch
from .services import watching

TAGS = {DeliveryState.ARCHIVED: "good", DeliveryState.FAILED: "bad",
        DeliveryState.ARCHIVING: "latest"}


def rows():
    """Deliveries, newest first, with their number of files and what is to be decided."""
    files = (DeliveryFile.objects.filter(delivery=OuterRef("pk")).order_by()
             .values("delivery").annotate(number=Count("pk")).values("number"))
    problem = Watch.objects.filter(delivery=OuterRef("pk")).values("problem")[:1]
    return Delivery.objects.annotate(
        file_count=Subquery(files), problem=Subquery(problem)).order_by("-number")


def state_tag(state: str):
    return format_html('<span class="tag {}">{}</span>', TAGS.get(state, ""), state)


class CatalogColumn(TextColumn):
    """The delivery's name, linked to its page."""

    def render(self, value):
        return format_html('<a class="file" href="{}">{}</a>', reverse("delivery", args=[value]),
                           value)


class StateColumn(TextColumn):
    """How far it is, and whether somebody has to look."""

    def render(self, record):
        marks = ""
        if record.problem:
            marks = mark_safe(' <span class="tag bad">to decide</span>')
        elif watching.is_stuck(record):
            marks = mark_safe(' <span class="tag warn">does not move</span>')
        return format_html("{}{}", state_tag(record.state), marks)

    def value(self, value):
        return value


class Deliveries(Table):
    created_at = TimeColumn(verbose_name="Date")
    catalog = CatalogColumn(verbose_name="Catalog")
    state = StateColumn(verbose_name="State")
    file_count = NumberColumn(verbose_name="Files")
    user = TextColumn(verbose_name="Submitter")
    changed_at = TimeColumn(verbose_name="State Since")
    description = LongTextColumn(verbose_name="Description")

    class Meta(Table.Meta):
        empty_text = "No delivery fits these filters."


class DeliveryFilters(Filters):
    state = Choice(label="State", choices=DeliveryState.choices)
    catalog = GlobFilter(label="Catalog", help_text="name or pattern")
    user = GlobFilter(label="Submitter", help_text="name or pattern")
    file = GlobFilter(field_name="files__name", label="Contains file", help_text="a name",
                      method="containing")
    start = MomentFilter(field_name="created_at", lookup_expr="gte", label="Since")
    stop = MomentFilter(field_name="created_at", lookup_expr="lt", label="Before")

    class Meta:
        model = Delivery
        fields = ()

    def containing(self, queryset, name, value):
        of = DeliveryFile.objects.filter(file__name=value).values("delivery")
        return queryset.filter(pk__in=of)
