"""Whether confirmed files are handed to the archive.

The site configuration says it (``ARCHIVING``); a file ``archiving`` beside it, which
``tools/archive_poller --on`` writes, overrides that at once and for all processes.
"""

from __future__ import annotations

from pathlib import Path

from django.conf import settings

from common.errors import BadRequest
from interactive.services import store


def is_on() -> bool:
    try:
        text = _file().read_text().strip()
    except OSError:
        text = ""
    return (text or settings.ARCHIVING) == "on"


def turn(state: str) -> None:
    """``on``, ``off``, or ``site``: as the site configuration says."""
    if state == "site":
        _file().unlink(missing_ok=True)
    elif state in ("on", "off"):
        store.write_text(_file(), state + "\n")
    else:
        raise BadRequest(f"Archiving can be turned on, off or to site, not {state!r}.")


def _file() -> Path:
    return settings.INSTANCE.conf / "archiving"
