"""After a run: the file old_context.txt, and mail.  Both may be done again without harm."""

from __future__ import annotations

import logging
import os

from django.conf import settings
from django.core.mail import EmailMessage
from django.utils import timezone

from interactive.services import contexts

from ..models import AffectedRun, Reason, RunState
from . import computing

log = logging.getLogger(__name__)

#: Names the context against which ``monitor_reprocessing`` compares the latest one.
OLD_CONTEXT = "old_context.txt"

#: Runs about the latest context; only these move the file and are mailed.
FOLLOWED = (Reason.LATEST, Reason.MONITOR)

#: Ids that a mail lists; all are in the run's folder.
MAILED_IDS = 2_000


def finish(run: AffectedRun) -> None:
    """What follows a finished run."""
    if run.state != RunState.DONE or run.reason not in FOLLOWED:
        return
    known = old_context()
    # Two fast changes may end in either order: the file only follows the chain, or the latest.
    if known in ("", run.old_context) or run.new_context == contexts.pointer("latest"):
        write_old_context(run.new_context)
    mail(run)


def old_context() -> str:
    """What ``old_context.txt`` says; empty if there is none."""
    try:
        return (settings.INSTANCE.monitor_reprocessing / OLD_CONTEXT).read_text(
            encoding="utf-8").strip()
    except FileNotFoundError:
        return ""


def write_old_context(name: str) -> None:
    folder = settings.INSTANCE.monitor_reprocessing
    folder.mkdir(parents=True, exist_ok=True)
    temporary = folder / f".{OLD_CONTEXT}-{os.getpid()}"
    temporary.write_text(f"{name}\n", encoding="utf-8")
    temporary.rename(folder / OLD_CONTEXT)


def mail(run: AffectedRun) -> bool:
    """Send the result to the recipients, once; False if that failed and has to be tried again."""
    recipients = settings.CRDS_AFFECTED_DATASETS_RECIPIENTS
    if run.mailed or not recipients:
        return True
    # Noted first: better no mail than the same list to automatic systems twice.
    if not AffectedRun.objects.filter(pk=run.pk, mailed=None).update(mailed=timezone.now()):
        return True
    try:
        EmailMessage(_subject(run), _text(run), settings.DEFAULT_FROM_EMAIL, recipients).send()
    except Exception:
        log.exception("The mail about run %s was not sent; it is tried again", run.pk)
        AffectedRun.objects.filter(pk=run.pk).update(mailed=None)
        return False
    return True


def mail_left() -> int:
    """Send mails that could not be sent before; returns how many runs still wait."""
    waiting = AffectedRun.objects.filter(
        state=RunState.DONE, reason__in=FOLLOWED, mailed=None)
    return sum(not mail(run) for run in waiting.order_by("created"))


def _subject(run: AffectedRun) -> str:
    good = "ERROR" if run.errors else "OK"
    return (f"{good}: CRDS {settings.CRDS_OBSERVATORY} {settings.CRDS_USECASE} datasets affected"
            f" {run.old_context} --> {run.new_context} on {run.finished:%Y-%m-%d-%H:%M:%S}"
            f" : {run.products} affected")


def _text(run: AffectedRun) -> str:
    folder = computing.folder_of(run)
    log_text = (folder / "bestrefs.log").read_text(encoding="utf-8")
    with open(folder / computing.IDS, encoding="utf-8") as file:
        ids = [line for line, _ in zip(file, range(MAILED_IDS), strict=False)]
    more = f"... and {run.products - len(ids)} more\n" if run.products > len(ids) else ""
    root = settings.PUBLIC_URL
    link = f"{root}/affected/{run.old_context}/{run.new_context}/\n\n" if root else ""
    return f"{log_text}\n{link}{''.join(ids)}{more}"
