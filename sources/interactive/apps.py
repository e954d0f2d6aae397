"""The app of the catalogue and the web site."""

from __future__ import annotations

from django.apps import AppConfig


class InteractiveConfig(AppConfig):
    name = "interactive"
    verbose_name = "Catalogue and web site"

    def ready(self) -> None:
        from django.conf import settings

        from rules.environment import prepare

        # Before anything imports the client library, which reads its environment then.
        prepare(settings.CRDS_OBSERVATORY, settings.INSTANCE.file_cache)
