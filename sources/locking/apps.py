from __future__ import annotations

from django.apps import AppConfig


class LockingConfig(AppConfig):
    name = "locking"
    verbose_name = "Locks"

    def ready(self):
        from . import signals  # noqa: F401
