"""How pages show values: times in UTC, long texts, a dash for nothing."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from django.utils.html import format_html
from django.utils.safestring import mark_safe

NOTHING = mark_safe('<span class="nothing">&ndash;</span>')

#: ISO form of times in attributes and downloads.
ISO = "%Y-%m-%dT%H:%M:%SZ"

#: Characters that XML cannot hold.
_NOT_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff\ufffe\uffff]")

#: Longest text that is shown without a click.
SHORT = 160


def utc(moment: datetime | None):
    """``moment`` as ``<time>`` in UTC to the second; a dash for none."""
    if not moment:
        return NOTHING
    moment = moment.astimezone(UTC)
    return format_html('<time datetime="{}">{}</time>', moment.strftime(ISO),
                       moment.strftime("%Y-%m-%d %H:%M:%S"))


def day(moment: datetime | None):
    """``moment`` as ``<time>``, the day only; its title has the time."""
    if not moment:
        return NOTHING
    moment = moment.astimezone(UTC)
    return format_html('<time datetime="{}" title="{} UTC">{}</time>', moment.strftime(ISO),
                       moment.strftime("%Y-%m-%d %H:%M:%S"), moment.strftime("%Y-%m-%d"))


def iso(moment: datetime | None) -> str | None:
    """``moment`` as downloads write it."""
    return moment.astimezone(UTC).strftime(ISO) if moment else None


def xml_text(text: str) -> str:
    """``text`` with blanks in place of what XML cannot hold, escaped or not."""
    return _NOT_XML.sub(" ", text)


def long_text(text: str | None):
    """``text`` whole if it is short, else its beginning, with the whole behind a click."""
    text = (text or "").strip()
    if not text:
        return NOTHING
    first = text.splitlines()[0].strip()
    if first == text and len(text) <= SHORT:
        return text
    if len(first) > SHORT:
        first = first[:SHORT].rsplit(" ", 1)[0] + " …"
    return format_html(
        '<details class="long"><summary>{}</summary><div class="long-text">{}</div></details>',
        first, text)
