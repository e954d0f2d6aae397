from __future__ import annotations

from django.apps import AppConfig


class JpollConfig(AppConfig):
    name = "jpoll"
    verbose_name = "Status channels"
