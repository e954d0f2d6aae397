"""How pages show catalogue values: times, names of files, the guide's address."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cache

from django import template
from django.conf import settings
from django.contrib.staticfiles import finders
from django.utils.html import format_html
from django.utils.safestring import mark_safe

from interactive import links

register = template.Library()

NOTHING = mark_safe('<span class="nothing">&ndash;</span>')
GUIDE = "users_guide/index.html"


@register.filter
def utc(moment: datetime | None):
    """``moment`` as ``<time>`` in UTC to the second; a dash for None."""
    if moment is None:
        return NOTHING
    moment = moment.astimezone(UTC)
    return format_html(
        '<time datetime="{}">{}</time>',
        moment.strftime("%Y-%m-%dT%H:%M:%SZ"), moment.strftime("%Y-%m-%d %H:%M:%S"))


@register.filter
def day(moment: datetime | None):
    """``moment`` as ``<time>``, the day only; its title has the time."""
    if moment is None:
        return NOTHING
    moment = moment.astimezone(UTC)
    return format_html(
        '<time datetime="{}" title="{} UTC">{}</time>', moment.strftime("%Y-%m-%dT%H:%M:%SZ"),
        moment.strftime("%Y-%m-%d %H:%M:%S"), moment.strftime("%Y-%m-%d"))


@register.simple_tag
def file_link(name: str, stored: bool = True):
    """Name of a catalogue file, linked to what this server has of it."""
    address = links.download_address(name) if name and stored else ""
    if not address:
        return format_html('<span class="file" title="not stored here">{}</span>', name or "none")
    return format_html('<a class="file" href="{}">{}</a>', address, name)


@register.simple_tag
def guide_address() -> str:
    """Address of the user guide, empty where it was not built."""
    # Not through static(): the client prints this address, so it carries no digest.
    return f"{settings.STATIC_URL}{GUIDE}" if _guide_built() else ""


@cache
def _guide_built() -> bool:
    return (settings.STATIC_ROOT / GUIDE).is_file() or bool(finders.find(GUIDE))
