"""From a file to its description: the reader is chosen by the name."""

from __future__ import annotations

import logging
import re
from pathlib import Path

from .parts import Workshop
from .words import number, size

log = logging.getLogger(__name__)

#: Endings of the two halves of a GEIS pair.
GEIS_HEADER, GEIS_DATA = re.compile(r"\.[a-z]\dh$"), re.compile(r"\.[a-z]\dd$")

#: Endings of names, and what people call the format.
FORMATS = (
    (re.compile(r"\.fits?(\.gz)?$"), "FITS"),
    (re.compile(r"\.asdf$"), "ASDF"),
    (re.compile(r"\.json$"), "JSON"),
    (re.compile(r"\.ya?ml$"), "YAML"),
    (GEIS_HEADER, "GEIS"),
    (GEIS_DATA, "GEIS"),
)


def format_of(name: str) -> str:
    """What people call the format of the file ``name``: FITS, ASDF, …; text if unknown."""
    return next((form for ending, form in FORMATS if ending.search(name.lower())), "text")


def describe(path: Path, name: str, shop: Workshop, data: Path | None = None) -> dict:
    """What is in the file at ``path``, known as ``name``; pictures go to the workshop's gallery.

    ``data`` is the second half of a GEIS pair.  The description is what JSON can hold.
    """
    form = format_of(name)
    try:
        parts = _read(form, path, shop, data)
    except MemoryError:
        raise
    except Exception as exc:
        # Whatever a damaged file leads a library to: people are told, the log has the rest.
        log.exception("%s cannot be read", name)
        # The text of a system's error names the place of the file; its reason is enough.
        reason = getattr(exc, "strerror", None) or f"{type(exc).__name__}: {exc}"
        shop.faults.append(f"The file cannot be read: {reason}"[:400])
        parts = []
    both = [path, data] if data and data.is_file() else [path]
    return {"format": form, "size": sum(each.stat().st_size for each in both),
            "faults": shop.faults, "notes": shop.notes, "parts": parts}


def _read(form: str, path: Path, shop: Workshop, data: Path | None) -> list[dict]:
    from .reading import asdf, fits, geis, text

    if form == "FITS":
        return fits.parts(path, shop)
    if form == "ASDF":
        return asdf.parts(path, shop)
    if form == "JSON":
        return text.json_parts(path, shop)
    if form == "YAML":
        return text.yaml_parts(path, shop)
    if form == "GEIS":
        return geis.parts(path, shop, data)
    return text.parts(path, shop)


def summary(part: dict) -> dict:
    """What an overview needs of a part."""
    content = part.get("image") or part.get("table") or {}
    return {
        "number": part["number"], "title": part["title"], "kind": part["kind"],
        "about": _about(part), "fault": part["fault"], "thumbnail": content.get("thumbnail"),
    }


def _about(part: dict) -> str:
    """One line: how large it is."""
    if part["kind"] == "image":
        image = part["image"] or {}
        return f"{size(image['shape'])} {image['type']}" if image else "image"
    if part["kind"] == "table":
        table = part["table"]
        if not table:
            return "table"
        return f"{_many(table['rows'], 'row')}, {_many(len(table['columns']), 'column')}"
    if part["kind"] == "tree":
        return f"{_many(part['tree'].get('count', 1), 'entry', 'entries')}"
    if part["kind"] == "text":
        return _many(part["lines"], "line")
    return _many(len(part.get("cards", [])), "card")


def _many(count: int, one: str, several: str = "") -> str:
    return f"{number(count)} {one if count == 1 else several or one + 's'}"
