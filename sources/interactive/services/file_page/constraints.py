"""Constraints on references of a file's type, as certification applies them."""

from __future__ import annotations

from django.conf import settings

from interactive.models import CatalogFile
from rules import constraints, environment
from rules.constraints import TypeConstraints


def of_file(file: CatalogFile) -> TypeConstraints:
    """Constraints of the type of ``file``, a reference or the rules of a type; no query."""
    environment.prepare(settings.CRDS_OBSERVATORY, settings.INSTANCE.file_cache)
    return constraints.of_type(settings.CRDS_OBSERVATORY, file.instrument, file.filekind)
