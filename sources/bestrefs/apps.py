from __future__ import annotations

from django.apps import AppConfig


class BestrefsConfig(AppConfig):
    name = "bestrefs"
    verbose_name = "Best references"
