"""Addresses of the pages of affected datasets."""

from __future__ import annotations

from django.urls import path, register_converter

from .views import downloads, pages


class ContextName:
    """The name of a context."""

    regex = r"[A-Za-z0-9_.\-]{1,123}\.pmap"

    def to_python(self, value: str) -> str:
        return value

    def to_url(self, value: str) -> str:
        return value


register_converter(ContextName, "pmap")

PAIR = "affected/<pmap:old>/<pmap:new>/"

urlpatterns = [
    path("affected/", pages.listing, name="affected"),
    path("affected/start/", pages.start, name="affected_start"),
    path("affected/runs/<int:pk>/cancel/", pages.cancel, name="affected_cancel"),
    path("affected/runs/<int:pk>/again/", pages.again, name="affected_again"),
    path(PAIR, pages.result, name="affected_result"),
    path(f"{PAIR}progress/", pages.progress, name="affected_progress"),
    path(f"{PAIR}ids.txt", downloads.ids, name="affected_ids"),
    path(f"{PAIR}bestrefs.log", downloads.log, name="affected_log"),
    path(f"{PAIR}errors.txt", downloads.errors, name="affected_errors"),
]
