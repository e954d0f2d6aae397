"""How pages write patterns, marks and places of rules."""

from __future__ import annotations

from django import template
from django.urls import NoReverseMatch, reverse
from django.utils.html import format_html

from interactive.services.file_page import rule_text
from interactive.templatetags.catalogue import file_link
from rules.explaining.model import Cell, Mark
from rules.explaining.wording import short

register = template.Library()

#: Longest pattern that is shown whole.
LONGEST = 28

SIGNS = {
    Mark.MATCHED: ("✓", "matches"),
    Mark.NEUTRAL: ("○", "neutral"),
    Mark.FAILED: ("✗", "fails"),
}

register.filter("short_parameter", short)


@register.filter
def pattern(cell: Cell) -> str:
    """The pattern of a cell, as short as a table needs it."""
    text = cell.pattern or "blank"
    if len(text) <= LONGEST:
        return text
    parts = text.split("|")
    if len(parts) == 1:
        return text[:LONGEST - 1] + "…"
    if cell.mark is Mark.MATCHED and cell.value in parts:
        return f"{cell.value} (one of {len(parts)})"
    return f"{parts[0]}, {parts[1]}… ({len(parts)})"


@register.filter
def sign(cell: Cell) -> str:
    return SIGNS[cell.mark][0]


@register.filter
def sign_word(cell: Cell) -> str:
    return SIGNS[cell.mark][1]


@register.simple_tag
def choice_link(choice: str):
    """A file that rules name, linked to its page; N/A and the like as they are."""
    if "." in choice and choice.isprintable() and " " not in choice:
        return file_link(choice)
    return format_html('<span class="mono">{}</span>', choice)


@register.simple_tag
def rule_line(rules: str, line: int | None):
    """A link to one line of a rule file, empty where neither is known."""
    if not rules or not line:
        return ""
    page = (line - 1) // rule_text.PAGE + 1
    try:
        address = reverse("browse_part", args=[rules, "contents"])
    except NoReverseMatch:  # rules that are read from elsewhere than the catalogue
        return format_html('<span class="muted">line {}</span>', line)
    return format_html('<a href="{}?page={}#L{}">line {}</a>', address, page, line, line)
