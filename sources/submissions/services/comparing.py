"""Difference of two files of which at least one is uploaded: made by a job, kept for a while.

The result is named by what the files were when they were asked for (area, name, size, time);
an upload that changes gets a result of its own.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings

from common.errors import BadRequest, NotFound, ServiceError
from differences.services import pairs, reference_files, texts
from interactive.models import CatalogFile
from interactive.services import store
from jobs import kept
from rules.names import is_mapping

KIND = "upload_difference"
RESULT = "result.json"
KNOWN, UPLOADED = "known", "uploaded"

#: Rows of rules that a page shows.
ROWS = 500


@dataclass(frozen=True)
class Side:
    """One of the two files: ``name`` is what was written, or ``area/name`` of an upload."""

    label: str
    mode: str
    name: str

    @property
    def given(self) -> bool:
        return bool(self.name)

    @property
    def file(self) -> str:
        """The name of the file itself."""
        return self.name.rpartition("/")[2]


def side(query, label: str) -> Side:
    """The file that an address names under ``label``: old or new."""
    mode = UPLOADED if query.get(f"{label}_mode") == UPLOADED else KNOWN
    return Side(label, mode, query.get(f"{label}_upload" if mode == UPLOADED else label,
                                       "").strip()[:400])


def uploads(user) -> list[str]:
    """Complete uploads of ``user`` as ``area/name``; those of the default area are ``/name``."""
    from fileupload.services import incoming

    return [f"{draft.name}/{each.name}" for draft in user.drafts.order_by("name")
            for each in incoming.listing(draft) if each.complete]


def obtain(user, *sides: Side) -> kept.Kept:
    """The difference as it stands; a job makes it if it was not asked for before."""
    if not all(each.given for each in sides):
        raise BadRequest("Name two files: the older one and the newer one.")
    files = [_described(user, each) for each in sides]
    if is_mapping(files[0]["name"]) != is_mapping(files[1]["name"]) or (
            Path(files[0]["name"]).suffix != Path(files[1]["name"]).suffix):
        raise pairs.WrongPair(
            f"'{files[0]['name']}' and '{files[1]['name']}' are files of different kinds, which"
            " cannot be compared.")
    text = repr([sorted(each.items()) for each in files])
    key = hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()
    return kept.obtain(KIND, key, {"old": files[0], "new": files[1]})


def _described(user, side: Side) -> dict:
    """What identifies the file of ``side``; NotFound where there is none."""
    if side.mode == KNOWN:
        name = pairs.resolve(side.name)
        row = CatalogFile.objects.published().filter(name=name).first()
        if row is None:
            raise NotFound(f"There is no published file '{name[:130]}'. Names are case-sensitive"
                           " and end in an extension such as .pmap or .fits.")
        if store.location(name) is None:
            raise NotFound(f"'{name}' is in the catalogue but not stored here.")
        return {"name": name, "sha1sum": row.sha1sum}
    area, _, name = side.name.rpartition("/")
    draft = user.drafts.filter(name=area).first()
    if draft is None or side.name not in uploads(user):
        raise NotFound(f"There is no complete upload '{side.name[:200]}' of yours.")
    facts = _folder(draft).joinpath(name).stat()
    return {"name": name, "draft": draft.pk, "size": facts.st_size, "time": facts.st_mtime_ns}


def _folder(draft) -> Path:
    from fileupload.services import drafts

    return Path(drafts.folder(draft))


# ---- making, in a job ------------------------------------------------------------


def make(folder: Path, old: dict, new: dict, progress: Callable) -> None:
    """Write the difference of two files, as :func:`obtain` describes them, into ``folder``."""
    paths = [_path(old), _path(new)]
    if is_mapping(new["name"]):
        found = _rules(paths, [old["name"], new["name"]])
    else:
        found = _references(folder, paths, old, new, progress)
    for described in (old, new):
        _path(described)
    kept.write_json(folder / RESULT, {"old": old["name"], "new": new["name"], **found})


def _path(described: dict) -> Path:
    """Where the file lies; ServiceError if it is no longer what it was."""
    from fileupload.models import Draft

    if "draft" not in described:
        return store.location(described["name"])
    draft = Draft.objects.filter(pk=described["draft"]).first()
    path = _folder(draft) / described["name"] if draft else None
    try:
        facts = path.stat() if path else None
    except OSError:
        facts = None
    if facts is None or (facts.st_size, facts.st_mtime_ns) != (
            described["size"], described["time"]):
        raise ServiceError(
            f"The upload '{described['name']}' was changed or removed meanwhile. Compare again.")
    return path


def _references(folder: Path, paths: list[Path], old: dict, new: dict, progress) -> dict:
    from differences.services import references
    from rules.differences import row_keys

    row = CatalogFile.objects.filter(name__in=[old["name"], new["name"]]).exclude(
        instrument="").first()
    keys = row_keys(settings.CRDS_OBSERVATORY, row.instrument, row.filekind) if row else []
    found = references.compare(folder, *paths, keys, progress)
    _without_pictures(found)
    return {**found, "totals": reference_files.totals(found), "report": False}


def _without_pictures(found) -> None:
    """Pictures belong to pairs of published files."""
    if isinstance(found, dict):
        found.pop("pictures", None)
        for value in found.values():
            _without_pictures(value)
    elif isinstance(found, list):
        for value in found:
            _without_pictures(value)


def _rules(paths: list[Path], names: list[str]) -> dict:
    from dataclasses import asdict

    from rules.differences import compare_files
    from rules.tables import readable, short_names

    lines = [texts.read(path) for path in paths]
    found: dict = {"rules": True, "text": None, "sections": [], "problem": ""}
    if None not in lines:
        found["text"] = texts.difference(*lines)
    if not names[0].endswith(".rmap"):
        return found
    try:
        sections = compare_files(*paths)
    except Exception as exc:  # whatever broken rules lead the library to
        found["problem"] = f"The rules cannot be compared row by row: {exc}"[:500]
        return found
    for section in sections:
        found["sections"].append({
            "titles": short_names(list(section.parameters)), "total": len(section.rows),
            "headers": [asdict(change) for change in section.headers if not change.routine],
            "rows": [{**asdict(row), "shown": [readable(value) for value in row.case]}
                     for row in section.rows[:ROWS]]})
    return found


def shown(found: kept.Kept) -> dict:
    """What the page of a result needs."""
    content = found.json(RESULT)
    return {"found": content, "totals": content.get("totals"),
            "same": "totals" in content and reference_files.says_same(content)}
