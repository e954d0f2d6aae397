"""Jobs, and the workers that were seen."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from django.db.models import Q
from django.utils import timezone


class JobState(models.TextChoices):
    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


class Lane(models.TextChoices):
    """Which jobs a job shares the workers with; see :mod:`jobs.lanes`."""

    QUICK = "quick"
    SUBMISSION = "submission"
    BACKGROUND = "background"


#: States in which nothing happens to a job any more.
FINISHED = (JobState.DONE, JobState.FAILED, JobState.CANCELLED)


class Job(models.Model):
    """One piece of work, from its submission to its result.

    ``attempt`` only grows: it names the holder of the job and guards each
    write of a running job (see :mod:`jobs.leases`).
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    kind = models.CharField(max_length=64)
    lane = models.CharField(max_length=16, choices=Lane.choices, default=Lane.BACKGROUND)
    parameters = models.JSONField(default=dict, encoder=DjangoJSONEncoder)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL,
        related_name="jobs")
    channel = models.CharField(
        max_length=128, blank=True, help_text="status channel that is told how it goes")

    state = models.CharField(max_length=16, choices=JobState.choices, default=JobState.QUEUED)
    created = models.DateTimeField(default=timezone.now)
    not_before = models.DateTimeField(default=timezone.now, help_text="waits until then")
    started = models.DateTimeField(null=True, blank=True, help_text="of the latest attempt")
    finished = models.DateTimeField(null=True, blank=True)
    cancel_requested = models.BooleanField(default=False)

    attempt = models.PositiveIntegerField(default=0)
    interruptions = models.PositiveIntegerField(
        default=0, help_text="attempts that do not count: the server was stopped")
    max_attempts = models.PositiveIntegerField(default=1)
    lease_until = models.DateTimeField(null=True, blank=True)
    worker = models.CharField(max_length=128, blank=True, help_text="host:pid:start time")

    progress = models.FloatField(null=True, blank=True, help_text="0 to 1, null means unknown")
    progress_text = models.CharField(max_length=255, blank=True)
    result = models.JSONField(null=True, blank=True, encoder=DjangoJSONEncoder)
    error = models.TextField(blank=True, help_text="why it failed, for people")
    log = models.CharField(max_length=128, blank=True, help_text="file below logs/jobs")

    time_limit = models.PositiveIntegerField(help_text="seconds for one attempt")
    memory_limit = models.PositiveIntegerField(help_text="megabytes for one process")

    class Meta:
        ordering = ["-created"]
        indexes = [
            models.Index(fields=["state", "not_before"]),
            models.Index(fields=["state", "lease_until"]),
            models.Index(fields=["kind", "created"]),
            models.Index(fields=["created"]),
        ]
        constraints = [
            models.CheckConstraint(condition=Q(state__in=JobState.values), name="job_state_known"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.id} {self.state}"

    @property
    def is_finished(self) -> bool:
        return self.state in FINISHED

    @property
    def attempts_left(self) -> int:
        return max(0, self.max_attempts - (self.attempt - self.interruptions))


class Worker(models.Model):
    """A worker, renewed by its watchdog; tells people whether anybody takes up jobs."""

    name = models.CharField(max_length=128, primary_key=True, help_text="host:pid:start time")
    started = models.DateTimeField(default=timezone.now)
    seen = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["-seen"]

    def __str__(self) -> str:
        return self.name


class KeptResult(models.Model):
    """What :mod:`jobs.kept` keeps, or has asked a job to make."""

    kind = models.CharField(max_length=64)
    key = models.CharField(max_length=128, help_text="names the input, by checksums as a rule")
    version = models.PositiveIntegerField(help_text="of the software that makes it")
    job = models.ForeignKey(
        Job, null=True, blank=True, on_delete=models.SET_NULL, related_name="+",
        help_text="that makes it, or made it")
    size = models.BigIntegerField(default=0, help_text="bytes, 0 until it is made")
    used_at = models.DateTimeField(default=timezone.now, db_index=True)

    class Meta:
        ordering = ["kind", "key"]
        constraints = [
            models.UniqueConstraint(fields=["kind", "version", "key"], name="keptresult_once"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.key}"
