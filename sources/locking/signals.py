"""Logging out gives locks back, wherever it is done."""

from __future__ import annotations

from django.contrib.auth.signals import user_logged_out
from django.dispatch import receiver

from . import services


@receiver(user_logged_out, dispatch_uid="release locks")
def release_locks(sender, request, user, **kwargs):
    if user is not None:
        services.release_all(user)
