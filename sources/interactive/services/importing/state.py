"""What a server says about its catalogue: ``get_server_info``, in caches ``server_config``."""

from __future__ import annotations

import ast
import base64
import binascii
import gzip
import json
import re
import zlib
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from common import dates
from common.errors import BadRequest
from rules.reading import is_catalog_name

from .errors import ImportFailed

SHA1 = re.compile(r"[0-9a-f]{40}")

#: The largest catalogue that is unpacked, in bytes.
UNPACKED_LIMIT = 512 * 1024 * 1024


class Known(NamedTuple):
    """Recorded size (None if not known) and sha1 (empty if not known) of a file."""

    size: int | None
    sha1sum: str


class Turn(NamedTuple):
    """``context`` became latest at ``date``."""

    date: datetime
    context: str
    description: str


@dataclass(frozen=True)
class ServerState:
    """The catalogue of a server as far as clients are told of it.

    ``history`` is sorted, oldest first.  Contexts are names or empty.
    ``taken_at`` is when the state was read, None if not known.
    """

    observatory: str
    latest: str
    edit: str
    versions: str = ""
    build: str = ""
    history: tuple[Turn, ...] = ()
    bad_files: tuple[str, ...] = ()
    files: dict[str, Known] = field(default_factory=dict)
    mappings: tuple[str, ...] = ()
    taken_at: datetime | None = None


def read_server_config(path: Path) -> ServerState:
    """The state in the file ``server_config`` of a cache, a Python literal."""
    where = f"{path}"
    try:
        text = path.read_text(encoding="utf-8")
        info = ast.literal_eval(text)
    except OSError as exc:
        raise ImportFailed(
            f"{where} cannot be read: {exc.strerror}. Make it readable and start again;"
            " nothing was imported.") from exc
    except (ValueError, SyntaxError, MemoryError, RecursionError, UnicodeDecodeError) as exc:
        raise ImportFailed(
            f"{where} is damaged: it is not the Python literal that a CRDS client writes"
            f" ({type(exc).__name__}). Synchronise that cache again with 'crds sync', or remove"
            " the file to import what lies in the cache. Nothing was imported.") from exc
    return from_server_info(info, where)


def from_server_info(info, where: str) -> ServerState:
    """The state in the dictionary ``info``; ``where`` names its origin in errors."""
    if not isinstance(info, dict) or "observatory" not in info:
        raise ImportFailed(
            f"{where} holds no description of a CRDS server: the key 'observatory' is missing."
            " Nothing was imported.")
    latest = _name(info, "latest_context", where) or _name(info, "operational_context", where)
    if not latest:
        raise ImportFailed(
            f"{where} names no latest context (latest_context or operational_context)."
            " Nothing was imported.")
    return ServerState(
        observatory=str(info["observatory"]),
        latest=latest,
        edit=_name(info, "edit_context", where) or latest,
        versions=_name(info, "versions_context", where),
        build=_name(info, "build_context", where),
        history=tuple(sorted(_turn(row, where) for row in _list(info, "context_history", where))),
        bad_files=tuple(dict.fromkeys(map(str, _list(info, "bad_files_list", where)))),
        files=_files(info.get("download_metadata") or {}, where),
        mappings=tuple(map(str, _list(info, "mappings", where))),
        taken_at=_date(info.get("last_synced")),
    )


def decode(value):
    """``value``, unpacked if it is in the compressed form of the protocol (contract 1.3)."""
    if not (isinstance(value, dict) and "crds_encoded" in value):
        return value
    packed = base64.b64decode(value["crds_payload"], validate=False)
    unpacker = zlib.decompressobj(wbits=16 + zlib.MAX_WBITS)
    data = unpacker.decompress(packed, UNPACKED_LIMIT)
    if not unpacker.eof:
        raise ValueError("too large, or cut short")
    return json.loads(data)


def _files(value, where: str) -> dict[str, Known]:
    try:
        table = decode(value)
        found = {}
        for name, record in table.items():
            size, sha1sum = str(record.get("size", "")), str(record.get("sha1sum", "")).lower()
            if is_catalog_name(name):
                found[name] = Known(
                    int(size) if size.isdigit() else None,
                    sha1sum if SHA1.fullmatch(sha1sum) else "")
        return found
    except (ValueError, TypeError, KeyError, AttributeError, EOFError, zlib.error,
            binascii.Error, gzip.BadGzipFile) as exc:
        raise ImportFailed(
            f"The list of files (download_metadata) in {where} is damaged:"
            f" {exc}. Nothing was imported.") from exc


def _name(info: dict, key: str, where: str) -> str:
    value = info.get(key) or ""
    if not isinstance(value, str) or (value and not is_catalog_name(value)):
        raise ImportFailed(f"{key} in {where} is {value!r}, not the name of a context."
                           " Nothing was imported.")
    return value


def _list(info: dict, key: str, where: str) -> list:
    value = info.get(key) or []
    if isinstance(value, str):
        value = value.split()
    if not isinstance(value, (list, tuple)):
        raise ImportFailed(f"{key} in {where} is not a list. Nothing was imported.")
    return list(value)


def _turn(row, where: str) -> Turn:
    try:
        date, context, description = row
        return Turn(dates.parse(date), str(context), str(description or ""))
    except (ValueError, TypeError, AttributeError, BadRequest) as exc:
        raise ImportFailed(
            f"The context history in {where} has the row {row!r}; expected are a date, a context"
            " and a description. Nothing was imported.") from exc


def _date(value) -> datetime | None:
    try:
        return dates.parse(value)
    except (BadRequest, AttributeError, TypeError):
        return None
