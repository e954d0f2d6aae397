"""Runs that find out which datasets a change of contexts affects."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils import timezone

from jobs.models import Job


class RunState(models.TextChoices):
    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


#: States of runs that have not ended.
ACTIVE = (RunState.WAITING, RunState.RUNNING)


class Reason(models.TextChoices):
    LATEST = "latest", "the latest context changed"
    MONITOR = "monitor", "monitor_reprocessing"
    COMMAND = "command", "command line"
    WHAT_IF = "what-if", "what if"


class AffectedRun(models.Model):
    """One comparison of two contexts over the archive, from its request to its result.

    ``counts`` has datasets with another reference by instrument and type; ``products`` counts
    what is to be reprocessed.  Ids, references and errors are in files of ``folder``, a
    folder of the instance's ``monitor_reprocessing``.
    """

    old_context = models.CharField(max_length=128)
    new_context = models.CharField(max_length=128)
    reason = models.CharField(max_length=16, choices=Reason.choices)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL,
        related_name="+")
    job = models.ForeignKey(
        Job, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    state = models.CharField(max_length=16, choices=RunState.choices, default=RunState.WAITING)
    created = models.DateTimeField(default=timezone.now)
    started = models.DateTimeField(null=True, blank=True)
    finished = models.DateTimeField(null=True, blank=True)
    folder = models.CharField(max_length=255, blank=True)
    datasets = models.BigIntegerField(default=0, help_text="of the instruments that changed")
    compared = models.BigIntegerField(default=0, help_text="of them, selected for")
    affected = models.BigIntegerField(default=0, help_text="datasets with another reference")
    products = models.BigIntegerField(default=0, help_text="products to be reprocessed")
    errors = models.BigIntegerField(default=0, help_text="as the client counts them")
    counts = models.JSONField(default=dict, blank=True)
    seconds = models.FloatField(default=0)
    problem = models.TextField(blank=True, help_text="why it failed, for people")
    mailed = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-created", "-id"]
        indexes = [
            models.Index(fields=["old_context", "new_context"], name="affected_run_pair"),
            models.Index(fields=["-created"], name="affected_run_created"),
        ]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(state__in=RunState.values), name="affected_run_state_known"),
        ]

    def __str__(self) -> str:
        return f"{self.old_context} to {self.new_context}: {self.state}"

    @property
    def published(self) -> bool:
        """Whether ``get_affected_datasets`` answers with it."""
        return self.reason != Reason.WHAT_IF

    @property
    def is_active(self) -> bool:
        return self.state in ACTIVE
