"""Addresses of the pages of operations."""

from __future__ import annotations

from django.urls import path, register_converter

from .views import marking, setting


class Key:
    """The number of a row, short enough for the database."""

    regex = "[0-9]{1,12}"

    def to_python(self, value: str) -> int:
        return int(value)

    def to_url(self, value: int) -> str:
        return str(value)


register_converter(Key, "key")

urlpatterns = [
    path("set_default_context/", setting.set_default_context, name="set_default_context"),
    path("mark_bad/", marking.mark_bad, name="mark_bad"),
    path("mark_bad/<key:key>/", marking.clean_up, name="clean_up"),
]
