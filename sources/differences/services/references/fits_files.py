"""Two FITS files: headers, tables and images of the HDUs that belong together."""

from __future__ import annotations

import io
import warnings
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from astropy.io import fits
from astropy.utils.exceptions import AstropyWarning

from . import arrays, headers, images, pictures, tables
from .values import shape, shown

#: Bytes of a table that is compared row by row.
TABLE_LIMIT = 400 * 1024 * 1024

#: Bytes of files for which astropy's own report, which holds all in memory, is made as well.
REPORT_LIMIT = 64 * 1024 * 1024

#: Characters of the report that are kept.
REPORT_LENGTH = 2_000_000

REPORT = "report.txt"

#: Warnings of the reader that are kept.
WARNINGS = 20


def compare(folder: Path, old: Path, new: Path, keys: list[str], progress: Callable) -> dict:
    """Differences of two FITS files; pictures and the report of fitsdiff go into ``folder``."""
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        # Pages of files mapped like this do not count as memory of the process.
        with fits.open(old, mode="denywrite") as one, fits.open(new, mode="denywrite") as other:
            found = _compare_files(folder, one, other, keys, progress)
        found["report"] = write_report(folder, old, new)
    found["warnings"] = list(dict.fromkeys(
        shown(warning.message) for warning in said
        if issubclass(warning.category, AstropyWarning)))[:WARNINGS]
    return found


def _compare_files(folder: Path, old, new, keys, progress) -> dict:
    pairs = pair(old, new)
    units = []
    for number, (one, other) in enumerate(pairs):
        def step(share: float, number=number):
            progress(5 + 90 * (number + share) / len(pairs), 100,
                     f"Comparing HDU {number + 1} of {len(pairs)}")

        step(0)
        unit = _describe(old, new, one, other)
        if unit["status"] == "common":
            _compare_units(folder, unit, old[one], new[other], keys, step)
        units.append(unit)
    return {"format": "fits", "hdus": units}


def pair(old, new) -> list[tuple[int | None, int | None]]:
    """Numbers of HDUs that belong together: of the same name and version, else of the same place.

    In the order of the new file, followed by those that only the old one has.
    """
    names = [[(hdu.name, hdu.ver) if hdu.name and hdu.name != "PRIMARY" else None for hdu in file]
             for file in (old, new)]
    once = [{name for name, count in Counter(side).items() if name and count == 1}
            for side in names]
    common = once[0] & once[1]
    found = {names[1].index(name): names[0].index(name) for name in common}
    taken = set(found.values())
    for number in range(min(len(old), len(new))):
        free = number not in found and number not in taken
        if free and names[0][number] not in common and names[1][number] not in common and (
                None in (names[0][number], names[1][number])
                or names[0][number] == names[1][number]):
            found[number] = number
            taken.add(number)
    pairs = [(found.get(number), number) for number in range(len(new))]
    return pairs + [(number, None) for number in range(len(old)) if number not in taken]


def _describe(old, new, one: int | None, other: int | None) -> dict:
    """What an HDU is on both sides, before its content is compared."""
    sides = [None if number is None else file[number]
             for file, number in ((old, one), (new, other))]
    known = sides[1] or sides[0]
    status = "added" if one is None else "deleted" if other is None else "common"
    name = known.name or ("PRIMARY" if 0 in (one, other) else "")
    return {
        "old_number": one, "new_number": other, "name": shown(name), "version": known.ver,
        "status": status, "kinds": [_kind(side) for side in sides],
        "shapes": [_shape(side) for side in sides],
    }


def _kind(hdu) -> str:
    if hdu is None:
        return ""
    if isinstance(hdu, (fits.PrimaryHDU, fits.ImageHDU, fits.CompImageHDU)):
        return "image" if hdu.header.get("NAXIS", 0) else "header"
    return "table" if isinstance(hdu, (fits.BinTableHDU, fits.TableHDU)) else "other"


def _shape(hdu) -> str:
    kind = _kind(hdu)
    if kind == "table":
        return f"{hdu.header.get('NAXIS2', 0)} rows, {len(hdu.columns)} columns"
    if kind == "image":
        return shape(tuple(reversed(hdu.shape)))
    return ""


def _compare_units(folder: Path, unit: dict, old, new, keys, step: Callable) -> None:
    unit["header"] = headers.compare(old.header, new.header)
    different = unit["header"]["total"] > 0
    kinds = set(unit["kinds"])
    try:
        if kinds == {"table"}:
            different |= _compare_tables(unit, old, new, keys)
        elif kinds == {"image"}:
            different |= _compare_images(folder, unit, old, new, step)
        elif len(kinds) > 1:
            different = True
            unit["note"] = "The two are of different kinds, so only their headers are compared."
    except MemoryError:
        raise
    except Exception as exc:  # broken data raise whatever they lead the readers to
        different = True
        unit["problem"] = f"The data cannot be read: {type(exc).__name__}: {shown(exc)}"
    unit["status"] = "changed" if different else "same"


def _compare_tables(unit: dict, old, new, keys: list[str]) -> bool:
    if max(hdu.header["NAXIS1"] * hdu.header["NAXIS2"] for hdu in (old, new)) > TABLE_LIMIT:
        unit["note"] = (f"The table has more than {TABLE_LIMIT // 2**20} MB, so only headers are"
                        " compared.")
        return False
    found = unit["table"] = tables.compare(old, new, keys)
    return bool(found["added"] or found["deleted"] or found["changed"]
                or any(found["columns"].values()))


def _compare_images(folder: Path, unit: dict, old, new, step: Callable) -> bool:
    one, other = (arrays.Stack(hdu.shape, hdu.section.__getitem__) for hdu in (old, new))
    stem = f"hdu{unit['new_number']}"
    if one.full != other.full:
        unit["note"] = "The images have different sizes, so pixels cannot be compared one by one."
        unit["pictures"] = pictures.draw(folder, stem, one, other)
        return True
    unit["image"] = images.compare(folder, stem, one, other, step)
    return unit["image"]["differs"] > 0


def write_report(folder: Path, old: Path, new: Path) -> bool:
    """Write what the command fitsdiff prints; whether it could be."""
    if max(path.stat().st_size for path in (old, new)) > REPORT_LIMIT:
        return False
    text = io.StringIO()
    try:
        fits.FITSDiff(str(old), str(new)).report(fileobj=text)
    except MemoryError:
        raise
    except Exception:  # broken data raise whatever they lead the readers to
        return False
    # Paths of this machine are nobody's business.
    report = text.getvalue()[:REPORT_LENGTH]
    for path in (old, new):
        report = report.replace(str(path), path.name)
    (folder / REPORT).write_text(report, encoding="utf-8")
    return True
