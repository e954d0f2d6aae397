"""Rows of FITS tables, read where they lie: a page of them, or block by block.

A layout tells where rows begin and what their columns are; it is made once from the header
(:func:`layout_of`) and kept, so that a page of rows is one read of a few kilobytes.
"""

from __future__ import annotations

import math
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np

#: Bytes of rows that are in memory at one time.
BLOCK = 8 * 1024 * 1024

#: Values of a vector that a cell shows, and letters of a text.
SHOWN_VALUES, SHOWN_LETTERS = 4, 300

FORMAT = re.compile(r"\s*(\d*)([LXBIJKAEDCMPQ])([A-Z]?)")
ASCII_FORMAT = re.compile(r"\s*([AIFED])(\d+)(?:\.(\d+))?")
TYPES = {"L": "S1", "X": "u1", "B": "u1", "I": ">i2", "J": ">i4", "K": ">i8", "E": ">f4",
         "D": ">f8", "C": ">c8", "M": ">c16", "P": ">i4", "Q": ">i8"}

#: Columns of more bytes than this in all are not in any table that can be read.
LARGEST_ROW = 1 << 28


class BrokenLayout(ValueError):
    """The header does not describe a table that can be read; the text says why."""


def layout_of(header: Mapping, offset: int, file_size: int) -> dict:
    """The layout of a table extension whose data begin at ``offset``.

    ``rows`` counts those that are in the file, ``declared`` those that the header names.
    BrokenLayout if the header makes no sense.
    """
    ascii_table = str(header.get("XTENSION", "")).strip() == "TABLE"
    row_bytes, declared = _count(header, "NAXIS1"), _count(header, "NAXIS2")
    columns, place = [], 0
    for number in range(1, min(_count(header, "TFIELDS"), 999) + 1):
        column = (_ascii_column if ascii_table else _column)(header, number, place)
        columns.append(column)
        place = max(place, column["start"] + column["width"])
    if place > row_bytes or row_bytes > LARGEST_ROW:
        raise BrokenLayout(
            f"The columns take {place} bytes of a row, but the header says that a row has"
            f" {row_bytes} (NAXIS1), so the rows cannot be read.")
    there = max(0, file_size - offset)
    rows = min(declared, there // row_bytes) if row_bytes else 0
    return {"offset": offset, "row_bytes": row_bytes, "rows": rows, "declared": declared,
            "ascii": ascii_table, "columns": columns,
            "heap": offset + _count(header, "THEAP", row_bytes * declared)}


def _count(header: Mapping, keyword: str, default: int = 0) -> int:
    value = header.get(keyword, default)
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise BrokenLayout(f"{keyword} is {value!r}, which is not a count.")
    return value


def _text(header: Mapping, keyword: str) -> str:
    value = header.get(keyword, "")
    return str(value).strip() if value is not None else ""


def _number(header: Mapping, keyword: str, default: float) -> float:
    value = header.get(keyword, default)
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return default
    return value


def _common(header: Mapping, number: int, code: str, format_: str) -> dict:
    null = header.get(f"TNULL{number}")
    return {
        "name": _text(header, f"TTYPE{number}") or f"column {number}", "format": format_,
        "code": code, "unit": _text(header, f"TUNIT{number}"),
        "scale": _number(header, f"TSCAL{number}", 1), "zero": _number(header, f"TZERO{number}", 0),
        "null": null if isinstance(null, int | str) and not isinstance(null, bool) else None,
    }


def _column(header: Mapping, number: int, place: int) -> dict:
    format_ = _text(header, f"TFORM{number}")
    match = FORMAT.match(format_)
    if not match:
        raise BrokenLayout(f"The format of column {number} is '{format_[:40]}', which is none"
                           " of the FITS standard (TFORM).")
    repeat, code = int(match[1] or 1), match[2]
    if code in "PQ":
        element = match[3] or "B"
        width, repeat = (8 if code == "P" else 16) * min(repeat, 1), min(repeat, 1)
    else:
        element = ""
        width = -(-repeat // 8) if code == "X" else repeat * (
            1 if code in "AL" else np.dtype(TYPES[code]).itemsize)
    return {**_common(header, number, code, format_), "repeat": repeat, "element": element,
            "start": place, "width": width,
            "dims": _dims(_text(header, f"TDIM{number}"), repeat)}


def _dims(text: str, repeat: int) -> list[int]:
    """Shape of a cell in the order of numpy; empty where TDIM is missing or impossible."""
    numbers = re.fullmatch(r"\(\s*\d+(?:\s*,\s*\d+)*\s*\)", text)
    if not numbers:
        return []
    dims = [int(number) for number in re.findall(r"\d+", text)]
    return dims[::-1] if math.prod(dims) == repeat and len(dims) > 1 else []


def _ascii_column(header: Mapping, number: int, place: int) -> dict:
    format_ = _text(header, f"TFORM{number}")
    match = ASCII_FORMAT.match(format_)
    if not match:
        raise BrokenLayout(f"The format of column {number} is '{format_[:40]}', which is none of"
                           " the FITS standard for text tables (TFORM).")
    start = _count(header, f"TBCOL{number}", 1) - 1
    if start < 0:
        raise BrokenLayout(f"Column {number} begins before its row (TBCOL).")
    return {**_common(header, number, match[1], format_), "repeat": 1, "element": "",
            "start": start, "width": int(match[2]), "dims": []}


def kind(column: dict) -> str:
    """``number``, ``text``, ``logical``, ``complex``, ``bits`` or ``variable``."""
    return {"A": "text", "L": "logical", "X": "bits", "C": "complex", "M": "complex",
            "P": "variable", "Q": "variable"}.get(column["code"], "number")


def is_vector(column: dict) -> bool:
    return kind(column) in ("number", "complex", "logical") and column["repeat"] > 1


# ---- reading -------------------------------------------------------------


def blocks(path: Path, layout: dict, wanted: int | None = None) -> Iterator[np.ndarray]:
    """All rows as raw bytes, (rows, bytes of a row); evenly spread ones if ``wanted`` is fewer."""
    rows, width = layout["rows"], layout["row_bytes"]
    step = max(1, BLOCK // max(1, width))
    if not rows or not width:
        return
    share = 1 if wanted is None or wanted >= rows else rows / wanted
    for start in range(0, rows, int(step * share)):
        yield read(path, layout, start, min(start + step, rows))


def read(path: Path, layout: dict, start: int, stop: int) -> np.ndarray:
    """Rows from ``start`` to ``stop`` as raw bytes; fewer where the file ends before."""
    width = layout["row_bytes"]
    stop = min(stop, layout["rows"])
    if start >= stop:
        return np.empty((0, width), dtype=np.uint8)
    with open(path, "rb") as file:
        file.seek(layout["offset"] + start * width)
        raw = np.frombuffer(file.read((stop - start) * width), dtype=np.uint8)
    return raw[:raw.size // width * width].reshape(-1, width)


def stored(raw: np.ndarray, column: dict) -> np.ndarray:
    """The stored values of a column of ``raw`` rows, (rows, repeat); not for texts."""
    part = np.ascontiguousarray(raw[:, column["start"]:column["start"] + column["width"]])
    if not part.size:
        return np.empty((len(raw), 0))
    return part.view(TYPES[column["code"]]).reshape(len(raw), -1)


def numbers(raw: np.ndarray, column: dict, ascii_table: bool = False) -> np.ndarray:
    """Physical values of a column of numbers, (rows, repeat); NaN where there is none.

    Integers stay integers where nothing is missing or scaled.
    """
    if ascii_table:
        return _parsed(raw, column)
    values = stored(raw, column)
    if not values.size:
        return values
    native = values.astype(values.dtype.newbyteorder("="))
    shifted = _shifted_type(column)
    physical = native if not shifted else _unsigned(native, shifted)
    if not shifted and (column["scale"] != 1 or column["zero"]):
        physical = native * np.float64(column["scale"]) + column["zero"]
    if isinstance(column["null"], int) and native.dtype.kind in "iu":
        missing = native == column["null"]
        if missing.any():
            physical = np.where(missing, np.nan, physical.astype(np.float64))
    return physical


def _shifted_type(column: dict) -> str:
    """Type of integers that are stored shifted by half their range, else empty."""
    shifts = {("B", -128): "i1", ("I", 2**15): "u2", ("J", 2**31): "u4", ("K", 2**63): "u8"}
    return shifts.get((column["code"], column["zero"]), "") if column["scale"] == 1 else ""


def _unsigned(native: np.ndarray, dtype: str) -> np.ndarray:
    unsigned = native.view(f"u{native.dtype.itemsize}")
    return (unsigned ^ unsigned.dtype.type(1 << (8 * native.dtype.itemsize - 1))).view(dtype)


def _texts(raw: np.ndarray, column: dict) -> list[str]:
    part = np.ascontiguousarray(raw[:, column["start"]:column["start"] + column["width"]])
    return [bytes(cell).split(b"\0")[0].decode("latin-1").strip() for cell in part]


def _parsed(raw: np.ndarray, column: dict) -> np.ndarray:
    values = np.full((len(raw), 1), np.nan)
    for number, text in enumerate(_texts(raw, column)):
        try:
            if text != str(column["null"]):
                values[number] = float(text.upper().replace("D", "E")) * column["scale"] + column[
                    "zero"]
        except ValueError:
            continue
    return values


def texts(raw: np.ndarray, column: dict) -> list[str]:
    """The texts of a column; those of cells with several texts joined by commas."""
    if not column["dims"]:
        return _texts(raw, column)
    length = column["dims"][-1]
    part = np.ascontiguousarray(raw[:, column["start"]:column["start"] + column["width"]])
    return [", ".join(
        bytes(cell[i:i + length]).split(b"\0")[0].decode("latin-1").strip()
        for i in range(0, len(cell), max(1, length)))[:SHOWN_LETTERS] for cell in part]


# ---- cells for people ----------------------------------------------------


def cells(path: Path, layout: dict, start: int, stop: int) -> list[list[str]]:
    """Rows from ``start`` to ``stop`` as texts, one for each column."""
    raw = read(path, layout, start, stop)
    columns = [_column_cells(path, layout, raw, column) for column in layout["columns"]]
    return [list(row) for row in zip(*columns, strict=True)]


def _column_cells(path: Path, layout: dict, raw: np.ndarray, column: dict) -> list[str]:
    if not column["width"]:
        return [""] * len(raw)
    if layout["ascii"]:
        return [_cut(text) for text in _texts(raw, column)]
    what = kind(column)
    if what == "text":
        return [_cut(text) for text in texts(raw, column)]
    if what == "logical":
        return [_joined([_logical(value) for value in row[:SHOWN_VALUES]], len(row))
                for row in stored(raw, column)]
    if what == "bits":
        return ["".join(f"{byte:08b}" for byte in row)[:column["repeat"]][:64]
                for row in stored(raw, column)]
    if what == "variable":
        return [_variable(path, layout, column, *map(int, row)) for row in stored(raw, column)]
    none = "NaN" if column["code"] in "EDCM" else "\u2013"
    return [_joined([written(value, none) for value in row[:SHOWN_VALUES]], len(row))
            for row in numbers(raw, column)]


def _cut(text: str) -> str:
    return text if len(text) <= SHOWN_LETTERS else text[:SHOWN_LETTERS] + "…"


def _logical(value: bytes) -> str:
    return {b"T": "true", b"F": "false"}.get(value, "\u2013")


def _joined(shown: list[str], count: int) -> str:
    more = f", … ({count} values)" if count > len(shown) else ""
    return ", ".join(shown) + more


def written(value, none: str = "NaN") -> str:
    """A number with the digits that its type has; ``none`` for NaN."""
    if isinstance(value, np.floating):
        return none if np.isnan(value) else f"{value:.{7 if value.itemsize == 4 else 10}g}"
    if isinstance(value, np.complexfloating):
        return f"{written(value.real)} {'-' if value.imag < 0 else '+'} {written(abs(value.imag))}i"
    return str(value)


def _variable(path: Path, layout: dict, column: dict, count: int, offset: int) -> str:
    """The first values of an array of variable length, from the heap."""
    place = layout["heap"] + offset
    if count < 0 or offset < 0 or place > os.path.getsize(path):
        return f"outside of the file ({count} values)"
    size = 1 if column["element"] in "AL" else np.dtype(TYPES.get(column["element"], "u1")).itemsize
    shown = min(count, SHOWN_LETTERS if column["element"] == "A" else SHOWN_VALUES)
    with open(path, "rb") as file:
        file.seek(place)
        raw = np.frombuffer(file.read(shown * size), dtype=np.uint8)
    if column["element"] == "A":
        return bytes(raw).split(b"\0")[0].decode("latin-1").strip()
    raw = raw[:raw.size // size * size].reshape(1, -1)
    part = {**column, "code": column["element"], "start": 0, "width": raw.size, "repeat": shown}
    if column["element"] == "L":
        return _joined([_logical(value) for value in raw.view("S1").ravel()], count)
    return _joined([written(value) for value in numbers(raw, part).ravel()], count)
