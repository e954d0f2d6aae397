"""The home page."""

from __future__ import annotations

from django.conf import settings
from django.shortcuts import render

from interactive.models import ContextHistory, RemoteContext
from interactive.services import contexts, latest_references

#: Rows of the context history on the home page.
RECENT = 4


def home(request):
    pointers = contexts.pointers()
    latest = pointers.get("latest")
    instruments = latest_references.overview(latest.context.name) if latest else []
    return render(request, "interactive/home.html", {
        "pointers": pointers,
        "latest": latest,
        "instruments": instruments,
        "references": sum(instrument["references"] for instrument in instruments),
        "history": ContextHistory.objects.order_by("-start_date", "-id")[:RECENT],
        "pipelines": _pipelines(),
    })


def _pipelines() -> list[RemoteContext]:
    """One row for each configured pipeline, also for those that never reported."""
    reported = {row.key: row for row in RemoteContext.objects.all()}
    return [reported.get(key) or RemoteContext(key=key) for key in settings.REMOTE_CONTEXT_KEYS]
