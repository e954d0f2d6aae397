"""Names of files: given out once, for ever."""

from __future__ import annotations

from django.db import models


class AllocatedName(models.Model):
    """A name that was given out or seen.

    ``taken`` tells that a catalogue row has had it; a trigger refuses a second
    row, also after the first was cancelled and removed.  Rows are never
    deleted and ``taken`` is never taken back.
    """

    name = models.CharField(max_length=128, primary_key=True)
    taken = models.BooleanField(default=False)
    allocated_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return self.name


class NameSeries(models.Model):
    """The highest serial number of a series such as ``hst_acs_biasfile.rmap``; only grows."""

    series = models.CharField(max_length=128, primary_key=True)
    last_serial = models.PositiveIntegerField(default=0)

    class Meta:
        verbose_name_plural = "name series"

    def __str__(self) -> str:
        return f"{self.series}: {self.last_serial:04d}"
