"""Who works on what at the moment."""

from __future__ import annotations

from datetime import timedelta

from django.conf import settings
from django.db import models
from django.utils import timezone


class Lock(models.Model):
    """``user`` has claimed ``name``, an instrument, for ``duration`` since ``renewed``.

    A courtesy between people: nothing correct depends on it.  Whether it has
    expired is judged at each look, rows that stay behind do no harm.
    """

    class Kind(models.TextChoices):
        INSTRUMENT = "instrument"

    kind = models.CharField(max_length=16, choices=Kind.choices, default=Kind.INSTRUMENT)
    name = models.CharField(max_length=64, help_text="instrument, lower case")
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="locks")
    created_on = models.DateTimeField(default=timezone.now)
    renewed = models.DateTimeField(default=timezone.now)
    duration = models.DurationField(default=timedelta(hours=4))

    class Meta:
        ordering = ["kind", "name"]
        constraints = [models.UniqueConstraint(fields=["kind", "name"], name="lock_once")]

    def __str__(self) -> str:
        return f"{self.kind} {self.name} locked by {self.user}"

    @property
    def expires(self):
        return self.renewed + self.duration

    @property
    def time_remaining(self) -> timedelta:
        """Never negative."""
        return max(self.expires - timezone.now(), timedelta())

    @property
    def is_expired(self) -> bool:
        return not self.time_remaining

    @property
    def seconds(self) -> int:
        """That remain."""
        return int(self.time_remaining.total_seconds())

    @property
    def countdown(self) -> str:
        """``3:57:58``; hours go on counting beyond a day."""
        minutes, seconds = divmod(self.seconds, 60)
        hours, minutes = divmod(minutes, 60)
        return f"{hours}:{minutes:02d}:{seconds:02d}"

    @property
    def age(self) -> str:
        """How long ago it was taken, such as ``2 h 5 min``."""
        minutes = int((timezone.now() - self.created_on).total_seconds()) // 60
        hours, minutes = divmod(max(minutes, 0), 60)
        return f"{hours} h {minutes} min" if hours else f"{minutes} min"
