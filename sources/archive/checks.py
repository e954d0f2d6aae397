"""Checks at start that the mapping of an existing archive's tables makes sense."""

from __future__ import annotations

from django.conf import settings
from django.core.checks import Error, register

from .backends.schema import SchemaError, parse_schema


@register
def check_archive_schema(app_configs, **kwargs):
    if settings.ARCHIVE_SCHEMA is None:
        return []
    try:
        parse_schema(settings.ARCHIVE_SCHEMA)
    except SchemaError as exc:
        return [Error(exc.message, hint="Correct ARCHIVE_SCHEMA in site_config.py,"
                      " or set it to None to use this server's own tables.", id="archive.E001")]
    return []
