"""REST API of what is inside files."""

from __future__ import annotations

from django.http import HttpRequest
from ninja import Field, Path, Router, Schema, Status

from common.errors import Unavailable
from interactive.api import FileName

from . import services

router = Router()

Value = bool | int | float | str | None


class Card(Schema):
    keyword: str = Field(description="Empty for a line that is only a title.")
    value: Value = Field(description="HISTORY and COMMENT: all lines that follow each other.")
    comment: str


class Statistics(Schema):
    count: int = Field(description="Pixels.")
    finite: int
    nan: int
    infinite: int
    zeros: int
    minimum: float | None
    maximum: float | None
    mean: float | None
    std: float | None
    median: float | None
    sigma: float | None = Field(description="1.4826 times the median absolute deviation.")
    limit: int | None = Field(description="Largest value of an integer type.")
    at_limit: int = Field(description="Pixels that have it.")
    sampled: int | None = Field(
        description="Pixels from which median and sigma were taken, if not all.")


class Bit(Schema):
    bit: int
    value: int
    name: str
    pixels: int
    share: float


class Flags(Schema):
    pixels: int = Field(description="Pixels with any flag.")
    share: float
    bits: list[Bit]


class Image(Schema):
    shape: list[int] = Field(description="Slowest axis first, as numpy has it.")
    type: str
    unit: str
    note: str
    statistics: Statistics | None
    flags: Flags | None


class Column(Schema):
    name: str
    format: str
    unit: str
    kind: str = Field(description="number, text, logical, complex, bits or variable")
    shape: list[int] = Field(description="Of one cell; empty for a single value.")
    minimum: float | None
    maximum: float | None
    missing: int
    distinct: int | None = Field(description="Different texts.")
    examples: list[str]


class Table(Schema):
    rows: int
    declared: int = Field(description="Rows that the header declares.")
    columns: list[Column]
    first_rows: list[list[str]] = Field(description="Cells of the first rows as texts.")


class Model(Schema):
    path: str
    name: str
    tag: str
    text: str


class Part(Schema):
    number: int
    title: str
    kind: str = Field(description="header, image, table, tree or text")
    fault: str = Field(description="What is wrong with it; empty if nothing is.")
    note: str
    cards: list[Card] | None = None
    image: Image | None = None
    table: Table | None = None
    tree: dict | None = Field(None, description="Nested nodes: key, kind, tag, value, children.")
    models: list[Model] | None = None
    text: str | None = Field(None, description="Beginning of a text.")


class Contents(Schema):
    name: str
    format: str
    size: int = Field(description="Bytes.")
    faults: list[str] = Field(description="What is wrong with the file.")
    notes: list[str]
    parts: list[Part]


class Progress(Schema):
    state: str
    progress: float | None = Field(description="From 0 to 1.")
    text: str


@router.get("/files/{name}/contents", response={200: Contents, 202: Progress},
            summary="What is inside a file", tags=["files"], url_name="file_contents")
def file_contents(request: HttpRequest, name: Path[FileName]):
    """Headers, images, tables and trees of a stored reference, with statistics.

    They are made when somebody asks first: until then the answer is 202 with the progress; ask
    again after a second.
    """
    row = services.published(name)
    found = services.obtain(row)
    if found.failed:
        raise Unavailable(f"The contents of '{name}' could not be read: {found.error}")
    if not found.ready:
        progress = found.progress
        return Status(202, {"state": progress["state"], "progress": progress["progress"],
                            "text": progress["progress_text"] or progress["note"]})
    description = found.json()
    return Status(200, {**description, "name": row.name, "parts": [
        services.part(found, part["number"]) for part in description["parts"]]})
