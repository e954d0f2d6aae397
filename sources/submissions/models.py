"""What was submitted, the files of it, what was found about them, and how it ended."""

from __future__ import annotations

import uuid
from pathlib import Path

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone

from interactive.models import ChangeLevel, Delivery, FileType


class Kind(models.TextChoices):
    """What is to be done with the files."""

    CERTIFY = "certify", "Certify files"
    BATCH = "batch", "Batch submit references"
    EXTENDED = "extended", "Extended batch submit references"
    MAPPINGS = "mappings", "Submit mappings"
    REFERENCES = "references", "Submit references"
    ADD_REFERENCES = "add-references", "Add references"
    DELETE_REFERENCES = "delete-references", "Delete references"


class State(models.TextChoices):
    """Where a submission stands.

    ``queued`` → ``running`` → ``ready`` → ``confirming`` → ``confirmed``.  A confirmation that is
    refused leads back to ``ready``.  ``done`` is the end of a certification, ``failed`` of work
    that found errors or could not be finished, ``cancelled`` of what people gave up.
    """

    QUEUED = "queued"
    RUNNING = "running"
    READY = "ready"
    CONFIRMING = "confirming"
    CONFIRMED = "confirmed"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


#: States in which nothing happens to a submission any more.
ENDED = (State.CONFIRMED, State.DONE, State.FAILED, State.CANCELLED)


class BaseMode(models.TextChoices):
    """How the context to derive from was chosen: ``pmap_mode`` of the forms."""

    EDIT = "pmap_edit"
    LATEST = "pmap_latest"
    RECENT = "pmap_menu"
    TEXT = "pmap_text"


class Submission(models.Model):
    """One act of a submitter.  ``id`` is the ``results_id`` of pages and clients.

    ``base_context`` is the context that the rules derive from, resolved when the submission
    came in; ``edit_context`` the edit context of that moment, by which a confirmation sees
    what came in between.  ``asked_context`` is what the client took for it before it uploaded:
    under that name it looks for the new context on the page of the confirmation.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    kind = models.CharField(max_length=32, choices=Kind.choices)
    state = models.CharField(max_length=16, choices=State.choices, default=State.QUEUED)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="submissions")
    draft = models.ForeignKey(
        "fileupload.Draft", null=True, blank=True, on_delete=models.SET_NULL, related_name="+",
        help_text="the upload area that the files came from")
    instrument = models.CharField(max_length=32, blank=True, help_text="empty for several")

    base_mode = models.CharField(
        max_length=16, choices=BaseMode.choices, default=BaseMode.EDIT)
    base_context = models.CharField(max_length=128, blank=True)
    edit_context = models.CharField(max_length=128, blank=True)
    asked_context = models.CharField(max_length=128, blank=True)
    change_level = models.CharField(
        max_length=16, choices=ChangeLevel.choices, default=ChangeLevel.SEVERE)
    creator = models.CharField(max_length=128, blank=True)
    description = models.TextField(blank=True, help_text="reason for delivery")
    auto_rename = models.BooleanField(default=True)
    compare_old_reference = models.BooleanField(default=True)
    generate_contexts = models.BooleanField(default=True)
    names = models.JSONField(
        default=list, blank=True, help_text="files of the catalogue to add or delete")
    questionnaire = models.JSONField(
        default=dict, blank=True, help_text="answers of the extended form, by key")
    other_email = models.TextField(blank=True, help_text="who else is told, comma-separated")

    job = models.ForeignKey(
        "jobs.Job", null=True, blank=True, on_delete=models.SET_NULL, related_name="+",
        help_text="that processes it")
    decision_job = models.ForeignKey(
        "jobs.Job", null=True, blank=True, on_delete=models.SET_NULL, related_name="+",
        help_text="that confirms it")
    channel = models.CharField(max_length=128, blank=True, help_text="status channel")
    base_url = models.CharField(
        max_length=512, blank=True, help_text="address of the server as the submitter reached it")
    active_draft = models.OneToOneField(
        "fileupload.Draft", null=True, blank=True, on_delete=models.SET_NULL, related_name="+",
        help_text="the upload area while the submission is worked on: one at a time")

    created_at = models.DateTimeField(default=timezone.now)
    started_at = models.DateTimeField(null=True, blank=True)
    ready_at = models.DateTimeField(null=True, blank=True)
    reminded_at = models.DateTimeField(null=True, blank=True)
    closed_at = models.DateTimeField(null=True, blank=True)
    completed_at = models.DateTimeField(
        null=True, blank=True, help_text="everything that follows a confirmation was done")
    closed_by = models.CharField(max_length=150, blank=True)
    reason = models.TextField(blank=True, help_text="why it was forced or cancelled")
    forced = models.BooleanField(default=False)
    error = models.TextField(blank=True, help_text="why it failed or cannot be confirmed now")

    new_context = models.CharField(max_length=128, blank=True)
    rebased_on = models.CharField(
        max_length=128, blank=True, help_text="edit context on which the rules were built anew")
    delivery = models.ForeignKey(
        Delivery, null=True, blank=True, on_delete=models.PROTECT, related_name="submissions")
    error_count = models.PositiveIntegerField(default=0)
    warning_count = models.PositiveIntegerField(default=0)

    class Meta:
        ordering = ["-created_at"]
        indexes = [
            models.Index(fields=["state", "created_at"]),
            models.Index(fields=["user", "created_at"]),
            models.Index(fields=["created_at"]),
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(state__in=State.values), name="submission_state_known"),
            models.CheckConstraint(
                condition=Q(kind__in=Kind.values), name="submission_kind_known"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.id} {self.state}"

    @property
    def has_ended(self) -> bool:
        return self.state in ENDED

    @property
    def folder(self) -> Path:
        """Where its files lie until they are published: ``uploads``, ``files``, ``results``."""
        return settings.INSTANCE.server_files / "submissions" / str(self.id)


class Origin(models.TextChoices):
    """How a file came into a submission."""

    UPLOADED = "uploaded"
    GENERATED = "generated"
    CATALOGUE = "catalogue", "in the catalogue already"


class Verdict(models.TextChoices):
    NONE = "", "not checked yet"
    OK = "ok", "OK"
    WARNINGS = "warnings", "Warnings"
    ERRORS = "errors", "ERRORS"


class SubmittedFile(models.Model):
    """A file of a submission: brought by people, or made from what they brought.

    ``name`` is the official name, empty until it has one; ``sha1sum`` and ``size`` belong to
    the bytes that are published (an HST reference changes when it is renamed).
    """

    submission = models.ForeignKey(Submission, on_delete=models.CASCADE, related_name="files")
    position = models.PositiveIntegerField(default=0)
    origin = models.CharField(max_length=16, choices=Origin.choices, default=Origin.UPLOADED)
    uploaded_as = models.CharField(max_length=256, help_text="name at upload")
    name = models.CharField(max_length=128, blank=True, help_text="official CRDS name")
    type = models.CharField(max_length=16, choices=FileType.choices)
    instrument = models.CharField(max_length=32, blank=True)
    filekind = models.CharField(max_length=64, blank=True)
    uploaded_sha1sum = models.CharField(max_length=40, blank=True)
    sha1sum = models.CharField(max_length=40, blank=True)
    size = models.BigIntegerField(null=True, blank=True)
    derived_from = models.CharField(max_length=256, blank=True)
    verdict = models.CharField(
        max_length=16, choices=Verdict.choices, default=Verdict.NONE, blank=True)
    log = models.TextField(blank=True, help_text="what the checks printed")

    class Meta:
        ordering = ["position", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=["submission", "uploaded_as"], name="submittedfile_once"),
        ]

    def __str__(self) -> str:
        return f"{self.uploaded_as} as {self.name or '?'}"


class Level(models.TextChoices):
    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


class Finding(models.Model):
    """Something that was found about a submission or one of its files.

    ``code`` is a stable word for the sort of finding (``duplicate``, ``fitsverify``,
    ``equal-weight`` …); ``advice`` says what to do about it.
    """

    submission = models.ForeignKey(Submission, on_delete=models.CASCADE, related_name="findings")
    file = models.ForeignKey(
        SubmittedFile, null=True, blank=True, on_delete=models.CASCADE, related_name="findings")
    stage = models.CharField(max_length=32, help_text="certify, duplicates, insertion, …")
    level = models.CharField(max_length=16, choices=Level.choices)
    code = models.CharField(max_length=64)
    text = models.TextField()
    advice = models.TextField(blank=True)

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return f"{self.level} {self.code}: {self.text}"


class RuleChange(models.Model):
    """A rule file that the submission makes or brings, beside the one it derives from.

    ``rows`` is the logical difference, ``impact`` what selection would change; both as plain
    JSON of ``rules/`` functions.  The text difference lies in the submission's folder.
    """

    submission = models.ForeignKey(
        Submission, on_delete=models.CASCADE, related_name="rule_changes")
    old = models.CharField(max_length=128, blank=True)
    new = models.CharField(max_length=128)
    instrument = models.CharField(max_length=32, blank=True)
    filekind = models.CharField(max_length=64, blank=True)
    rows = models.JSONField(default=list, blank=True)
    impact = models.JSONField(default=dict, blank=True)

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(fields=["submission", "new"], name="rulechange_once"),
        ]

    def __str__(self) -> str:
        return f"{self.old} to {self.new}"


class Event(models.TextChoices):
    """What mails tell about a submission."""

    STARTED = "STARTED"
    READY = "READY"
    FAILED = "FAILED"
    REMINDER = "REMINDER"
    CONFIRMED = "CONFIRMED"
    CANCELLED = "CANCELLED"


class Mail(models.Model):
    """A mail about a submission: written together with what it tells of, sent afterwards.

    ``sent_at`` stays empty until the mail server has taken it.
    """

    submission = models.ForeignKey(Submission, on_delete=models.CASCADE, related_name="mails")
    event = models.CharField(max_length=16, choices=Event.choices)
    recipients = models.JSONField(default=list, help_text="addresses, never public")
    subject = models.CharField(max_length=255)
    body = models.TextField()
    created_at = models.DateTimeField(default=timezone.now)
    sent_at = models.DateTimeField(null=True, blank=True)
    tries = models.PositiveIntegerField(default=0)
    error = models.TextField(blank=True, help_text="why it could not be sent yet")

    class Meta:
        ordering = ["-created_at", "-id"]
        indexes = [models.Index(fields=["sent_at", "created_at"])]
        constraints = [
            models.UniqueConstraint(fields=["submission", "event"], name="mail_once"),
        ]

    def __str__(self) -> str:
        return f"{self.event} {self.submission_id}"


class RuleEdit(models.Model):
    """Edits of an rmap that somebody makes in the rule editor and has not submitted yet.

    ``steps`` are applied in their order (see :mod:`rules.editing.steps`); ``undone`` are steps
    that were taken back, the last one first to come again.  ``submission`` is what the edits
    were submitted as; they stay until it is confirmed.
    """

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="rule_edits")
    rmap = models.CharField(max_length=128)
    steps = models.JSONField(default=list, blank=True)
    undone = models.JSONField(default=list, blank=True)
    submission = models.ForeignKey(
        Submission, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["-updated_at"]
        constraints = [
            models.UniqueConstraint(fields=["user", "rmap"], name="ruleedit_once"),
        ]

    def __str__(self) -> str:
        return f"{self.rmap}: {len(self.steps)} edits"
