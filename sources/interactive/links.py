"""Addresses of catalogue files, without asking the database."""

from __future__ import annotations

from django.conf import settings
from django.urls import get_script_prefix

from rules.names import is_mapping


def download_path(name: str) -> str:
    """Path below the server's address at which it hands out file ``name``."""
    folder = "mappings" if is_mapping(name) else "references"
    return f"unchecked_get/{folder}/{settings.CRDS_OBSERVATORY}/{name}"


def download_address(name: str) -> str:
    """The same as an address for links on pages."""
    return get_script_prefix() + download_path(name)
