"""Descriptions of FITS tables: what is in their columns, with pictures of the numbers."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from . import rows
from .drawing import curves
from .drawing.gallery import Gallery
from .words import label

#: Rows from which pictures are drawn; evenly spread when there are more.
SAMPLE_ROWS = 200_000

#: Rows and values of a row that an image of vectors shows.
MATRIX_ROWS, MATRIX_VALUES = 400, 2000

#: Rows of a table whose column is worth a small curve.
SPARK_ROWS = 8

#: Columns that get a picture.
PICTURES = 18

#: Different texts of a column that are counted, and those that are named.
DISTINCT, NAMED = 1000, 6

#: Rows of each block whose texts are counted.
TEXT_ROWS = 20_000

#: Columns over which others are naturally drawn, if their values rise.
NATURAL = re.compile(
    r"(?i)^(wave(length|len|s)?|wavelengths?|lambda|energy|freq(uency)?|mjd|time|phase|position"
    r"|counts)$")


@dataclass
class _Column:
    """What is gathered about one column."""

    layout: dict
    count: int = 0
    missing: int = 0
    minimum: float | None = None
    maximum: float | None = None
    texts: dict[str, int] = field(default_factory=dict)
    first_texts: list[str] = field(default_factory=list)
    all_texts: bool = True
    sample: list[np.ndarray] = field(default_factory=list)

    @property
    def name(self) -> str:
        return self.layout["name"]

    @property
    def unit(self) -> str:
        return self.layout["unit"]

    @property
    def axis(self) -> str:
        return label(self.name, self.unit)

    @property
    def is_constant(self) -> bool:
        return self.minimum is not None and self.minimum == self.maximum

    @property
    def values(self) -> np.ndarray:
        return np.concatenate(self.sample) if self.sample else np.empty((0, 0))

    def description(self) -> dict:
        column = self.layout
        found = {
            "name": self.name, "format": column["format"], "unit": self.unit,
            "kind": rows.kind(column), "repeat": column["repeat"],
            "shape": column["dims"] or ([column["repeat"]] if rows.is_vector(column) else []),
            "minimum": _plain(self.minimum), "maximum": _plain(self.maximum),
            "missing": self.missing, "distinct": None, "at_least": not self.all_texts,
            "examples": [],
        }
        if self.texts:
            found["distinct"] = len(self.texts)
            found["examples"] = sorted(self.texts, key=self.texts.get, reverse=True)[:NAMED]
        return found


def _plain(value):
    return value.item() if isinstance(value, np.generic) else value


def describe_table(path: Path, layout: dict, key: str, title: str, gallery: Gallery) -> dict:
    """Columns with their ranges, pictures of the numeric ones, and the layout for reading rows.

    ``key`` begins the names of the pictures.
    """
    columns = [_Column({**column, "kind": _kind(layout, column)}) for column in layout["columns"]]
    _gather(path, layout, columns)
    found = {
        "rows": layout["rows"], "declared": layout["declared"],
        "columns": [column.description() for column in columns],
        "pictures": [], "thumbnail": None, "layout": layout, "note": "",
    }
    for described, column in zip(found["columns"], columns, strict=True):
        described["kind"] = column.layout["kind"]
    _draw(found, layout, columns, key, title, gallery)
    return found


def _kind(layout: dict, column: dict) -> str:
    if layout["ascii"]:
        return "text" if column["code"] == "A" else "number"
    return rows.kind(column)


def _gather(path: Path, layout: dict, columns: list[_Column]) -> None:
    stride = -(-layout["rows"] // SAMPLE_ROWS) or 1
    start = 0
    for raw in rows.blocks(path, layout):
        chosen = slice(-start % stride, None, stride)
        for column in columns:
            _gather_column(layout, column, raw, chosen)
        start += len(raw)


def _gather_column(layout: dict, column: _Column, raw: np.ndarray, chosen: slice) -> None:
    kind = column.layout["kind"]
    if not column.layout["width"]:
        return
    column.count += len(raw)
    if kind == "text":
        _count_texts(column, raw)
    elif kind == "number":
        values = rows.numbers(raw, column.layout, layout["ascii"])
        _range(column, values)
        column.sample.append(_thinned(values[chosen], layout["rows"]))


def _count_texts(column: _Column, raw: np.ndarray) -> None:
    some = raw[:TEXT_ROWS] if len(column.texts) < DISTINCT else raw[:0]
    column.all_texts = column.all_texts and len(some) == len(raw)
    found = rows.texts(some, column.layout)
    column.first_texts = column.first_texts or found[:MATRIX_ROWS]
    for text in found:
        column.texts[text] = column.texts.get(text, 0) + 1


def _range(column: _Column, values: np.ndarray) -> None:
    finite = values
    if values.dtype.kind == "f":
        finite = values[np.isfinite(values)]
        column.missing += values.size - finite.size
    if finite.size:
        low, high = finite.min(), finite.max()
        column.minimum = low if column.minimum is None else min(column.minimum, low)
        column.maximum = high if column.maximum is None else max(column.maximum, high)


def _thinned(values: np.ndarray, all_rows: int) -> np.ndarray:
    """What pictures need of ``values``: of many rows of vectors only some, as floats."""
    values = values.astype(np.float64)
    if values.ndim < 2 or values.shape[1] <= 1:
        return values
    step = max(1, -(-all_rows // MATRIX_ROWS))
    return values[::step]


# ---- pictures ------------------------------------------------------------


def _draw(found: dict, layout: dict, columns: list[_Column], key: str, title: str,
          gallery: Gallery) -> None:
    drawable = [column for column in columns if column.layout["kind"] == "number"
                and column.layout["width"] and column.minimum is not None
                and (layout["rows"] > 1 or column.layout["repeat"] > 1)
                and not column.is_constant]
    natural = _natural(drawable)
    chosen = [(number, column) for number, column in enumerate(columns, 1)
              if any(column is each for each in drawable) and column is not natural
              and not _is_natural_vector(column, drawable)]
    if len(chosen) > PICTURES:
        found["note"] = (f"The first {PICTURES} columns that vary are drawn;"
                         " the table above has the range of every column.")
    wide = len(chosen) == 1
    for number, column in chosen[:PICTURES]:
        picture = _picture(gallery, f"{key}-column{number}", title, column, natural, columns,
                           wide)
        if picture:
            found["pictures"].append({"column": column.name, "picture": picture})
    if chosen:
        # The most telling curve: that of a vector, else of the first column.
        column = max((column for _, column in chosen), key=lambda each: each.layout["repeat"])
        found["thumbnail"] = _spark(gallery, f"{key}-small", column, natural)


def _natural(columns: list[_Column]) -> _Column | None:
    """The column of single numbers over which the others are drawn."""
    for column in columns:
        if column.layout["repeat"] == 1 and NATURAL.match(column.name):
            values = column.values.ravel()
            if np.isfinite(values).all() and np.all(np.diff(values) >= 0):
                return column
    return None


def _is_natural_vector(column: _Column, columns: list[_Column]) -> bool:
    """Whether a vector serves as x of another vector of its length."""
    return (column.layout["repeat"] > 1 and bool(NATURAL.match(column.name))
            and any(other is not column and other.layout["repeat"] == column.layout["repeat"]
                    for other in columns))


def _picture(gallery: Gallery, name: str, title: str, column: _Column, natural: _Column | None,
             columns: list[_Column], wide: bool) -> dict | None:
    about = f"{title}, column {label(column.name)}"
    values = column.values
    if column.layout["repeat"] > 1:
        return _vector_picture(gallery, name, about, column, columns)
    if natural is not None:
        return curves.draw(gallery, name, natural.values.ravel(), values.ravel(), title=about,
                           x_label=natural.axis, y_label=column.axis, wide=wide)
    return curves.draw(gallery, name, _row_numbers(column), values.ravel(), title=about,
                       x_label="row", y_label=column.axis, whole_numbers=True, wide=wide)


def _row_numbers(column: _Column) -> np.ndarray:
    values = column.values
    return np.linspace(1, max(1, column.count), len(values)) if len(values) != column.count \
        else np.arange(1, len(values) + 1)


def _vector_picture(gallery: Gallery, name: str, about: str, column: _Column,
                    columns: list[_Column]) -> dict | None:
    values = column.values
    over = next((other for other in columns if other is not column
                 and other.layout["repeat"] == column.layout["repeat"]
                 and other.layout["kind"] == "number" and NATURAL.match(other.name)), None)
    if len(values) == 1 and len(column.layout["dims"]) > 1:
        dims = column.layout["dims"]
        return curves.draw_matrix(
            gallery, name, values.reshape(-1, dims[-1])[:, :MATRIX_VALUES], title=about,
            unit=column.unit, x_label="element of the fastest axis", y_label="other axes")
    used = [row for row in range(len(values)) if values[row].any()]
    if len(used) <= curves.LINES and len(values) == column.count:
        lines = [_line(values[row], over.values[row] if over else None) for row in used]
        names = _row_names(columns, used)
        return curves.draw_lines(
            gallery, name, [x for x, _ in lines], [y for _, y in lines], names, title=about,
            x_label=over.axis if over else "element", y_label=column.axis)
    longest = max(len(_line(values[row], None)[1]) for row in used)
    step = -(-longest // MATRIX_VALUES)
    return curves.draw_matrix(
        gallery, name, _unfilled(values)[:, :longest:step], title=about, unit=column.unit,
        x_label="element" if step == 1 else f"element (one of {step} is drawn)",
        y_label="row" if len(values) == column.count else "rows, evenly chosen",
        caption=column.axis)


def _line(y: np.ndarray, x: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
    """A vector without the zeros that fill its end."""
    used = np.flatnonzero((y != 0) | (x != 0 if x is not None else False))
    end = used[-1] + 1 if used.size else len(y)
    places = np.arange(1, len(y) + 1, dtype=np.float64) if x is None else x
    return places[:end], y[:end]


def _unfilled(values: np.ndarray) -> np.ndarray:
    """Vectors of different lengths: NaN in place of the zeros that fill their ends."""
    rest = np.maximum.accumulate((values != 0)[:, ::-1], axis=1)[:, ::-1]
    return np.where(rest, values, np.nan)


def _row_names(columns: list[_Column], chosen: list[int]) -> list[str]:
    """What tells rows apart: their texts, else their numbers."""
    texts = [column.first_texts for column in columns if len(column.texts) > 1]
    names = [" ".join(row) for row in zip(*texts[:2], strict=False)] if texts else []
    return [names[row] if row < len(names) else f"row {row + 1}" for row in chosen]


def _spark(gallery: Gallery, name: str, column: _Column, natural: _Column | None) -> dict | None:
    values = column.values
    if column.layout["repeat"] > 1:
        fullest = max(values, key=np.count_nonzero)
        return curves.spark(gallery, name, *_line(fullest, None))
    if column.count < SPARK_ROWS:
        return None
    x = natural.values.ravel() if natural is not None else _row_numbers(column)
    return curves.spark(gallery, name, x, values.ravel())
