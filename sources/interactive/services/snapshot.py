"""The catalogue as a SQLite file that clients download (``crds sync --fetch-sqlite-db``)."""

from __future__ import annotations

import base64
import sqlite3
import tempfile
import zlib
from pathlib import Path

from django.conf import settings

from common import dates
from common.prepared import Prepared
from interactive.models import CatalogFile, ContextHistory

from . import revision

#: Columns of table crds_<obs>_catalog in their order (contract 2.4), with SQLite types.
CATALOG = {
    "id": "integer primary key", "name": "text", "blob": "text", "state": "text",
    "blacklisted": "integer", "rejected": "integer", "observatory": "text", "instrument": "text",
    "filekind": "text", "type": "text", "derived_from": "text", "sha1sum": "text",
    "delivery_date": "text", "activation_date": "text", "useafter_date": "text",
    "change_level": "text", "pedigree": "text", "reference_file_type": "text", "size": "integer",
    "uploaded_as": "text", "creator_name": "text", "deliverer_user": "text",
    "deliverer_email": "text", "description": "text", "catalog_link": "text",
    "replaced_by_filename": "text", "comment": "text", "aperture": "text",
}
HISTORY = {
    "id": "integer primary key", "name": "text", "start_date": "text", "context": "text",
    "state": "text", "description": "text",
}

#: Columns that exist for old readers but tell nothing.
WITHHELD = {"deliverer_email", "blob"}


def _make() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "crds_db.sqlite3"
        connection = sqlite3.connect(path)
        with connection:
            _table(connection, f"crds_{settings.CRDS_OBSERVATORY}_catalog", CATALOG,
                   CatalogFile.objects.published().order_by("id"))
            _table(connection, f"crds_{settings.CRDS_OBSERVATORY}_context_history", HISTORY,
                   ContextHistory.objects.order_by("id"))
        connection.close()
        return base64.b64encode(zlib.compress(path.read_bytes(), 6))


def _table(connection, name: str, columns: dict[str, str], rows) -> None:
    defined = ", ".join(f"{column} {kind}" for column, kind in columns.items())
    connection.execute(f"CREATE TABLE {name} ({defined})")
    read = [column for column in columns if column not in WITHHELD]
    marks = ", ".join("?" * len(columns))
    connection.executemany(
        f"INSERT INTO {name} VALUES ({marks})",
        (_row(values, columns) for values in rows.values(*read).iterator(chunk_size=5000)),
    )


def _row(values: dict, columns: dict[str, str]) -> list:
    return [_value(column, values.get(column, "")) for column in columns]


def _value(column: str, value):
    return dates.show(value) if column.endswith("_date") and value is not None else value


PREPARED = Prepared("sqlite_db", _make, revision.state)


def encoded() -> bytes:
    """The file, compressed and base64 encoded as the JSON-RPC hands it out."""
    return PREPARED.get()
