"""Tables of the catalogue's rmaps: what :mod:`rules.tables` reads, by file name, made once."""

from __future__ import annotations

import logging
from functools import lru_cache
from pathlib import Path

from django.conf import settings

from common.errors import NotFound, Unavailable
from interactive.models import CatalogFile
from rules import environment, tables
from rules.tables import RuleTable

from . import store

log = logging.getLogger(__name__)

#: Tables that a process holds; the largest real one takes 4 MB.
HELD = 16


def table(name: str) -> RuleTable:
    """The rows of the published rmap ``name``; one query, and none of the library's context loads.

    Raises :class:`NotFound` for a file that is not published, is no rmap, or is not stored
    here, and :class:`Unavailable` when its bytes cannot be read.
    """
    row = (CatalogFile.objects.published().mappings().filter(name=name)
           .only("name", "sha1sum", "stored").first())
    if row is None or not name.endswith(".rmap"):
        raise NotFound(f"There is no published rmap '{name}'. Names are case-sensitive.")
    return table_of(row)


def table_of(row: CatalogFile) -> RuleTable:
    """As :func:`table`, for a published rmap whose row is at hand; no query."""
    path = store.location(row.name) if row.stored else None
    if path is None:
        raise NotFound(
            f"The rules '{row.name}' are in the catalogue but not stored here, so what they hold"
            " cannot be shown.")
    return _held(row.name, row.sha1sum or store.checksum(path), path, folder())


def specials(name: str, stored: bool) -> dict[str, str]:
    """Keys of a published pmap or imap that it declares N/A or OMIT; none where it is not here."""
    path = store.location(name) if stored else None
    if path is None:
        return {}
    environment.prepare(settings.CRDS_OBSERVATORY, settings.INSTANCE.file_cache)
    try:
        return tables.specials(name, path.read_bytes())
    except (tables.NotATable, OSError):
        # The catalogue knows what the file contains; only what is not there is not shown.
        log.exception("%s cannot be read", path)
        return {}


def folder() -> Path:
    """Where tables are kept: files named by the sha1 of the rmap, safe to delete."""
    return settings.INSTANCE.shared_cache / "rule_tables"


@lru_cache(maxsize=HELD)
def _held(name: str, sha1sum: str, path: Path, kept_in: Path) -> RuleTable:
    environment.prepare(settings.CRDS_OBSERVATORY, settings.INSTANCE.file_cache)
    try:
        return tables.kept(name, sha1sum, path, kept_in)
    except tables.NotATable as exc:
        raise Unavailable(f"{exc} An operator has to look after this file.") from exc
    except OSError as exc:
        raise Unavailable(
            f"The rules '{name}' cannot be read at the moment ({exc.strerror or exc})."
            " An operator has to look after them.") from exc
