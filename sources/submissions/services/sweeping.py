"""Looks after what people and accidents leave behind.

Nothing correct depends on it: work that was lost is also noticed by whoever looks at a submission.
"""

from __future__ import annotations

import shutil
import time
import uuid
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from interactive.services import audit

from ..models import ENDED, Mail, State, Submission
from . import confirming, mails, settling
from .deciding import remove_folder

#: Seconds after which a folder that belongs to no submission is removed: one that is just being
#: taken in has no row yet.
GRACE = 24 * 3600


def sweep() -> dict[str, int]:
    """Do all of it; says how often what was done."""
    return {
        "noticed": notice(),
        "completed": complete(),
        "reminded": remind(),
        "cancelled": cancel_abandoned(),
        "folders removed": remove_folders(),
        "mails sent": mails.send_waiting()["sent"],
    }


def anything_to_do() -> bool:
    """Whether the sweep may find something; a few quick looks."""
    return (Submission.objects.exclude(state__in=ENDED).exists()
            or Submission.objects.filter(state=State.CONFIRMED, completed_at=None).exists()
            or Mail.objects.filter(sent_at=None).exists()
            or any((folder / "uploads").exists() for folder in _folders()))


def notice() -> int:
    """Submissions whose work ended without a word."""
    busy = Submission.objects.filter(
        state__in=[State.QUEUED, State.RUNNING, State.CONFIRMING]).select_related("user")
    count = 0
    for submission in busy:
        before = submission.state
        count += settling.settle(submission).state != before
    return count


def complete() -> int:
    """Confirmations after which something is left to be done."""
    left = Submission.objects.filter(state=State.CONFIRMED, completed_at=None)
    return sum(confirming.complete(submission) for submission in left
               if settling.is_at_rest(submission.decision_job))


def remind() -> int:
    """Mails to those who have not decided for days."""
    now = timezone.now()
    waiting = Submission.objects.filter(
        state=State.READY, reminded_at=None,
        ready_at__lt=now - timedelta(days=settings.SUBMISSION_REMIND_DAYS))
    count = 0
    for submission in waiting.select_related("user"):
        with transaction.atomic():
            if Submission.objects.filter(
                    pk=submission.pk, state=State.READY, reminded_at=None).update(reminded_at=now):
                mails.write(submission, "REMINDER")
                count += 1
    return count


def cancel_abandoned() -> int:
    """Submissions on which nobody has decided for long."""
    days = settings.SUBMISSION_EXPIRE_DAYS
    waiting = Submission.objects.filter(
        state=State.READY, ready_at__lt=timezone.now() - timedelta(days=days))
    count = 0
    for submission in waiting.select_related("user"):
        reason = f"Nobody decided about it for {days} days."
        with transaction.atomic():
            closed = settling.close(submission, State.CANCELLED, "", by="system", reason=reason,
                                    only=(State.READY,))
            if closed:
                audit.record("cancel submission", user="system", why=reason,
                             submission=str(submission.pk), kind=submission.kind,
                             submitter=submission.user.get_username())
        count += closed
    return count


def remove_folders() -> int:
    """Files of submissions that have ended, and folders that belong to none."""
    count = 0
    for folder in _folders():
        if not any((folder / name).exists() for name in ("uploads", "files", "work")):
            continue
        submission = Submission.objects.filter(pk=folder.name).first()
        if submission is None:
            if time.time() - folder.stat().st_mtime > GRACE:
                shutil.rmtree(folder, ignore_errors=True)
                count += 1
        elif submission.state in ENDED and (
                submission.state != State.CONFIRMED or submission.completed_at):
            remove_folder(submission)
            count += 1
    return count


def _folders() -> Iterator[Path]:
    """Folders of submissions that exist, whether or not their submissions do."""
    root = settings.INSTANCE.server_files / "submissions"
    if not root.is_dir():
        return
    for folder in sorted(root.iterdir()):
        try:
            uuid.UUID(folder.name)
        except ValueError:
            continue
        yield folder
