"""Roles of users."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils import timezone


class Role(models.TextChoices):
    """What a user may do; each role includes those before it."""

    SUBMITTER = "submitter"
    OPERATOR = "operator"
    ADMINISTRATOR = "administrator"


class Grant(models.Model):
    """``user`` has ``role``, for one instrument or, with an empty instrument, for all."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="grants")
    role = models.CharField(max_length=16, choices=Role.choices)
    instrument = models.CharField(max_length=32, blank=True, help_text="empty means all")
    granted_at = models.DateTimeField(default=timezone.now)
    granted_by = models.CharField(max_length=150, blank=True)

    class Meta:
        ordering = ["user", "role", "instrument"]
        constraints = [
            models.UniqueConstraint(fields=["user", "role", "instrument"], name="grant_once"),
        ]

    def __str__(self) -> str:
        return f"{self.user} {self.role} {self.instrument or 'all instruments'}"
