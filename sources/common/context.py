"""Values that every template may use."""

from __future__ import annotations

from django.conf import settings


def site(request) -> dict:
    """Observatory and use case for title and badge."""
    return {
        "observatory": settings.CRDS_OBSERVATORY,
        "usecase": settings.CRDS_USECASE,
    }
