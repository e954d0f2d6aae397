"""The error of an import that cannot be done."""

from __future__ import annotations

from common.errors import ServiceError


class ImportFailed(ServiceError):
    """The import stopped; the catalogue is as it was before."""
