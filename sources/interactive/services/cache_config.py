"""Keeps ``file_cache/config`` current: the client library can use the store as its cache."""

from __future__ import annotations

from django.conf import settings

from ..models import BadFile
from . import server_info, store


def write() -> None:
    """Write what a client would have after synchronising with this server.

    Called after a change of contexts, bad files or files is committed; each file
    is replaced in one step.
    """
    folder = store.config_folder()
    bad = sorted(BadFile.objects.values_list("file__name", flat=True))
    store.write_text(folder / "ref_cache_subdir_mode", "flat\n")
    store.write_text(folder / "bad_files.txt", " ".join(bad))
    store.write_text(folder / "server_config", server_info.as_literal(_base_url()))


def is_written() -> bool:
    return (store.config_folder() / "server_config").is_file()


def _base_url() -> str:
    return settings.PUBLIC_URL or f"http://localhost:{settings.INSTANCE.port('CRDS_PORT')}"
