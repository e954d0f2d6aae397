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

#: Other pages of the same subject, which mark its entry in the bar.
SUBJECTS = {
    **dict.fromkeys(("context_table", "context_type", "all_contexts", "build_contexts",
                     "timeline", "affected", "affected_result"), "context_history"),
    "browse": "browse_db",
    **dict.fromkeys(("bestrefs_many", "bestrefs_explore", "explain"), "bestrefs"),
}

#: A parameter value that astronomers of the observatory know, as a hint in search boxes.
FAMILIAR_VALUES = {"hst": "F606W", "jwst": "F200W", "roman": "F158"}


def site(request) -> dict:
    """Observatory and use case for title and badge, and the pages of the navigation."""
    match = request.resolver_match
    name = match.url_name if match else None
    return {
        "observatory": settings.CRDS_OBSERVATORY,
        "usecase": settings.CRDS_USECASE,
        "navigation": NAVIGATION,
        "subject": SUBJECTS.get(name, name),
        "familiar_value": FAMILIAR_VALUES.get(settings.CRDS_OBSERVATORY, "flat"),
    }
