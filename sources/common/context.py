"""Values that every template may use."""

from __future__ import annotations

from django.conf import settings

#: Pages in the bar on top: name of the address, and label.
NAVIGATION = (
    ("home", "Home"),
    ("context_history", "Contexts"),
    ("browse_db", "Browse"),
    ("bestrefs", "Best references"),
    ("recent_activity", "Activity"),
)


def site(request) -> dict:
    """Observatory and use case for title and badge, and the pages of the navigation."""
    return {
        "observatory": settings.CRDS_OBSERVATORY,
        "usecase": settings.CRDS_USECASE,
        "navigation": NAVIGATION,
    }
