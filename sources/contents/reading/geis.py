"""GEIS pairs: a header of text cards (``.rNh``) and groups of big-endian pixels (``.rNd``)."""

from __future__ import annotations

import math
import re
from pathlib import Path

import numpy as np
from astropy.io import fits

from ..parts import Subject, Workshop, describe_image
from ..pixels import Pixels
from .fits import cards

CARD = 80

#: Groups that get a part of their own.
GROUPS = 60

TYPES = {"REAL*4": ">f4", "REAL*8": ">f8", "INTEGER*2": ">i2", "INTEGER*4": ">i4",
         "UNSIGNED*2": ">u2", "UNSIGNED*4": ">u4", "BYTE": "u1", "LOGICAL*1": "u1",
         "LOGICAL*2": ">i2", "LOGICAL*4": ">i4", "COMPLEX*8": ">c8"}


def parts(path: Path, shop: Workshop, data: Path | None = None) -> list[dict]:
    """The header at ``path``, then one part for each group of the data half.

    ``data`` is that half; the file beside ``path`` unless given.
    """
    header = _header(path)
    first = {"number": 0, "key": "e0", "name": "", "version": 1, "kind": "header",
             "title": "Header", "cards": cards(header), "image": None, "table": None,
             "fault": "", "note": ""}
    if not header.cards:
        shop.faults.append("It holds no header cards.")
        return [first]
    data = data or path.with_name(path.name[:-1] + "d")
    if not data.is_file():
        shop.faults.append(f"The other half of the pair, {data.name} with the pixels, is not"
                           " stored here, so there is only the header to show.")
        return [first]
    try:
        return [first, *_groups(header, data, shop)]
    except (ValueError, KeyError, TypeError) as exc:
        shop.faults.append(f"The header does not describe the pixels: {exc}")
        return [first]


def _header(path: Path) -> fits.Header:
    text = path.read_bytes().decode("latin-1")
    lines = text.splitlines() if "\n" in text[:CARD + 2] else [
        text[start:start + CARD] for start in range(0, len(text), CARD)]
    header = fits.Header()
    for line in lines:
        if line.rstrip() == "END":
            break
        if line.strip():
            header.append(fits.Card.fromstring(f"{line:<80.80}"), end=True)
    return header


def _groups(header: fits.Header, data: Path, shop: Workshop) -> list[dict]:
    axes = _count(header, "NAXIS")
    shape = tuple(_count(header, f"NAXIS{axis}") for axis in range(axes, 0, -1))
    kind = str(header.get("DATATYPE", "REAL*4")).strip().upper()
    if kind not in TYPES or not 0 < axes < 8 or not math.prod(shape):
        raise ValueError(f"{kind} in {shape}")
    stored = np.dtype(TYPES[kind])
    pixels = math.prod(shape) * stored.itemsize
    group = pixels + _count(header, "PSIZE", 0) // 8
    declared = _count(header, "GCOUNT", 1)
    there = min(declared, data.stat().st_size // group)
    if there < declared:
        shop.faults.append(f"{data.name} ends after {there} of the {declared} groups that the"
                           " header declares.")
    found = []
    for number in range(min(there, GROUPS)):
        shop.report(number, there, f"Group {number + 1}")
        raw = np.memmap(data, dtype=stored, mode="r", offset=number * group, shape=shape)
        found.append(_group(number + 1, raw, header, data, number * group + pixels, shop))
    if there > GROUPS:
        shop.notes.append(f"The first {GROUPS} of {there} groups are shown.")
    return found


def _count(header: fits.Header, keyword: str, default: int | None = None) -> int:
    value = header.get(keyword, default)
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise ValueError(f"{keyword} is {value!r}")
    return value


def _group(number: int, raw: np.ndarray, header: fits.Header, data: Path, place: int,
           shop: Workshop) -> dict:
    title = f"Group {number}"
    return {"number": number, "key": f"e{number}", "name": title, "version": 1, "kind": "image",
            "title": title, "cards": _parameters(header, data, place), "table": None,
            "image": describe_image(
                Subject(f"e{number}", title, Pixels.of(raw),
                        str(header.get("BUNIT", "")).strip()), shop.gallery),
            "fault": "", "note": ""}


def _parameters(header: fits.Header, data: Path, place: int) -> list[dict]:
    """The values that each group has beside its pixels, as cards."""
    found = []
    with open(data, "rb") as file:
        file.seek(place)
        for number in range(1, _count(header, "PCOUNT", 0) + 1):
            size = _count(header, f"PSIZE{number}", 0) // 8
            raw = file.read(size)
            name = str(header.get(f"PTYPE{number}", "")).strip()
            if not name or len(raw) < size:
                break
            found.append({
                "keyword": name, "value": _value(raw, str(header.get(f"PDTYPE{number}", ""))),
                "comment": str(header.comments[f"PTYPE{number}"]), "broken": False})
    return found


def _value(raw: bytes, kind: str) -> object:
    kind = kind.strip().upper()
    if kind.startswith("CHARACTER") or kind not in TYPES:
        return re.sub(r"[\0\s]+$", "", raw.decode("latin-1"))
    value = np.frombuffer(raw, TYPES[kind])
    if len(value) != 1:
        return str(value.tolist())
    plain = value[0].item()
    return plain if isinstance(plain, int) or math.isfinite(abs(plain)) else str(plain)
