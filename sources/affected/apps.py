from __future__ import annotations

from django.apps import AppConfig


class AffectedConfig(AppConfig):
    name = "affected"
    verbose_name = "Affected datasets"
