"""Where dataset parameters come from: our own table, or the tables of an existing archive."""

from __future__ import annotations

from django.conf import settings

from .base import ALIAS, Backend, Entry, InstrumentCount
from .external import ExternalBackend
from .own import OwnBackend
from .schema import SchemaError, parse_schema

__all__ = ["ALIAS", "Backend", "Entry", "InstrumentCount", "SchemaError", "backend", "is_external"]

_own = OwnBackend()
#: The last mapping seen and what reads it: parsing it for every call would be waste.
_external: tuple[object, ExternalBackend] | None = None


def is_external() -> bool:
    """True if the datasets are in tables that this server only reads."""
    return settings.ARCHIVE_SCHEMA is not None


def backend() -> Backend:
    """What the settings choose; SchemaError if the mapping in them makes no sense."""
    global _external
    mapping = settings.ARCHIVE_SCHEMA
    if mapping is None:
        return _own
    current = _external
    if current is None or current[0] is not mapping:
        _external = current = (mapping, ExternalBackend(parse_schema(mapping)))
    return current[1]
