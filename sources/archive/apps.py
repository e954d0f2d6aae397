from django.apps import AppConfig


class ArchiveConfig(AppConfig):
    name = "archive"

    def ready(self):
        from . import checks  # noqa: F401  (registers the check of ARCHIVE_SCHEMA)
