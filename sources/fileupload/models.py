"""Upload areas, and uploads on their way."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils import timezone


class Draft(models.Model):
    """A named upload area of a user: the files of one submission to come.

    The default draft, with the empty name, is the folder ``ingest/<user>``; it is the one that
    the command-line client uses.  Others are folders below it.
    """

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="drafts")
    name = models.CharField(max_length=64, blank=True)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["user", "name"]
        constraints = [models.UniqueConstraint(fields=["user", "name"], name="draft_once")]

    def __str__(self) -> str:
        return self.name or "default"
