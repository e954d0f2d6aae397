"""Upload areas, uploads on their way, and what has arrived."""

from __future__ import annotations

import uuid
from pathlib import Path

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


class Upload(models.Model):
    """A file on its way, or one that arrived lately (then ``finished_at`` is set).

    Bytes go one after the other into :attr:`part`; its length is how far the upload is, so no
    row has to be written for each piece.  ``session`` binds the pieces of the command-line
    client together, which sends no id.  ``inode`` is that of the part, which becomes the file.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    draft = models.ForeignKey(Draft, on_delete=models.CASCADE, related_name="uploads")
    name = models.CharField(max_length=128)
    size = models.BigIntegerField(help_text="bytes in all")
    expected_sha1sum = models.CharField(max_length=40, blank=True)
    sha1sum = models.CharField(max_length=40, blank=True)
    session = models.CharField(max_length=64, blank=True)
    fingerprint = models.CharField(
        max_length=128, blank=True, help_text="by which a browser knows its file again")
    inode = models.CharField(max_length=16, blank=True, help_text="hexadecimal")
    created_at = models.DateTimeField(default=timezone.now)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["created_at"]
        indexes = [models.Index(fields=["finished_at", "created_at"])]

    def __str__(self) -> str:
        return f"{self.name} of {self.size} bytes"

    @property
    def part(self) -> Path:
        """Where its bytes gather."""
        return settings.INSTANCE.uploads / f"{self.id}.part"


class Received(models.Model):
    """A file that came through the server and whose bytes nobody else can write to.

    It counts as long as the file in the draft has the same inode, size and time of change;
    whoever puts another one in its place by hand makes this record void.
    """

    draft = models.ForeignKey(Draft, on_delete=models.CASCADE, related_name="received")
    name = models.CharField(max_length=128)
    sha1sum = models.CharField(max_length=40)
    size = models.BigIntegerField()
    inode = models.CharField(max_length=16, help_text="hexadecimal")
    mtime_ns = models.BigIntegerField()
    received_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["draft", "name"], name="received_once")]
        verbose_name_plural = "received"

    def __str__(self) -> str:
        return self.name

    def is_of(self, facts) -> bool:
        """Whether ``facts`` (``os.stat_result``) are those of the file that arrived."""
        return (self.inode, self.size, self.mtime_ns) == (
            f"{facts.st_ino:x}", facts.st_size, facts.st_mtime_ns)
