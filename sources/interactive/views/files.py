"""Downloads: files by name, for clients, scripts and pages (contract section 3)."""

from __future__ import annotations

import logging
import os
from datetime import UTC, datetime

from django.conf import settings
from django.http import HttpResponse
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_safe

from common.errors import NotFound, Unavailable
from common.ranges import ServedFile, file_response
from interactive.models import CatalogFile, FileType
from interactive.services import server_info, store

log = logging.getLogger(__name__)

TYPES = {"references": FileType.REFERENCE, "mappings": FileType.MAPPING}
CONTENT_TYPES = {
    ".fits": "application/fits",
    ".json": "application/json",
    ".yaml": "application/yaml",
    ".text": "text/plain; charset=utf-8",
    ".pmap": "text/plain; charset=utf-8",
    ".imap": "text/plain; charset=utf-8",
    ".rmap": "text/plain; charset=utf-8",
}

#: Content under a name never changes, so any cache may keep it.
FOR_EVER = 365 * 24 * 3600


@require_safe
@cache_control(public=True, max_age=FOR_EVER, immutable=True, no_transform=True)
def download(request, kind: str, observatory: str, name: str):
    """A reference or rule file."""
    return file_response(request, _served_file(kind, observatory, name))


def _served_file(kind: str, observatory: str, name: str) -> ServedFile:
    row = (CatalogFile.objects.published()
           .filter(name=name, type=TYPES[kind], observatory=observatory)
           .only("name", "size", "sha1sum", "stored", "extension", "type").first())
    if row is None:
        raise NotFound(f"There is no file '{name}' among the published {kind} of '{observatory}'.")
    path = store.location(name) if row.stored else None
    if path is None:
        raise NotFound(
            f"'{name}' is in the catalogue but not stored here: only its name, size and checksum"
            " are known. Ask the server that this catalogue was copied from.")
    state = os.stat(path)
    if state.st_size != row.size:
        log.error("%s has %d bytes, the catalogue says %d", path, state.st_size, row.size)
        raise Unavailable(
            f"The stored copy of '{name}' does not have the size that the catalogue records,"
            " so it is not served. An operator has to repair it.")
    return ServedFile(
        path=path,
        size=row.size,
        etag=f'"{row.sha1sum}"',
        modified=datetime.fromtimestamp(state.st_mtime, UTC),
        content_type=CONTENT_TYPES.get(row.extension, "application/octet-stream"),
        by_server=True,
    )


@require_safe
def server_config(request, observatory: str):
    """``server_config``: the server's description as a Python literal, as caches keep it."""
    if observatory != settings.CRDS_OBSERVATORY:
        raise NotFound(f"This server has no configuration of observatory '{observatory}'.")
    return HttpResponse(server_info.as_literal(base_url(request)),
                        content_type="text/plain; charset=utf-8")


@require_safe
def pickle(request, observatory: str, name: str):
    """Pickled contexts are not made; clients load the rules themselves."""
    raise NotFound("This server makes no pickled contexts. Synchronise the rules instead.")


def base_url(request) -> str:
    """Address below which this server answers the caller, without a trailing slash."""
    root = settings.PUBLIC_URL or f"{request.scheme}://{request.get_host()}"
    return root + request.META.get("SCRIPT_NAME", "")
