"""Lists of submissions."""

from __future__ import annotations

from django.urls import reverse
from django.utils.html import format_html

from common.lists import (
    Choice,
    Filters,
    LongTextColumn,
    MomentFilter,
    Table,
    TextColumn,
    TextFilter,
    TimeColumn,
)

from .models import Kind, State, Submission
from .services import questionnaire
from .templatetags.submissions import state_words


class StateColumn(TextColumn):
    """The state as a coloured word."""

    def render(self, value):
        word, colour = state_words(value)
        return format_html('<span class="tag {}">{}</span>', colour, word)


class ResultColumn(TextColumn):
    """What the submission does, linked to its results."""

    def render(self, record):
        return format_html('<a href="{}">{}</a>', reverse("display_result", args=[record.pk]),
                           record.get_kind_display())

    def value(self, record):
        return record.get_kind_display()


class DetailColumn(TextColumn):
    """The link to the record of a submission."""

    def render(self, record):
        return format_html(
            '<a href="{}" aria-label="Details of the submission of {}">details</a>',
            reverse("submission_detail", args=[record.pk]), f"{record.created_at:%Y-%m-%d %H:%M}")

    def value(self, record):
        return str(record.pk)


class ContextColumn(TextColumn):
    """The context that came of it, or the one it started from."""

    def render(self, record):
        if record.new_context:
            return format_html('<a class="file" href="{}">{}</a>',
                               reverse("browse", args=[record.new_context]), record.new_context)
        return format_html('<span class="muted">from <span class="file">{}</span></span>',
                           record.base_context)

    def value(self, record):
        return record.new_context or record.base_context


class Mine(Table):
    created_at = TimeColumn(verbose_name="Submitted", orderable=True)
    kind = ResultColumn(verbose_name="What", empty_values=())
    state = StateColumn(verbose_name="State")
    instrument = TextColumn(verbose_name="Instrument")
    context = ContextColumn(verbose_name="Context", empty_values=())
    description = LongTextColumn(verbose_name="Reason for delivery")

    class Meta(Table.Meta):
        model = Submission
        fields = ()
        order_by = "-created_at"
        empty_text = "You have not submitted anything yet. The forms are on the home page."


class History(Table):
    detail = DetailColumn(verbose_name="Detail", empty_values=())
    created_at = TimeColumn(verbose_name="Created", orderable=True)
    user = TextColumn(accessor="user__username", verbose_name="Deliverer")
    kind = ResultColumn(verbose_name="What", empty_values=())
    instrument = TextColumn(verbose_name="Instrument")
    state = StateColumn(verbose_name="Status")
    context = ContextColumn(verbose_name="Context", empty_values=())
    description = LongTextColumn(verbose_name="Reason for delivery")

    class Meta(Table.Meta):
        model = Submission
        fields = ()
        order_by = "-created_at"
        empty_text = "No submission fits these filters."


def _instruments() -> list[tuple[str, str]]:
    return [(name, name) for name in questionnaire.instruments()]


class HistoryFilters(Filters):
    instrument = Choice(choices=_instruments, label="Instrument")
    start_date = MomentFilter(field_name="created_at", lookup_expr="gte", label="Start date")
    stop_date = MomentFilter(field_name="created_at", lookup_expr="lt", label="Stop date")
    state = Choice(choices=[(state.value, state_words(state)[0]) for state in State],
                   label="Submission status")
    kind = Choice(choices=Kind.choices, label="What")
    user = TextFilter(field_name="user__username", label="Deliverer", help_text="user name")

    class Meta:
        model = Submission
        fields = ()
