"""Roles and tokens of users, and failed attempts to sign in."""

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


class ApiToken(models.Model):
    """A secret that stands for ``user``'s password in programs.

    Shown once, when it is made; kept is a salted digest.  ``prefix`` is the part by which a
    token is found and by which people tell theirs apart.  Rows stay when a token is revoked:
    they say what it was used for and until when.
    """

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="api_tokens")
    label = models.CharField(max_length=80, blank=True, help_text="what it is for")
    prefix = models.CharField(max_length=16, unique=True)
    salt = models.CharField(max_length=32)
    digest = models.CharField(max_length=64, help_text="SHA-256 of salt and token")
    created_at = models.DateTimeField(default=timezone.now)
    created_by = models.CharField(max_length=150, blank=True)
    expires_at = models.DateTimeField(null=True, blank=True, help_text="empty means never")
    last_used_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)
    revoked_by = models.CharField(max_length=150, blank=True)

    class Meta:
        ordering = ["-created_at", "-id"]

    def __str__(self) -> str:
        return f"crds_{self.prefix}_… of {self.user}"

    @property
    def shown(self) -> str:
        """The part of the token that people see later."""
        return f"crds_{self.prefix}_…"

    @property
    def is_expired(self) -> bool:
        return self.expires_at is not None and self.expires_at <= timezone.now()

    @property
    def is_valid(self) -> bool:
        return self.revoked_at is None and not self.is_expired


class Attempts(models.Model):
    """Attempts to sign in that did not succeed (yet), of one account, network or pair of both.

    ``key`` is a keyed hash: what people type into the field for their name may be a password.
    """

    key = models.CharField(max_length=64, primary_key=True)
    failures = models.PositiveIntegerField(default=0)
    last_at = models.DateTimeField(default=timezone.now, db_index=True)
    blocked_until = models.DateTimeField(null=True, blank=True)
    succeeded_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name_plural = "attempts"

    def __str__(self) -> str:
        return f"{self.failures} failures, last {self.last_at:%Y-%m-%d %H:%M:%S}"
