"""The file catalogue."""

from __future__ import annotations

from interactive.models import CatalogFile, FileType
from interactive.services import file_info
from jsonapi import checks
from jsonapi.registry import rpc

from . import common

#: ``crds sync --check-files`` asks for every file of an observatory in one call.
MOST_FILES = 500_000


@rpc
def list_mappings(request, observatory=None, glob_pattern="*"):
    """Names of the rule files that match a shell pattern such as ``*.pmap``."""
    common.observatory(observatory)
    return file_info.names_like(checks.text(glob_pattern, "glob_pattern"), FileType.MAPPING)


@rpc
def list_references(request, observatory=None, glob_pattern="*"):
    """Names of the references that match a shell pattern such as ``*_drk.fits``."""
    common.observatory(observatory)
    return file_info.names_like(checks.text(glob_pattern, "glob_pattern"), FileType.REFERENCE)


@rpc
def get_file_info(request, context, filename):
    """Catalogue fields of one file, as strings.  ``context`` may be an observatory."""
    return file_info.file_info(checks.text(filename, "filename"))


@rpc
def get_file_info_map(request, observatory=None, files=None, fields=None):
    """``{name: fields}`` of files; ``null`` means all files, or all fields.

    Files that are not in the catalogue map to ``NOT FOUND``.
    """
    common.observatory(observatory)
    names = None if files is None else checks.texts(files, "files", most=MOST_FILES)
    return file_info.file_info_map(names, checks.optional_texts(fields, "fields"))


@rpc
def file_exists(request, context, filename):
    """Whether a file is in the catalogue.  For clients of former years."""
    name = checks.text(filename, "filename")
    return CatalogFile.objects.published().filter(name=name).exists()
