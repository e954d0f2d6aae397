"""What the server was asked and how it answered."""

from __future__ import annotations

from django.db import models


class RequestRecord(models.Model):
    """One request.  Kept for ``settings.STATS_KEEP_DAYS``; no secrets, no full addresses."""

    at = models.DateTimeField(help_text="when it arrived")
    method = models.CharField(max_length=8)
    label = models.CharField(max_length=64, help_text="JSON-RPC method, else name of the view")
    path = models.CharField(max_length=200, help_text="without the query")
    status = models.PositiveSmallIntegerField()
    failed = models.BooleanField(help_text="server error, or a JSON-RPC error")
    duration = models.FloatField(help_text="milliseconds until the last byte was handed over")
    size = models.BigIntegerField(null=True, help_text="bytes of the answer")
    user = models.CharField(max_length=150, blank=True)
    network = models.CharField(max_length=43, blank=True, help_text="/24 or /48 of the caller")
    request_id = models.CharField(max_length=64)
    rpc_parameters = models.CharField(max_length=500, blank=True, help_text="cut to size")
    error = models.CharField(max_length=200, blank=True, help_text="of a JSON-RPC call")

    class Meta:
        ordering = ["-at"]
        indexes = [models.Index(fields=["at", "label"])]

    def __str__(self) -> str:
        return f"{self.at:%Y-%m-%d %H:%M:%S} {self.label} {self.status}"


class HourlyLoad(models.Model):
    """All requests of one label in one hour; stays when the single records are gone."""

    hour = models.DateTimeField()
    label = models.CharField(max_length=64)
    requests = models.PositiveIntegerField()
    refused = models.PositiveIntegerField(help_text="answers of 400 to 499")
    failed = models.PositiveIntegerField()
    duration = models.FloatField(help_text="sum, milliseconds")
    slowest = models.FloatField(help_text="milliseconds")
    size = models.BigIntegerField(help_text="sum, bytes")

    class Meta:
        ordering = ["hour", "label"]
        constraints = [models.UniqueConstraint(fields=["hour", "label"], name="hourlyload_once")]

    def __str__(self) -> str:
        return f"{self.hour:%Y-%m-%d %H} {self.label}: {self.requests}"
