"""Lists of contexts: the history, all of them, those of builds."""

from __future__ import annotations

from common.lists import list_response
from interactive import context_lists
from interactive.services import context_history as service


def context_history(request):
    """Every context that ever was latest."""
    return list_response(
        request, rows=service.history(), table=context_lists.History,
        filters=context_lists.HistoryFilters, template="interactive/context_history.html",
        name="context_history", title="Context history")


def all_contexts(request):
    """Every context that was ever delivered."""
    return list_response(
        request, rows=service.delivered(), table=context_lists.AllContexts,
        filters=context_lists.AllContextsFilters, template="interactive/all_contexts.html",
        name="contexts", title="All contexts")


def build_contexts(request):
    """Which context goes with which version of the calibration software."""
    return list_response(
        request, rows=service.builds(), table=context_lists.Builds,
        template="interactive/build_contexts.html", name="build_contexts", title="Build contexts")
