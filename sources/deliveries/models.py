"""How a delivery is watched; the delivery itself is :class:`interactive.models.Delivery`."""

from __future__ import annotations

from django.db import models

from interactive.models import Delivery


class Watch(models.Model):
    """What the server has seen of a delivery in the folder ``deliveries``.

    ``offered_at``: its catalog was put there, the archive may take it.  ``missing_since``: the
    catalog is gone, and nothing told that the archive worked on it.  ``problem`` is what an
    operator has to decide; empty when there is nothing.
    """

    delivery = models.OneToOneField(Delivery, on_delete=models.CASCADE, related_name="watch")
    offered_at = models.DateTimeField(null=True, blank=True)
    processing_at = models.DateTimeField(
        null=True, blank=True, help_text="when the archive was first seen to work on it")
    missing_since = models.DateTimeField(null=True, blank=True)
    problem = models.TextField(blank=True)
    told = models.CharField(
        max_length=32, blank=True, help_text="what people were told of by mail last")

    class Meta:
        verbose_name_plural = "watches"

    def __str__(self) -> str:
        return f"{self.delivery}: {self.problem or 'no problem'}"
