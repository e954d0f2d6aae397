"""Keeps the archive catalogue in its own database."""

from __future__ import annotations

from django.conf import settings


class ArchiveRouter:
    """Models of app ``archive`` live in database ``archive``, all others in ``default``."""

    app = "archive"

    def db_for_read(self, model, **hints):
        return "archive" if model._meta.app_label == self.app else "default"

    db_for_write = db_for_read

    def allow_relation(self, one, two, **hints):
        return (one._meta.app_label == self.app) == (two._meta.app_label == self.app)

    def allow_migrate(self, db, app_label, **hints):
        # A schema that belongs to somebody else never gets tables of ours.
        if db == "archive" and settings.ARCHIVE_SCHEMA is not None:
            return False
        return (db == "archive") == (app_label == self.app)
