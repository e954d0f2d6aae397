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
from interactive.services import context_history

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
def context_link(name: str, state: str | None = ""):
    """Name of a context, linked to its table; plain where ``state`` says it is not published."""
    if state is None:
        return format_html('<span class="file">{}</span>', name)
    return format_html('<a class="file" href="{}">{}</a>',
                       reverse("context_table", args=[name]), name)


#: Pages about contexts in general: name of the address, and label.
CONTEXT_PAGES = (
    ("context_history", "History"),
    ("all_contexts", "All contexts"),
    ("build_contexts", "Build contexts"),
    ("timeline", "Timeline"),
)


@register.inclusion_tag("interactive/includes/context_pages.html", takes_context=True)
def context_pages(context):
    """Links between the pages about contexts."""
    return {"pages": CONTEXT_PAGES, "request": context.get("request")}


@register.simple_tag
def context_state(record):
    """State of the context of a history entry or file, or that it is not published here."""
    if not hasattr(record, "file_state"):
        return state_tag(record)
    if record.file_state is None:
        return mark_safe('<span class="tag warn" title="The history names this context, but its'
                         ' rules are not on this server">not published</span>')
    return state_tag({"state": record.file_state, "blacklisted": record.file_bad})


@register.simple_tag
def release_link(cal_ver: str):
    """A calibration version, linked to the description of its release on another site."""
    address = context_history.release_address(cal_ver)
    if not address:
        return format_html('<span class="number">{}</span>', cal_ver)
    return format_html('<a class="number" rel="external noopener" href="{}"'
                       ' title="Release of the calibration software (on another site)">{}</a>',
                       address, cal_ver)


@register.simple_tag
def guide_address() -> str:
    """Address of the user guide, empty where it was not built."""
    # Not through static(): the client prints this address, so it carries no digest.
    return f"{settings.STATIC_URL}{GUIDE}" if _guide_built() else ""


@cache
def _guide_built() -> bool:
    return (settings.STATIC_ROOT / GUIDE).is_file() or bool(finders.find(GUIDE))
