"""What the server is and how its files are reached."""

from __future__ import annotations

from common.errors import NotFound
from interactive.models import CatalogFile, FileType
from interactive.services import server_info, snapshot
from interactive.views.files import base_url
from jsonapi import checks
from jsonapi.protocol import RawJson
from jsonapi.registry import rpc

from . import common


@rpc
def get_server_info(request):
    """What a client needs first: contexts, bad files, addresses, size and sha1 of all files."""
    return RawJson(*server_info.as_json(base_url(request)))


@rpc
def get_sqlite_db(request, observatory=None):
    """The catalogue as a SQLite file: ``base64(zlib(bytes))``."""
    common.observatory(observatory)
    # Base64 needs no escaping to be a JSON string.
    return RawJson(b'"', snapshot.encoded(), b'"')


@rpc
def get_mapping_url(request, context, mapping):
    """Address of a rule file.  Deprecated: see ``mapping_url`` of ``get_server_info``."""
    return _url(request, mapping, FileType.MAPPING)


@rpc
def get_reference_url(request, context, reference):
    """Address of a reference.  Deprecated: see ``reference_url`` of ``get_server_info``."""
    return _url(request, reference, FileType.REFERENCE)


@rpc
def get_url(request, context, filename):
    """Address of a rule file or reference.  Deprecated: see ``get_server_info``."""
    return _url(request, filename)


def _url(request, name, type_: str | None = None) -> str:
    name = checks.text(name, "the file name")
    row = CatalogFile.objects.published().filter(name=name).values("type", "observatory").first()
    if row is None or type_ not in (None, row["type"]):
        raise NotFound(f"Unknown {type_ or 'file'} '{name}': it is not in this server's catalogue.")
    return f"{base_url(request)}/unchecked_get/{row['type']}s/{row['observatory']}/{name}"
