"""Differences of rule files: made once by a job, kept as one summary and files of its sections."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path

from common.errors import NotFound
from interactive.services import rule_graph, store
from jobs import kept

from . import texts

KIND = "rule_difference"
SUMMARY = "result.json"


# ---- making ------------------------------------------------------------------


def make(folder: Path, old: str, new: str, progress: Callable) -> None:
    """Write the differences of the stored rules ``old`` and ``new`` into ``folder``.

    ``progress(done, total, text)`` is told how far it is.
    """
    from rules import differences

    progress(0, 100, "Comparing the rules")
    try:
        sections = differences.compare(old, new)
    except FileNotFoundError as exc:
        raise NotFound(
            f"'{Path(exc.filename).name}', which one of the two contains, is not stored here."
            " Ask the server that this catalogue was copied from.") from exc
    index = []
    for number, section in enumerate(sections):
        progress(10 + 90 * number / len(sections), 100, f"Comparing {section.new or section.old}")
        index.append(_write_section(folder, section, _identifier(section, index)))
    kept.write_json(folder / SUMMARY, {
        "old": old, "new": new, "sections": index, "totals": _totals(sections, old, new)})


def _identifier(section, index: list[dict]) -> str:
    """Part of addresses: ``context``, ``acs``, ``acs-darkfile``; a number tells twins apart."""
    words = "-".join(filter(None, (section.instrument, section.filekind))) or "context"
    name = re.sub(r"[^a-z0-9]+", "-", words.lower()).strip("-") or "rules"
    taken = {entry["id"] for entry in index}
    unique = (name if not number else f"{name}-{number}" for number in range(len(index) + 1))
    return next(candidate for candidate in unique if candidate not in taken)


def _write_section(folder: Path, section, identifier: str) -> dict:
    """Write the files of ``section``; returns its entry in the summary."""
    from rules.tables import readable, short_names

    headers = [{**asdict(change), "routine": change.routine} for change in section.headers]
    entry = {
        "id": identifier, "level": section.level, "old": section.old, "new": section.new,
        "instrument": section.instrument, "filekind": section.filekind,
        "status": section.status, "parameters": section.parameters,
        "titles": short_names(list(section.parameters)),
        "dated": any(row.date for row in section.rows), "rows": len(section.rows),
        "cases": section.cases if section.level == "rmap" else 0,
        "headers": sum(not change.routine for change in section.headers),
        "files": {"added": len(section.added), "replaced": len(section.replaced),
                  "deleted": len(section.deleted)},
        "entries": {action: section.count(action)
                    for action in ("added", "replaced", "deleted", "restructured")},
        "text": _write_text(folder, section, identifier),
    }
    kept.write_json(folder / f"rows-{identifier}.json", {
        "entries_list": [{**asdict(row), "shown": [readable(value) for value in row.case]}
                         for row in section.rows],
        "header": headers,
        "references": {"added": section.added, "replaced": section.replaced,
                  "deleted": section.deleted}})
    return entry


def _write_text(folder: Path, section, identifier: str) -> dict | None:
    """Numbers of lines added and deleted; None where there is no text difference."""
    paths = [store.location(name) if name else None for name in (section.old, section.new)]
    if None in paths:
        return None
    old, new = map(texts.read, paths)
    if old is None or new is None:
        return None
    found = texts.difference(old, new)
    kept.write_json(folder / f"text-{identifier}.json", found)
    return {"added": found["added"], "deleted": found["deleted"]}


def _totals(sections: list, old: str, new: str) -> dict:
    types = [section for section in sections if section.level == "rmap"]
    came = {name for section in types for name in (*section.added, *section.replacing)}
    gone = {name for section in types for name in (*section.replaced, *section.deleted)}
    # A file of several types is new only if no type had it before.
    return {
        "references_new": len(came - set(rule_graph.closure(old).references)),
        "references_gone": len(gone - set(rule_graph.closure(new).references)),
        "replaced": sum(len(section.replaced) for section in types),
        "instruments": len({section.instrument for section in types} - {""}),
        "types": len(types),
        "rules": {status: sum(section.status == status for section in sections)
                  for status in ("changed", "added", "deleted")},
        "entries": {action: sum(section.count(action) for section in types)
                    for action in ("added", "replaced", "deleted", "restructured")},
        "cases": sum(section.cases for section in types),
        "headers": sum(not change.routine for s in sections for change in s.headers),
        "rows": sum(len(section.rows) for section in sections),
        "records": sum(len(section.rows) + len(section.headers) for section in sections),
    }


# ---- reading -----------------------------------------------------------------


def section(found: kept.Kept, identifier: str) -> dict:
    """The entry ``identifier`` of a summary, with ``entries_list``, ``header`` and ``references``.

    These are its rows, its header changes, and the names of references added, replaced, deleted.
    """
    entry = _entry(found, identifier)
    return {**entry, **_content(found, entry)}


def text(found: kept.Kept, identifier: str) -> dict:
    """The section ``identifier`` with its text difference under ``difference``."""
    entry = _entry(found, identifier)
    if entry["text"] is None:
        raise NotFound(
            f"There is no text difference for '{entry['new'] or entry['old']}': it is on one side"
            " only, or too large to compare line by line.")
    return {**entry, "difference": found.json(f"text-{entry['id']}.json")}


def _content(found: kept.Kept, entry: dict) -> dict:
    return found.json(f"rows-{entry['id']}.json")


def _entry(found: kept.Kept, identifier: str) -> dict:
    for entry in found.json()["sections"]:
        if entry["id"] == identifier:
            return entry
    raise NotFound(f"This difference has no part '{identifier[:80]}'. Open it from its beginning.")


def rows(found: kept.Kept) -> Iterator[dict]:
    """Every difference as one flat record, header changes included, in tree order."""
    for entry in found.json()["sections"]:
        yield from section_rows(found, entry)


def section_rows(found: kept.Kept, entry: dict) -> Iterator[dict]:
    content = _content(found, entry)
    place = {"instrument": entry["instrument"], "type": entry["filekind"],
             "old_rules": entry["old"], "new_rules": entry["new"]}
    for row in content["entries_list"]:
        case = dict(zip(entry["parameters"], row["case"], strict=True))
        yield {**place, "action": row["action"], "case": case, "useafter": row["date"],
               "old": " ".join(row["old"]), "new": " ".join(row["new"]),
               "difference": row["text"]}
    for change in content["header"]:
        yield {**place, "action": f"header {change['action']}", "case": {"field": change["key"]},
               "useafter": "", "old": change["old"] or "", "new": change["new"] or "",
               "difference": f"header {change['action']} '{change['key']}'"}
