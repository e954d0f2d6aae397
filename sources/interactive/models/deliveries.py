"""What was handed to the archive."""

from __future__ import annotations

from django.db import models
from django.utils import timezone

from .catalog import CatalogFile


class DeliveryState(models.TextChoices):
    """``submitted`` is confirmed, but not yet offered to the archive."""

    SUBMITTED = "submitted"
    DELIVERED = "delivered"
    ARCHIVING = "archiving"
    ARCHIVED = "archived"
    FAILED = "archiving-failed"


class Delivery(models.Model):
    """A numbered ``.cat`` list of files in ``catalogs`` and ``deliveries``."""

    number = models.PositiveIntegerField(unique=True)
    catalog = models.CharField(max_length=128, unique=True, help_text="name of the .cat file")
    state = models.CharField(
        max_length=16, choices=DeliveryState.choices, default=DeliveryState.SUBMITTED)
    created_at = models.DateTimeField(default=timezone.now)
    changed_at = models.DateTimeField(default=timezone.now)
    user = models.CharField(max_length=150, blank=True)
    description = models.TextField(blank=True)
    files = models.ManyToManyField(CatalogFile, through="DeliveryFile", related_name="deliveries")

    class Meta:
        ordering = ["-number"]
        verbose_name_plural = "deliveries"

    def __str__(self) -> str:
        return self.catalog


class DeliveryFile(models.Model):
    """A file of a delivery."""

    delivery = models.ForeignKey(Delivery, on_delete=models.CASCADE)
    file = models.ForeignKey(CatalogFile, on_delete=models.PROTECT)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["delivery", "file"], name="deliveryfile_once")
        ]
