"""Contexts and deliveries over the years."""

from __future__ import annotations

from django.shortcuts import render

from interactive.services import timeline as service


def timeline(request):
    """All years, or the months of ``?year=``."""
    known = service.read()
    year = service.checked_year(request.GET.get("year"), known)
    instruments, deliveries = service.delivery_rows(known, year)
    return render(request, "interactive/timeline.html", {
        "year": year,
        "years": known.years[::-1],
        "contexts": service.contexts_picture(known, year),
        "context_rows": service.context_rows(known, year),
        "files": service.deliveries_picture(known, year),
        "instruments": instruments,
        "feeds": list(known.months),
        "delivery_rows": deliveries,
    })
