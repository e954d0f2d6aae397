"""Keeps the archive catalogue in its own database."""

from __future__ import annotations


class ArchiveRouter:
    """Models of app ``archive`` live in database ``archive``, all others in ``default``."""

    app = "archive"

    def db_for_read(self, model, **hints):
        return "archive" if model._meta.app_label == self.app else "default"

    db_for_write = db_for_read

    def allow_relation(self, one, two, **hints):
        return (one._meta.app_label == self.app) == (two._meta.app_label == self.app)

    def allow_migrate(self, db, app_label, **hints):
        return (db == "archive") == (app_label == self.app)
