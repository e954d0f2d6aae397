"""What is inside a published reference: made once by a job, kept by checksum."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from common.errors import NotFound
from interactive.models import CatalogFile
from interactive.services import store
from jobs import kept

from . import rows
from .looking import GEIS_DATA, GEIS_HEADER, format_of

KIND = "contents"

#: Raised when descriptions or pictures of the same file would come out differently.
VERSION = 3

#: Rows of a table on one page.
PAGE = 25

PICTURE = re.compile(r"[a-z0-9][a-z0-9-]{0,60}")


@dataclass(frozen=True)
class Page:
    """Rows ``first`` to ``last`` of a table, counted from 1, as texts.

    Each row is its number and its cells, each with whether it is a single number.
    """

    number: int
    pages: int
    first: int
    last: int
    total: int
    rows: list[tuple[int, list[tuple[str, bool]]]]


def published(name: str) -> CatalogFile:
    """The published file ``name``; NotFound if there is none."""
    row = None
    if len(name) <= 128 and name.isprintable():
        row = CatalogFile.objects.published().filter(name=name).first()
    if row is None:
        raise NotFound(
            f"There is no published file '{name[:128]}'. Names are case-sensitive.")
    return row


# ---- the kept description ------------------------------------------------


def obtain(row: CatalogFile) -> kept.Kept:
    """The description of a stored file, or the job that makes it; it is submitted if need be.

    NotFound for a file that is not stored here.
    """
    if not row.stored or store.location(row.name) is None:
        raise NotFound(not_stored(row))
    return kept.obtain(KIND, key(row), {"name": row.name})


def find(row: CatalogFile) -> kept.Kept:
    """As :func:`obtain`, without making anything."""
    return kept.find(KIND, key(row))


def not_stored(row: CatalogFile) -> str:
    return (f"'{row.name}' is in the catalogue but not stored here, so there is nothing to look"
            " into. Ask the server that this catalogue was copied from.")


def key(row: CatalogFile) -> str:
    """What the description depends on: the bytes, and the format that the name tells."""
    form = format_of(row.name).replace(" ", "-").lower()
    if row.sha1sum and not form.startswith("geis"):
        return f"{row.sha1sum}-{form}"
    # The halves of a GEIS pair have a checksum each; names are given to one content for ever.
    return re.sub(r"[^A-Za-z0-9._-]", "_", row.name)[:120]


def halves(name: str) -> tuple[str, str]:
    """The names of header and pixels of the GEIS pair to which ``name`` belongs."""
    return f"{name[:-1]}h", f"{name[:-1]}d"


def paths(name: str) -> tuple[str, Path | None, Path | None]:
    """The name to read, its stored file, and the second half of a GEIS pair."""
    if GEIS_HEADER.search(name) or GEIS_DATA.search(name):
        header, data = halves(name)
        return header, store.location(header), store.location(data)
    return name, store.location(name), None


# ---- parts, rows, pictures -----------------------------------------------


def part(found: kept.Kept, number: int) -> dict:
    """Part ``number`` of a ready description; NotFound if it has no such part."""
    return found.json(f"part-{number}.json")


def default_part(description: dict) -> int:
    """The part that is shown first: the first with data or a tree."""
    return next((part["number"] for part in description["parts"] if part["kind"] != "header"), 0)


def page_of_rows(file: CatalogFile, part: dict, number: int) -> Page:
    """Rows of the table in ``part`` on page ``number``; the nearest page if there is no such."""
    table = part.get("table")
    if not table:
        raise NotFound(f"{part['title']} of {file.name} is no table.")
    layout = table["layout"]
    total = layout["rows"] if layout else len(table["first_rows"])
    pages = max(1, -(-total // PAGE))
    number = min(max(1, number), pages)
    start = (number - 1) * PAGE
    stop = min(start + PAGE, total)
    cells = _cells(file, layout, start, stop) if layout else table["first_rows"][start:stop]
    single = [column["kind"] == "number" and not column["shape"] for column in table["columns"]]
    return Page(number, pages, start + 1 if total else 0, stop, total, [
        (row, list(zip(texts, single, strict=True)))
        for row, texts in enumerate(cells, start + 1)])


def _cells(file: CatalogFile, layout: dict, start: int, stop: int) -> list[list[str]]:
    path = store.location(file.name)
    if path is None:
        raise NotFound(not_stored(file))
    return rows.cells(path, layout, start, stop)


def picture(row: CatalogFile, name: str) -> Path:
    """The file of a picture that was made of ``row``; NotFound if there is none of that name."""
    found = find(row) if PICTURE.fullmatch(name) else None
    if found is None or not found.ready:
        raise NotFound(f"There is no picture '{name[:80]}' of {row.name}. Open its contents page.")
    return found.path(f"{name}.png")
