"""Catalogue rows in the form of the JSON-RPC: strings in lower case, ``none`` for nothing."""

from __future__ import annotations

from collections.abc import Iterable

from django.conf import settings

from common import dates
from common.errors import BadRequest, NotFound
from interactive.models import CatalogFile

NOT_FOUND = "NOT FOUND"

#: Fields of an answer; a deliverer's mail address is never one of them.
FIELDS = (
    "activation_date", "aperture", "blacklisted", "change_level", "comment", "creator_name",
    "deliverer_user", "delivery_date", "derived_from", "description", "filekind", "history",
    "instrument", "name", "observatory", "pedigree", "reference_file_type", "rejected",
    "replaced_by_filename", "sha1sum", "size", "state", "type", "uploaded_as", "useafter_date",
)

#: Fields that clients read as empty where nothing is known.
EMPTY_FIELDS = {"replaced_by_filename"}

#: Names are compared by clients: their case stays.
CASE_KEPT = {"name", "uploaded_as", "derived_from", "replaced_by_filename"}

CHUNK = 500


def file_info(name: str) -> dict[str, str]:
    """All fields of the published file ``name``."""
    row = CatalogFile.objects.published().filter(name=name).values(*FIELDS).first()
    if row is None:
        raise NotFound(f"Unknown file '{name}': it is not in this server's catalogue.")
    return _strings(row)


def file_info_map(names: Iterable[str] | None, fields: Iterable[str] | None) -> dict:
    """``{name: {field: text}}``; each unknown one of ``names`` maps to ``NOT FOUND``.

    ``names`` None means every file, ``fields`` None every field.
    """
    wanted = _checked_fields(fields)
    columns = {*wanted, "name"}
    if names is None:
        rows = CatalogFile.objects.published().values(*columns).iterator(chunk_size=5000)
        return {row["name"]: _strings(row, wanted) for row in rows}
    names = list(dict.fromkeys(names))
    found = {row["name"]: _strings(row, wanted) for row in _rows(names, columns)}
    return {name: found.get(name, NOT_FOUND) for name in names}


def _rows(names: list[str], columns: set[str]):
    published = CatalogFile.objects.published()
    for start in range(0, len(names), CHUNK):
        yield from published.filter(name__in=names[start:start + CHUNK]).values(*columns)


def _checked_fields(fields: Iterable[str] | None) -> tuple[str, ...]:
    if fields is None:
        return FIELDS
    fields = tuple(fields)
    unknown = sorted(set(fields) - set(FIELDS))
    if unknown:
        raise BadRequest(
            f"Unknown fields {', '.join(map(repr, unknown))}. Known are {', '.join(FIELDS)}.")
    return fields


def _strings(row: dict, fields: Iterable[str] = FIELDS) -> dict[str, str]:
    return {field: _text(field, row[field]) for field in fields}


def _text(field: str, value) -> str:
    if field.endswith("_date"):
        return dates.show(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if value is None or value == "":
        return "" if field in EMPTY_FIELDS else "none"
    return str(value) if field in CASE_KEPT else str(value).lower()


def names_like(glob: str, type_: str) -> list[str]:
    """Published names of ``type_`` that match the shell pattern ``glob``, sorted."""
    from fnmatch import translate
    from re import compile as compile_pattern

    pattern = compile_pattern(translate(glob))
    names = CatalogFile.objects.published().filter(
        type=type_, observatory=settings.CRDS_OBSERVATORY).values_list("name", flat=True)
    return sorted(name for name in names if pattern.match(name))
