"""Channels on which long work tells its client how it goes, and the messages on them."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils import timezone


class Channel(models.Model):
    """One stream of messages.  Who knows ``key`` may read it and abort its writer.

    ``last_number`` counts the messages, ``pulled_number`` remembers how far a
    reader got that does not count itself.
    """

    key = models.CharField(max_length=128, primary_key=True)
    session_key = models.CharField(max_length=40, blank=True, db_index=True)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL,
        related_name="+")
    created = models.DateTimeField(default=timezone.now)
    last_activity = models.DateTimeField(default=timezone.now, db_index=True)
    last_number = models.PositiveIntegerField(default=0)
    pulled_number = models.PositiveIntegerField(default=0)
    aborted = models.BooleanField(default=False, help_text="the writer was asked to stop")
    done = models.BooleanField(default=False, help_text="nothing is written any more")

    class Meta:
        ordering = ["-created"]

    def __str__(self) -> str:
        return self.key


class Message(models.Model):
    """Message ``number`` of a channel; numbers start at 1 and have no gaps."""

    class Type(models.TextChoices):
        LOG_MESSAGE = "log_message"
        WARNING = "warning"
        ERROR = "error"
        VERBOSE = "verbose"
        DONE = "done"

    channel = models.ForeignKey(
        Channel, on_delete=models.CASCADE, related_name="messages", db_index=False)
    number = models.PositiveIntegerField()
    type = models.CharField(max_length=16, choices=Type.choices)
    data = models.JSONField(help_text="text; for done an object with status and result")
    created = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["channel", "number"]
        constraints = [
            models.UniqueConstraint(fields=["channel", "number"], name="message_number_once"),
        ]

    def __str__(self) -> str:
        return f"{self.channel_id} {self.number} {self.type}"
