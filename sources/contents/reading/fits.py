"""FITS files: header cards of every extension, images, tables."""

from __future__ import annotations

import gzip
import math
import tempfile
import textwrap
import warnings
from pathlib import Path

import numpy as np
from astropy.io import fits
from astropy.io.fits.verify import VerifyError

from .. import rows
from ..parts import Subject, Workshop, describe_image, holds_flags
from ..pixels import Pixels
from ..tables import describe_table

#: Extensions that are described, and cards of a header that are listed.
EXTENSIONS, CARDS = 400, 4000

#: Unpacked bytes of a compressed file; more are not looked at.
UNPACKED = 8 * 1024**3

#: Bytes that are summed up at a time.
SUMMED = 4 * 1024 * 1024

TYPES = {8: "u1", 16: ">i2", 32: ">i4", 64: ">i8", -32: ">f4", -64: ">f8"}

#: Letters of a line of HISTORY or COMMENT.
LINE = 72

#: Keywords whose cards hold lines of one text.
COMMENTARY = ("HISTORY", "COMMENT")


def parts(path: Path, shop: Workshop) -> list[dict]:
    """One part for each header and data unit of the file at ``path``."""
    if path.name.endswith(".gz"):
        with tempfile.TemporaryDirectory(prefix="unpacked-") as folder:
            return _described(_unpacked(path, Path(folder), shop), shop, kept=False)
    return _described(path, shop, kept=True)


def _unpacked(path: Path, folder: Path, shop: Workshop) -> Path:
    target = folder / path.name.removesuffix(".gz")
    try:
        with gzip.open(path) as packed, open(target, "wb") as plain:
            while plain.tell() < UNPACKED and (block := packed.read(1 << 20)):
                plain.write(block)
    except (OSError, EOFError, gzip.zlib.error) as exc:
        shop.faults.append(f"The compression is broken ({exc}); what follows is from the part"
                           " before.")
    return target


def _described(path: Path, shop: Workshop, *, kept: bool) -> list[dict]:
    parts: list[dict] = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            # Not "readonly": that maps pages for writing, which count as the job's memory.
            with fits.open(path, mode="denywrite", memmap=True, lazy_load_hdus=True,
                           ignore_missing_simple=True) as units:
                _read_units(units, path, shop, parts, kept)
        except MemoryError:
            raise
        except Exception as exc:  # the same
            shop.faults.append(f"The file cannot be read as FITS: {exc}")
    if not parts:
        _explain_no_parts(path, shop)
    return parts


def _explain_no_parts(path: Path, shop: Workshop) -> None:
    with open(path, "rb") as file:
        start = file.read(9)
    if not start:
        shop.faults.append("The file is empty.")
    elif start != b"SIMPLE  =":
        shop.faults.append("It does not begin with the keyword SIMPLE as every FITS file must.")


def _read_units(units, path: Path, shop: Workshop, parts: list[dict], kept: bool) -> None:
    context = _Context(path, shop, kept)
    number = 0
    while True:
        try:
            unit = units[number]
        except IndexError:
            break
        except Exception as exc:  # whatever a broken header makes the library raise
            shop.faults.append(f"What follows extension {number - 1} cannot be read: {exc}")
            break
        if number >= EXTENSIONS:
            shop.notes.append(f"The file has more than {EXTENSIONS} extensions; the first are"
                              " shown.")
            break
        shop.report(context.end, context.size, f"Extension {number} {unit.name}".strip())
        parts.append(context.part(number, unit))
        number += 1
    context.look_at_the_end()
    _name_flags(path, parts)


def _name_flags(path: Path, parts: list[dict]) -> None:
    """Give bits the names that a table DQ_DEF of the file has for them."""
    table = next((part["table"] for part in parts if part["table"]
                  and part["name"].endswith("DQ_DEF") and part["table"]["layout"]), None)
    if table is None:
        return
    where = {column["name"].upper(): number for number, column in enumerate(table["columns"])}
    if not {"VALUE", "NAME"} <= set(where):
        return
    names = {row[where["VALUE"]]: row[where["NAME"]]
             for row in rows.cells(path, table["layout"], 0, 128)}
    for part in parts:
        flags = (part["image"] or {}).get("flags") or {}
        for bit in flags.get("bits", []):
            bit["name"] = names.get(str(bit["value"]), "")


class _Context:
    """What is known of the file while its units are read one after the other."""

    def __init__(self, path: Path, shop: Workshop, kept: bool):
        self.path = path
        self.shop = shop
        self.kept = kept
        self.size = path.stat().st_size
        self.end = 0
        self.primary: dict = {}

    def part(self, number: int, unit) -> dict:
        header = unit.header
        if number == 0:
            self.primary = {"kind": str(header.get("FILETYPE", header.get("REFTYPE", "")))}
        part = {"number": number, "key": f"e{number}", "name": unit.name or "",
                "version": unit.ver, "kind": "header", "title": _title(number, unit),
                "cards": cards(header), "image": None, "table": None, "fault": "", "note": ""}
        if len(header) > CARDS:
            self.shop.notes.append(f"Extension {number} has {len(header)} cards; the first"
                                   f" {CARDS} are shown.")
        try:
            self._add_data(part, unit)
            self._compare_checksums(part, unit)
        except rows.BrokenLayout as exc:
            part["fault"] = str(exc)
        except MemoryError:
            part["fault"] = "Its data need more memory than may be used here."
        except Exception as exc:  # whatever a broken file makes libraries raise
            part["fault"] = f"Its data cannot be read: {type(exc).__name__}: {exc}"[:400]
        if part["fault"]:
            self.shop.faults.append(f"{part['title']}: {part['fault']}")
        return part

    def _add_data(self, part: dict, unit) -> None:
        place = unit.fileinfo() or {}
        start = place.get("datLoc", self.size)
        self.end = start + place.get("datSpan", 0)
        header = unit.header
        if isinstance(unit, fits.CompImageHDU):
            section = unit.section
            pixels = Pixels(section, tuple(section.shape), np.dtype(section.dtype))
            self._image(part, unit, pixels)
        elif unit.is_image and not isinstance(unit, fits.GroupsHDU):
            if any(unit.header.get(f"NAXIS{axis}", 0) for axis in range(
                    1, int(header.get("NAXIS", 0)) + 1)):
                self._image(part, unit, self._pixels(part, header, start))
            elif "PIXVALUE" in header:
                part["note"] = _constant_image(header)
        elif str(header.get("XTENSION", "")).strip() in ("BINTABLE", "TABLE", "A3DTABLE"):
            self._table(part, unit, start)
        elif isinstance(unit, fits.GroupsHDU) and header.get("GCOUNT", 0):
            part["fault"] = "Random groups, an old form of radio data, are not shown."

    def _pixels(self, part: dict, header, start: int) -> Pixels:
        """The image at byte ``start``, cut to what the file holds of it."""
        axes = int(header["NAXIS"])
        shape = tuple(int(header[f"NAXIS{axis}"]) for axis in range(axes, 0, -1))
        if header.get("XTENSION") and (header.get("PCOUNT") or header.get("GCOUNT", 1) != 1):
            raise ValueError("PCOUNT and GCOUNT say that this is not a plain image")
        stored = np.dtype(TYPES[int(header["BITPIX"])])
        wanted = math.prod(shape) * stored.itemsize
        there = max(0, self.size - start)
        if there < wanted:
            part["fault"] = (f"The file ends after {there:,} of the {wanted:,} bytes of its"
                             " pixels; statistics and pictures show what is there.")
            shape = _cut(shape, there // stored.itemsize)
        if not math.prod(shape):
            return Pixels.of(np.empty((0,), stored))
        raw = np.memmap(self.path, dtype=stored, mode="r", offset=start, shape=shape)
        return _scaled(raw, header)

    def _image(self, part: dict, unit, pixels: Pixels) -> None:
        part["kind"] = "image"
        name = unit.name or (self.primary["kind"] if part["number"] <= 1 else "")
        flags = holds_flags(name, pixels)
        part["image"] = describe_image(
            Subject(part["key"], part["title"], pixels, str(unit.header.get("BUNIT", "")).strip(),
                    flags=flags), self.shop.gallery)

    def _table(self, part: dict, unit, start: int) -> None:
        layout = rows.layout_of(unit.header, start, self.size)
        part["kind"] = "table"
        if layout["rows"] < layout["declared"]:
            part["fault"] = (f"The file ends after {layout['rows']:,} of the"
                             f" {layout['declared']:,} rows that the header declares.")
        part["table"] = describe_table(
            self.path, layout, part["key"], part["title"], self.shop.gallery)
        part["table"]["first_rows"] = rows.cells(self.path, layout, 0, 10 if self.kept else 100)
        if not self.kept:
            part["table"]["layout"] = None
            part["table"]["note"] = ("The file is compressed, so only the first 100 rows can be"
                                     " shown.")

    def _compare_checksums(self, part: dict, unit) -> None:
        """Compare the sums that the header records with those of the bytes."""
        place = unit.fileinfo() or {}
        recorded = str(unit.header.get("DATASUM", "")).strip()
        start, stop = place.get("datLoc", 0), place.get("datLoc", 0) + place.get("datSpan", 0)
        if part["fault"] or stop > self.size or not (recorded.isdigit()
                                                     or "CHECKSUM" in unit.header):
            return
        data = checksum(self.path, start, stop)
        if recorded.isdigit() and int(recorded) != data:
            part["fault"] = (f"The sum of its data is {data}, but the header records {recorded}"
                             " (DATASUM): data or keyword were changed.")
        elif "CHECKSUM" in unit.header and checksum(
                self.path, place["hdrLoc"], stop) not in (0, 0xFFFFFFFF):
            part["fault"] = ("Its sum does not agree with the keyword CHECKSUM: header or data"
                             " were changed after it was written.")

    def look_at_the_end(self) -> None:
        """Say so when the file is longer or shorter than its headers tell."""
        if self.size < self.end and not any("file ends" in fault for fault in self.shop.faults):
            self.shop.faults.append(
                f"The file has {self.size:,} bytes, but by its headers it should have"
                f" {self.end:,}: it is truncated.")
        elif self.end and self.size > self.end and not self.shop.faults:
            self.shop.notes.append(
                f"After the last extension {self.size - self.end:,} more bytes follow that belong"
                " to none.")


def _title(number: int, unit) -> str:
    if number == 0 and unit.name in ("", "PRIMARY"):
        return "Primary"
    name = unit.name or f"Extension {number}"
    return f"{name}, {unit.ver}" if unit.name and unit.header.get("EXTVER") is not None else name


def _constant_image(header) -> str:
    """What HST writes for an image whose pixels are all alike: keywords and no pixels."""
    size = f"{header.get('NPIX1', '?')} by {header.get('NPIX2', '?')} pixels"
    return (f"It stands for an image of {size} that all have the value {header['PIXVALUE']}"
            " (NPIX1, NPIX2, PIXVALUE); no pixels are stored.")


def _cut(shape: tuple[int, ...], values: int) -> tuple[int, ...]:
    """``shape`` with as much of its slowest axes as ``values`` values fill."""
    while len(shape) > 1 and values < math.prod(shape[1:]):
        shape = shape[1:]
    inner = math.prod(shape[1:])
    return (min(shape[0], values // inner if inner else 0), *shape[1:])


def _scaled(raw: np.ndarray, header) -> Pixels:
    scale, zero, blank = header.get("BSCALE", 1), header.get("BZERO", 0), header.get("BLANK")
    scale = scale if isinstance(scale, int | float) and scale else 1
    zero = zero if isinstance(zero, int | float) else 0
    blank = blank if isinstance(blank, int) and raw.dtype.kind in "iu" else None
    shifted = {("u1", -128): "i1", ("i2", 2**15): "u2", ("i4", 2**31): "u4", ("i8", 2**63): "u8"}
    dtype = raw.dtype.newbyteorder("=")
    if blank is None and scale == 1 and (dtype.str[1:], zero) in shifted:
        dtype = np.dtype(shifted[dtype.str[1:], zero])
    elif blank is not None or scale != 1 or zero:
        dtype = np.dtype("f8")
    return Pixels(raw, raw.shape, dtype, scale, zero, blank)


def checksum(path: Path, start: int, stop: int) -> int:
    """The sum of 32-bit words with end-around carry, as the FITS standard defines it."""
    total = 0
    with open(path, "rb") as file:
        file.seek(start)
        while start < stop and (block := file.read(min(SUMMED, stop - start))):
            start += len(block)
            words = np.frombuffer(block[:len(block) // 4 * 4], ">u4")
            total += int(words.sum(dtype=np.uint64))
    while total >> 32:
        total = (total & 0xFFFFFFFF) + (total >> 32)
    return total


# ---- cards ---------------------------------------------------------------


def cards(header) -> list[dict]:
    """The cards of ``header`` in order; lines of HISTORY and COMMENT that follow each other
    are one text."""
    found: list[dict] = []
    full = False
    for card in header.cards[:CARDS]:
        keyword, value, comment, broken = _card(card)
        text = keyword in COMMENTARY or not keyword
        if text and not str(value).strip() and not keyword:
            continue
        previous = found[-1] if found else None
        if keyword in COMMENTARY and previous and previous["keyword"] == keyword:
            # A line that fills its card goes on in the next one.
            glue = "" if full and previous["value"] else "\n"
            previous["value"] += f"{glue}{str(value).rstrip()}"
            full = len(str(value)) >= LINE
            continue
        full = len(str(value)) >= LINE
        found.append({"keyword": keyword, "value": str(value).rstrip() if text else value,
                      "comment": comment, "broken": broken})
    for card in found:
        if card["keyword"] in COMMENTARY:
            card["value"] = textwrap.dedent(card["value"])
    return found


def _card(card) -> tuple[str, object, str, bool]:
    """Keyword, value, comment; the card as it stands, and True, if it cannot be understood."""
    try:
        return card.keyword, _plain(card.value), str(card.comment or ""), False
    except (VerifyError, ValueError, TypeError, UnicodeError, AttributeError):
        image = str(getattr(card, "_image", "") or "")
        return image[:8].strip(), image[8:].strip(" ="), "", True


def _plain(value) -> object:
    """``value`` as JSON can hold it; what it cannot becomes text."""
    if isinstance(value, fits.card.Undefined):
        return None
    if isinstance(value, bool | np.bool_):
        return bool(value)
    if isinstance(value, int | np.integer):
        return int(value)
    if isinstance(value, float | np.floating):
        return float(value) if math.isfinite(value) else str(value)
    return str(value)


__all__ = ["cards", "parts"]
