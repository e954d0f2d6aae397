"""What the server tells every client first: contexts, bad files, all files with size and sha1.

All but the addresses and the time of the call is the same for every caller and
made once for each state of the catalogue.  Keys and their readers: contract 2.2.
"""

from __future__ import annotations

import base64
import gzip
import json
import pprint
from datetime import UTC, datetime

from django.conf import settings

from common.prepared import Prepared
from interactive.models import BadFile, CatalogFile, CatalogRevision

from . import contexts, revision

#: Kinds of file and the folder of the download address that serves them.
DOWNLOADS = {
    "reference_url": "references",
    "mapping_url": "mappings",
    "config_url": "config",
    "pickle_url": "pickles",
}


def encode(value) -> dict:
    """``value`` in the compressed form that clients decode (contract 1.3)."""
    packed = gzip.compress(json.dumps(value).encode(), compresslevel=6, mtime=0)
    return {"crds_encoded": "1.0", "crds_payload": base64.b64encode(packed).decode()}


def common_part() -> dict:
    """The keys that are the same for every caller."""
    from crds import __version__ as crds_version

    pointers = {kind: row.context.name for kind, row in contexts.pointers().items()}
    latest = pointers.get("latest", "")
    changed = str(CatalogRevision.objects.values_list("changed_at", flat=True).get(pk=1))
    return {
        "observatory": settings.CRDS_OBSERVATORY,
        "latest_context": latest,
        "operational_context": latest,
        "edit_context": pointers.get("edit", latest),
        "build_context": contexts.build_context_newest() if latest else "",
        "versions_context": pointers.get("versions", ""),
        "context_history": contexts.history_rows(),
        "bad_files_list": bad_files(),
        "mappings": sorted(
            CatalogFile.objects.downloadable().mappings().values_list("name", flat=True)),
        "download_metadata": encode(download_metadata()),
        "crds_version": {"str": crds_version},
        "max_headers_per_rpc": settings.MAX_IDS_PER_RPC,
        "max_bestrefs_per_rpc": settings.MAX_IDS_PER_RPC,
        "force_remote_mode": 0,
        "last_refreshed": changed,
        "updated": changed,
    }


def bad_files() -> list[str]:
    """Names of the files that were marked bad; clients find the rules that contain them."""
    return sorted(BadFile.objects.values_list("file__name", flat=True))


def download_metadata() -> dict[str, dict[str, str]]:
    """Size and sha1sum, as strings, of every published file whose size is known."""
    rows = (CatalogFile.objects.published().filter(size__isnull=False)
            .order_by("name").values_list("name", "size", "sha1sum"))
    return {name: {"size": str(size), "sha1sum": sha1sum or "none"} for name, size, sha1sum in rows}


def caller_part(base_url: str) -> dict:
    """The keys that depend on the call: addresses below ``base_url``, and the time."""
    observatory = settings.CRDS_OBSERVATORY
    urls = {
        key: {
            "checked": {observatory: f"{base_url}/checked_get/{folder}/{observatory}/"},
            "unchecked": {observatory: f"{base_url}/unchecked_get/{folder}/{observatory}/"},
        }
        for key, folder in DOWNLOADS.items()
    }
    return {
        **urls,
        "server": base_url,
        "status": "server",
        "connected": True,
        "last_synced": str(datetime.now(UTC).replace(tzinfo=None)),
    }


def _common_members() -> bytes:
    """The members of :func:`common_part` as JSON, with the closing brace but not the opening."""
    return json.dumps(common_part(), allow_nan=False).encode()[1:]


PREPARED = Prepared("server_info_members", _common_members, revision.state)


def as_json(base_url: str) -> tuple[bytes, bytes]:
    """The whole answer as a JSON object, in two pieces: joining megabytes takes its time."""
    return json.dumps(caller_part(base_url)).encode()[:-1] + b", ", PREPARED.get()


def as_dict(base_url: str) -> dict:
    return json.loads(b"".join(as_json(base_url)))


def as_literal(base_url: str) -> str:
    """``server_config`` as clients keep it: a Python literal."""
    return pprint.pformat(as_dict(base_url)) + "\n"
