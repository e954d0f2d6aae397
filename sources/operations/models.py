"""Work of operators that takes more than one sitting."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils import timezone


class CleanUp(models.Model):
    """Taking bad files out of use: a clean context, which becomes latest, then the marks.

    Only what was decided is kept here.  How far it is follows from the catalogue
    (:mod:`operations.services.cleaning`), so nothing can go out of step.
    """

    files = models.JSONField(default=list, help_text="names of the files that are bad")
    reason = models.TextField()
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="clean_ups")
    created_at = models.DateTimeField(default=timezone.now)
    submission = models.ForeignKey(
        "submissions.Submission", null=True, blank=True, on_delete=models.SET_NULL,
        related_name="clean_ups", help_text="that builds the clean context")
    closed_at = models.DateTimeField(null=True, blank=True)
    closed_by = models.CharField(max_length=150, blank=True)
    given_up = models.BooleanField(default=False)

    class Meta:
        ordering = ["-created_at"]
        verbose_name = "clean-up"

    def __str__(self) -> str:
        return f"Clean-up {self.pk}: {', '.join(self.files[:3])}"
