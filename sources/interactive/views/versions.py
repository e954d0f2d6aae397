"""Versions of the software of this server."""

from __future__ import annotations

from django.shortcuts import render

from interactive.services import contexts
from interactive.services import versions as service


def versions(request):
    """Package, version, and what it does here; the context that names calibration versions."""
    return render(request, "interactive/versions.html", {
        "main": service.main(),
        "others": service.others(),
        "versions_context": contexts.pointer("versions"),
    })
