"""Differences of references: made once by a job, kept as one result with its pictures."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from django.conf import settings

from common.errors import NotFound
from interactive.models import CatalogFile
from interactive.services import store
from jobs import kept

KIND = "reference_difference"
RESULT = "result.json"
REPORT = "report.txt"


def make(folder: Path, old: str, new: str, progress: Callable) -> None:
    """Write the differences of the stored references ``old`` and ``new`` into ``folder``."""
    from rules.differences import row_keys

    from . import references

    rows = {row.name: row for row in CatalogFile.objects.published().filter(name__in=[old, new])}
    paths = [store.location(name) for name in (old, new)]
    if None in paths:
        raise NotFound(f"'{old if paths[0] is None else new}' is not stored here.")
    keys = row_keys(settings.CRDS_OBSERVATORY, rows[new].instrument, rows[new].filekind)
    found = references.compare(folder, *paths, keys, progress)
    kept.write_json(folder / RESULT, {"old": old, "new": new, **found, "totals": totals(found)})


def totals(found: dict) -> dict:
    """Numbers of a result for its summary."""
    units = found.get("hdus", [])
    images = [unit["image"] for unit in units + found.get("arrays", []) if "image" in unit]
    tables = [unit["table"] for unit in units if "table" in unit]
    return {
        "parts": len(units),
        "parts_changed": sum(unit["status"] != "same" for unit in units),
        "cards": sum(unit["header"]["total"] for unit in units if "header" in unit),
        "rows": sum(table[name] for table in tables for name in ("added", "deleted", "changed")),
        "tables": len(tables),
        "pixels": sum(image["differs"] for image in images),
        "images": len(images),
        "values": sum(found.get("counts", {}).values()),
        "arrays_changed": sum(part["status"] != "same" for part in found.get("arrays", [])),
    }


def says_same(found: dict) -> bool:
    """Whether no difference was found in what the format means, though bytes may differ."""
    if found["format"] == "same":
        return True
    if found.get("problem") or found["format"] in ("bytes", "text"):
        return False
    counted = found["totals"]
    return not any(counted[name] for name in (
        "parts_changed", "cards", "rows", "pixels", "values", "arrays_changed"))
