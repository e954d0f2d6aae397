"""How pages show the answers of lookups."""

from __future__ import annotations

from django import template
from django.urls import NoReverseMatch, reverse
from django.utils.html import format_html
from django.utils.safestring import mark_safe

from bestrefs.services.answers import Choice, Kind
from bestrefs.services.questions import Question
from common.formats import NOTHING

register = template.Library()

NOT_APPLICABLE = mark_safe('<span class="not-applicable">n/a</span>')


@register.simple_tag
def explain_address(question: Question, kind: str) -> str:
    """Address of the explanation of one type, empty while the site has none."""
    try:
        return f"{reverse('explain')}?{question.query()}{f'&type={kind}' if kind else ''}"
    except NoReverseMatch:
        return ""


@register.filter
def address(question: Question) -> str:
    """Permanent address of the answer to a question."""
    return f"{reverse('bestrefs')}?{question.query()}"


@register.filter
def explore_address(question: Question) -> str:
    """Address at which the parameters of a question can be changed."""
    return f"{reverse('bestrefs_explore')}?{question.query()}&change=1"


@register.filter
def swapped(question: Question) -> Question:
    """The question with its contexts the other way round."""
    return question.under(question.context2, question.context)


@register.filter
def short_id(label: str) -> str:
    """``EXPOSURE`` for ``EXPOSURE:EXPOSURE``, in tables where room counts."""
    product, _, exposure = label.partition(":")
    return product if product == exposure else label


@register.simple_tag
def cell(choice: Choice):
    """An answer in a table of thousands: its text alone, in a tone that says what it is."""
    if choice.kind is Kind.FILE:
        bad = choice.file is None or choice.file.is_bad
        return format_html('<span class="{}">{}</span>', "bad-file" if bad else "f", choice.text)
    if choice.kind is Kind.NOT_APPLICABLE:
        return NOT_APPLICABLE
    if choice.kind is Kind.FAILED:
        return format_html('<span class="lookup-error" title="{}">none</span>', choice.reason)
    return NOTHING
