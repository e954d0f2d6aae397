"""Which context is used for what, now and in the past."""

from __future__ import annotations

from django.db import models
from django.utils import timezone

from .catalog import CatalogFile


class ContextHistory(models.Model):
    """``context`` became latest at ``start_date``.

    The context is a name, not a key: imported history also names contexts
    that are not published here.  The history only grows.
    """

    start_date = models.DateTimeField()
    context = models.CharField(max_length=128)
    name = models.CharField(max_length=128, blank=True)
    state = models.CharField(max_length=16, default="latest")
    description = models.TextField(blank=True)
    user = models.CharField(max_length=150, blank=True)

    class Meta:
        ordering = ["start_date", "id"]
        indexes = [models.Index(fields=["start_date"])]
        verbose_name_plural = "context history"

    def __str__(self) -> str:
        return f"{self.context} since {self.start_date:%Y-%m-%d %H:%M:%S}"


class ContextPointer(models.Model):
    """The context that one role points at."""

    class Kind(models.TextChoices):
        LATEST = "latest"
        EDIT = "edit"
        VERSIONS = "versions"
        BANNER = "banner"

    kind = models.CharField(max_length=16, choices=Kind.choices, unique=True)
    context = models.ForeignKey(CatalogFile, on_delete=models.PROTECT, related_name="+")
    cal_ver = models.CharField(max_length=64, blank=True, help_text="for the banner")
    changed_at = models.DateTimeField(default=timezone.now)
    changed_by = models.CharField(max_length=150, blank=True)
    reason = models.TextField(blank=True)

    class Meta:
        ordering = ["kind"]

    def __str__(self) -> str:
        return f"{self.kind}: {self.context}"


class BuildContext(models.Model):
    """The context that goes with one release of the calibration software."""

    cal_ver = models.CharField(max_length=64, unique=True, help_text="x.y.z")
    context = models.ForeignKey(CatalogFile, on_delete=models.PROTECT, related_name="+")
    changed_at = models.DateTimeField(default=timezone.now)
    changed_by = models.CharField(max_length=150, blank=True)
    reason = models.TextField(blank=True)

    class Meta:
        ordering = ["cal_ver"]

    def __str__(self) -> str:
        return f"{self.cal_ver}: {self.context}"


class RemoteContext(models.Model):
    """The context that a pipeline reports to have synchronised."""

    key = models.CharField(max_length=64, unique=True, help_text="e.g. hst-ops-pipeline")
    kind = models.CharField(max_length=16, default="latest")
    context = models.CharField(max_length=128, blank=True)
    pushed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["key"]

    def __str__(self) -> str:
        return f"{self.key}: {self.context or 'nothing reported yet'}"
