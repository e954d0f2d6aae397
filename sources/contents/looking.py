"""From a file to its description: the reader is chosen by the name."""

from __future__ import annotations

import re
from pathlib import Path

from .parts import Workshop

#: Beginnings of names' endings and what people call the format.
FORMATS = (
    (re.compile(r"\.fits?(\.gz)?$"), "FITS"),
    (re.compile(r"\.asdf$"), "ASDF"),
    (re.compile(r"\.json$"), "JSON"),
    (re.compile(r"\.ya?ml$"), "YAML"),
    (re.compile(r"\.[a-z]\dh$"), "GEIS"),
    (re.compile(r"\.[a-z]\dd$"), "GEIS data"),
)


def format_of(name: str) -> str:
    """What people call the format of the file ``name``: FITS, ASDF, …; text if unknown."""
    return next((form for ending, form in FORMATS if ending.search(name.lower())), "text")


def describe(path: Path, name: str, shop: Workshop, data: Path | None = None) -> dict:
    """What is in the file at ``path``, known as ``name``; pictures go to the workshop's gallery.

    ``data`` is the second half of a GEIS pair.  The description is what JSON can hold.
    """
    form = format_of(name)
    size = path.stat().st_size
    parts = _read(form, path, shop, data)
    return {"format": form, "size": size, "faults": shop.faults, "notes": shop.notes,
            "parts": parts}


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
