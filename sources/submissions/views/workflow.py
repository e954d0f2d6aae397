"""The Server Workflow page: the operator's procedure, with how things stand."""

from __future__ import annotations

from django.conf import settings
from django.shortcuts import render
from django.views.decorators.http import require_safe

from accounts.access import submitter
from interactive.models import Delivery, DeliveryState, RemoteContext
from interactive.services import contexts

from ..models import State, Submission

#: Deliveries and submissions that the page lists.
SHOWN = 8


@submitter
@require_safe
def workflow(request):
    pointers = contexts.pointers()
    edit, latest = pointers.get("edit"), pointers.get("latest")
    reported = {row.key: row for row in RemoteContext.objects.all()}
    return render(request, "submissions/workflow.html", {
        "edit": edit, "latest": latest,
        "waiting": Submission.objects.filter(state=State.READY).select_related("user")[:SHOWN],
        "at_work": Submission.objects.filter(
            state__in=[State.QUEUED, State.RUNNING, State.CONFIRMING]).count(),
        "under_way": Delivery.objects.exclude(state=DeliveryState.ARCHIVED)[:SHOWN],
        "archived": Delivery.objects.filter(state=DeliveryState.ARCHIVED).first(),
        "pipelines": [reported.get(key) or RemoteContext(key=key)
                      for key in settings.REMOTE_CONTEXT_KEYS]})
