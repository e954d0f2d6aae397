"""How the server is doing, for people and for monitors."""

from __future__ import annotations

from django.core.paginator import Paginator
from django.http import JsonResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache

from interactive.models import ContextHistory, ImportFinding
from interactive.services import contexts, server_status

PAGE_LENGTH = 100


@never_cache
def status(request):
    return render(request, "interactive/status.html", {
        "versions": server_status.versions(),
        "revision": server_status.catalogue_revision(),
        "files": server_status.files(),
        "pointers": contexts.pointers(),
        "history_length": ContextHistory.objects.count(),
        "findings": server_status.findings(),
        "jobs": server_status.jobs(),
        "databases": server_status.databases(),
        "disk": server_status.disk(),
    })


def findings(request):
    """What imports reported: file by file, why it is not published or what differs."""
    rows = ImportFinding.objects.all()
    code = request.GET.get("code", "")
    if code:
        rows = rows.filter(code=code)
    # A page number out of range or of no sense gives the nearest page there is.
    page = Paginator(rows, PAGE_LENGTH).get_page(request.GET.get("page"))
    return render(request, "interactive/findings.html", {
        "page": page,
        "code": code,
        "codes": server_status.findings(),
    })


@never_cache
def healthz(request):
    """200 when the server can work, else 503; each check by name."""
    checks = server_status.health()
    healthy = all(result == "ok" for result in checks.values())
    return JsonResponse(
        {"status": "ok" if healthy else "failing", "checks": checks},
        status=200 if healthy else 503)
