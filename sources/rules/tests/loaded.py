"""Rules as the library loads them, apart from what the process keeps."""

from __future__ import annotations


def load(context: str):
    """The context ``context`` of the library's cache with all it contains, loaded anew."""
    from crds.core import rmap

    mapping = rmap.load_mapping(context)
    mapping.force_load()
    return mapping
