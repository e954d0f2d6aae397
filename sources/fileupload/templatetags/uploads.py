"""What the upload panel needs besides its draft."""

from __future__ import annotations

from django import template
from django.urls import reverse

from ..services import drafts, incoming, space

register = template.Library()


@register.simple_tag
def upload_content(draft) -> dict:
    """Files of ``draft`` in units, odd things, and their number and size."""
    files, strange = incoming.look(draft)
    units = incoming.units([each for each in files if not each.upload])
    return {
        "units": units, "strange": strange, "waiting": [each for each in files if each.upload],
        "count": sum(len(unit.files) for unit in units),
        "size": sum(unit.size for unit in units),
        "incomplete": [unit.missing for unit in units if unit.missing],
    }


@register.simple_tag
def upload_address(draft, action: str) -> str:
    """Address of the page ``action`` of ``draft``."""
    return reverse(action, args=[draft.name or drafts.DEFAULT])


@register.filter
def draft_name(draft) -> str:
    """The name of ``draft`` in addresses."""
    return draft.name or drafts.DEFAULT


#: Sizes with units of a thousand, as quotas and disks have them.
register.filter("bytes", space.human)


@register.filter
def hexadecimal(raw: bytes) -> str:
    return raw.hex()
