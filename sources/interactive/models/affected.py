"""Stored answers to: which datasets does a change of context affect?"""

from __future__ import annotations

from django.db import models
from django.utils import timezone


class AffectedDatasets(models.Model):
    """The result for one pair of contexts, as ``get_affected_datasets`` answers it."""

    observatory = models.CharField(max_length=8)
    old_context = models.CharField(max_length=128)
    new_context = models.CharField(max_length=128)
    computed_at = models.DateTimeField(default=timezone.now)
    status = models.IntegerField(default=0, help_text="bestrefs_status, 0 means no errors")
    error_summary = models.TextField(blank=True)
    directory = models.CharField(max_length=512, blank=True, help_text="computation_dir")
    affected_ids = models.JSONField(default=list)
    counts = models.JSONField(default=dict, blank=True, help_text="by instrument and type")

    class Meta:
        ordering = ["-computed_at"]
        verbose_name_plural = "affected datasets"
        constraints = [
            models.UniqueConstraint(
                fields=["observatory", "old_context", "new_context"], name="affected_once")
        ]

    def __str__(self) -> str:
        return f"{self.old_context} to {self.new_context}: {len(self.affected_ids)} affected"
