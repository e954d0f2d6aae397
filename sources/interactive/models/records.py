"""What happened: audit, findings of imports, bad files, and the catalogue's revision."""

from __future__ import annotations

from django.db import models
from django.utils import timezone

from .catalog import CatalogFile


class AuditRecord(models.Model):
    """One act on the catalogue.  Append-only: the database refuses changes and removal."""

    date = models.DateTimeField(default=timezone.now, db_index=True)
    user = models.CharField(max_length=150)
    action = models.CharField(max_length=64)
    file = models.CharField(max_length=128, blank=True, db_index=True, help_text="file name")
    why = models.TextField(blank=True)
    details = models.JSONField(default=dict, blank=True)

    class Meta:
        ordering = ["-date", "-id"]
        indexes = [models.Index(fields=["action", "date"])]

    def __str__(self) -> str:
        return f"{self.date:%Y-%m-%d %H:%M:%S} {self.user} {self.action} {self.file}"


class BadFile(models.Model):
    """A file that somebody marked bad.

    References are rejected alone; a bad rule blacklists every rule that
    contains it.  This row is the mark itself; the flags on
    :class:`CatalogFile` are its consequences.
    """

    file = models.OneToOneField(CatalogFile, on_delete=models.PROTECT, related_name="bad_mark")
    reason = models.TextField(blank=True)
    marked_at = models.DateTimeField(default=timezone.now)
    marked_by = models.CharField(max_length=150, blank=True)

    def __str__(self) -> str:
        return f"{self.file}: {self.reason}"


class ImportFinding(models.Model):
    """Something an import saw and reports: why a file is not published, or what differs."""

    code = models.CharField(max_length=32, help_text="kind of finding")
    name = models.CharField(max_length=256, help_text="file name")
    reason = models.TextField()
    published = models.BooleanField(help_text="whether the file is published all the same")
    found_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["name", "code"]
        constraints = [
            models.UniqueConstraint(fields=["name", "code"], name="importfinding_once")
        ]

    def __str__(self) -> str:
        return f"{self.name}: {self.reason}"


class CatalogRevision(models.Model):
    """Counts changes of the catalogue: the one row tells processes when what they keep is old."""

    number = models.BigIntegerField(default=0)
    changed_at = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return str(self.number)
