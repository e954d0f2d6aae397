"""Differences of reference files by their content.

* :mod:`.fits_files` HDUs with their :mod:`.headers`, :mod:`.tables` and images
* :mod:`.arrays` pixels piece by piece, :mod:`.pictures` of them
* :mod:`.trees` ASDF, JSON, YAML and texts

No Django here.  Everything is limited in memory; the job around it is limited in time.
"""

from __future__ import annotations

import re
import traceback
from collections.abc import Callable
from pathlib import Path

from .values import shown

#: Bytes read at a time.
BLOCK = 1024 * 1024


def compare(folder: Path, old: Path, new: Path, keys: list[str], progress: Callable) -> dict:
    """Differences of two files of the same format.

    ``keys`` name rows of tables.  ``progress(done, total, text)`` is told how far it is.
    Pictures go into ``folder``.  A file that cannot be read is reported under ``problem``,
    and its bytes are compared.
    """
    raw = compare_bytes(old, new)
    if raw["identical"]:
        return {"format": "same", "bytes": raw}
    try:
        found = _by_format(folder, old, new, keys, progress)
    except MemoryError:
        raise
    except Exception as exc:  # broken files raise whatever they lead the readers to
        traceback.print_exc()
        found = {"format": "bytes",
                 "problem": "The content cannot be read: "
                            + _without_folders(f"{type(exc).__name__}: {shown(exc)}", old, new),
                 "broken": [path.name for path in (old, new) if not _opens(path)]}
        if old.suffix in (".json", ".yaml", ".yml"):
            from .trees import compare_texts

            found = {**compare_texts(old, new), "problem": found["problem"]}
    if found.get("warnings"):
        found["warnings"] = [_without_folders(text, old, new) for text in found["warnings"]]
    return {**found, "bytes": raw}


def _without_folders(text: str, *paths: Path) -> str:
    """``text`` without where the files lie on this machine."""
    for path in paths:
        text = text.replace(f"{path.parent}/", "")
    return text


def _by_format(folder: Path, old: Path, new: Path, keys: list[str], progress: Callable) -> dict:
    from . import fits_files, trees

    suffix = new.suffix.lower()
    if suffix in (".fits", ".fit"):
        return fits_files.compare(folder, old, new, keys, progress)
    if suffix == ".asdf":
        return trees.compare_asdf(folder, old, new, progress)
    if suffix in (".json", ".yaml", ".yml"):
        return trees.compare_documents(old, new)
    if suffix in (".text", ".txt", ".dat", ".csv", ".ecsv", ".lsf") or re.fullmatch(
            r"\.r\dh", suffix):
        return trees.compare_texts(old, new)
    return {"format": "bytes", "note": "Files of this format are compared byte by byte."}


def compare_bytes(old: Path, new: Path) -> dict:
    """Sizes, whether all bytes are the same, and where they begin to differ."""
    sizes = [path.stat().st_size for path in (old, new)]
    with open(old, "rb") as one, open(new, "rb") as other:
        position = 0
        while True:
            left, right = one.read(BLOCK), other.read(BLOCK)
            if left != right:
                common = next((n for n, pair in enumerate(zip(left, right, strict=False))
                               if pair[0] != pair[1]), min(len(left), len(right)))
                return {"sizes": sizes, "identical": False, "first": position + common}
            if not left:
                return {"sizes": sizes, "identical": True, "first": None}
            position += len(left)


def _opens(path: Path) -> bool:
    """Whether the reader of its format takes the file alone."""
    from astropy.io import fits

    try:
        if path.suffix.lower() in (".fits", ".fit"):
            with fits.open(path, mode="denywrite") as file:
                for hdu in file:
                    assert hdu.data is None or len(hdu.data) >= 0
        elif path.suffix.lower() == ".asdf":
            import asdf

            with asdf.open(path):
                pass
    except Exception:  # whatever a broken file leads the readers to
        return False
    return True
