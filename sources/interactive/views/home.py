"""The home page."""

from __future__ import annotations

from django.conf import settings
from django.shortcuts import render

from interactive.models import ContextHistory, RemoteContext
from interactive.services import context_history, contexts, latest_references

#: Rows of the context history on the home page.
RECENT = 4


def home(request):
    pointers = contexts.pointers()
    latest = pointers.get("latest")
    history = list(context_history.history()[:RECENT])
    instruments = latest_references.overview(latest.context.name) if latest else []
    return render(request, "interactive/home.html", {
        "pointers": pointers,
        "latest": latest,
        "instruments": instruments,
        "numbers": latest_references.count(instruments),
        "history": history,
        "latest_since": _latest_since(latest, history),
        "pipelines": _pipelines(),
    })


def _latest_since(latest, history: list[ContextHistory]):
    """When the latest context became that; an imported pointer only knows when it was imported."""
    if latest is None:
        return None
    current = history and history[0].context == latest.context.name
    return history[0].start_date if current else latest.changed_at


def _pipelines() -> list[RemoteContext]:
    """One row for each configured pipeline, also for those that never reported."""
    reported = {row.key: row for row in RemoteContext.objects.all()}
    return [reported.get(key) or RemoteContext(key=key) for key in settings.REMOTE_CONTEXT_KEYS]
