"""How pages show catalogue values: times, names of files, the guide's address."""

from __future__ import annotations

from functools import cache, partial

from django import template
from django.conf import settings
from django.contrib.staticfiles import finders
from django.urls import NoReverseMatch, reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import mark_safe

from common import formats
from interactive import links
from interactive.models import FileState

register = template.Library()

GUIDE = "users_guide/index.html"


register.filter(formats.utc)
register.filter(formats.day)
register.filter(formats.long_text)

#: How the states of files are coloured.
STATE_TONES = {
    FileState.LATEST: "latest",
    FileState.ARCHIVED: "good",
    FileState.ARCHIVING_FAILED: "bad",
}


@register.simple_tag
def file_link(name: str):
    """Name of a catalogue file, linked to its page."""
    try:
        address = reverse("browse", args=[name]) if name else ""
    except NoReverseMatch:
        # Findings also name what cannot be a file.
        address = ""
    if not address:
        return format_html('<span class="file">{}</span>', name or "none")
    return format_html('<a class="file" href="{}">{}</a>', address, name)


@register.simple_tag
def download_link(name: str, stored: bool = True, text: str = "download"):
    """Link to the bytes of a file, or a note that they are not kept here."""
    if not stored:
        return mark_safe('<span class="muted">not stored here</span>')
    return format_html('<a href="{}" download>{}<span class="hidden-text"> {}</span></a>',
                       links.download_address(name), text, name)


@register.simple_tag
def state_tag(file):
    """State of ``file`` (a catalogue file or a dictionary of its fields), and whether it is bad."""
    value = file.get if isinstance(file, dict) else partial(getattr, file)
    state = value("state")
    tags = [(STATE_TONES.get(state, ""), state)]
    tags += [("bad", flag) for flag in ("rejected", "blacklisted") if value(flag)]
    return format_html_join(" ", '<span class="tag {}">{}</span>', tags)


@register.simple_tag
def guide_address() -> str:
    """Address of the user guide, empty where it was not built."""
    # Not through static(): the client prints this address, so it carries no digest.
    return f"{settings.STATIC_URL}{GUIDE}" if _guide_built() else ""


@cache
def _guide_built() -> bool:
    return (settings.STATIC_ROOT / GUIDE).is_file() or bool(finders.find(GUIDE))
