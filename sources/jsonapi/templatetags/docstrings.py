"""Docstrings on pages."""

from __future__ import annotations

import re

from django import template
from django.utils.html import conditional_escape, format_html_join
from django.utils.safestring import mark_safe

register = template.Library()

LITERAL = re.compile(r"``(.+?)``", re.DOTALL)


@register.filter
def docstring(text: str) -> str:
    """``text`` as paragraphs, with literals in the type of code."""
    paragraphs = [" ".join(part.split()) for part in text.split("\n\n")]
    return format_html_join("", "<p>{}</p>", ((_literals(p),) for p in paragraphs))


def _literals(text: str) -> str:
    return mark_safe(LITERAL.sub(r"<code>\1</code>", conditional_escape(text)))
