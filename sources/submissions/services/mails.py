"""Mails about submissions: written in the transaction of what they tell, sent afterwards.

A mail server that is down delays mails and nothing else: what could not be sent stays in
the table and is tried again, later and later.
"""

from __future__ import annotations

import logging
from datetime import timedelta

from django.conf import settings
from django.core.mail import EmailMessage
from django.db import transaction
from django.db.models import Q
from django.template.loader import render_to_string
from django.utils import timezone

from ..models import Event, Mail, Submission

log = logging.getLogger(__name__)

#: Minutes until the first further try; each wait doubles the one before, up to the longest.
FIRST_WAIT, LONGEST_WAIT = 1, 240

#: Days after which a mail that cannot be sent is given up; it stays to be read on the page.
GIVE_UP_DAYS = 3

SUBJECTS = {
    Event.STARTED: "STARTED", Event.READY: "READY to be reviewed", Event.FAILED: "FAILED",
    Event.REMINDER: "waits for a decision", Event.CONFIRMED: "CONFIRMED",
    Event.CANCELLED: "CANCELLED",
}


def write(submission: Submission, event: str) -> None:
    """Note the mail that tells ``event``; call it inside the transaction of the event.

    Each event of a submission is told once.  It is sent when that transaction has committed.
    """
    event = Event(event)
    subject = (f"{submission.get_kind_display()} {SUBJECTS[event]}:"
               f" {' '.join(submission.description.split())[:80]}")
    Mail.objects.get_or_create(
        submission=submission, event=event,
        defaults={"recipients": recipients(submission), "subject": subject,
                  "body": body(submission, event)})
    # What was committed stands, also if the job cannot be queued: the sweep sends mails as well.
    transaction.on_commit(_queue, robust=True)


def recipients(submission: Submission) -> list[str]:
    """The submitter, whom the submitter named, and the team; each once."""
    team = getattr(settings.INSTANCE.site, "DELIVERY_RECIPIENTS", [])
    team = team.split(",") if isinstance(team, str) else team
    found = [submission.user.email, *submission.other_email.split(","), *team]
    return list(dict.fromkeys(address.strip() for address in found if address.strip()))


def body(submission: Submission, event: Event) -> str:
    """The text of the mail."""
    return render_to_string("submissions/mail.txt", {
        "submission": submission, "event": event.value, "url": result_url(submission),
        "observatory": settings.CRDS_OBSERVATORY, "usecase": settings.CRDS_USECASE,
        "files": submission.files.defer("log"),
        "errors": submission.findings.filter(level="error")[:20],
    }).strip() + "\n"


def base_url(submission: Submission) -> str:
    """The server's address for links: the public one, else that by which the submitter came."""
    if settings.PUBLIC_URL:
        return settings.PUBLIC_URL
    return submission.base_url or f"http://localhost:{settings.INSTANCE.port('CRDS_PORT')}"


def result_url(submission: Submission) -> str:
    """Where the submission is shown: absolute, the id last, no slash after it."""
    return f"{base_url(submission)}/display_result/{submission.pk}"


# ---- sending -------------------------------------------------------------------


def _queue() -> None:
    from jobs import services as jobs
    from jobs.models import Job, JobState

    # One that waits will send this mail, too.
    if not Job.objects.filter(kind="send_mails", state=JobState.QUEUED,
                              not_before__lte=timezone.now()).exists():
        jobs.submit("send_mails")


def send_waiting() -> dict:
    """Send every mail that is due; says how many went out and how many wait."""
    sent = 0
    for mail in due():
        sent += send(mail)
    waiting = Mail.objects.filter(sent_at=None, created_at__gte=_oldest()).count()
    return {"sent": sent, "waiting": waiting}


def due() -> list[Mail]:
    """Mails that were never tried, or whose time to be tried again has come."""
    waiting = Mail.objects.filter(sent_at=None, created_at__gte=_oldest()).order_by("id")
    return [mail for mail in waiting if mail.created_at + _waited(mail) <= timezone.now()]


def _waited(mail: Mail) -> timedelta:
    """Time from the creation until the next try."""
    minutes = sum(min(FIRST_WAIT * 2 ** n, LONGEST_WAIT) for n in range(mail.tries))
    return timedelta(minutes=minutes)


def next_try() -> timedelta | None:
    """How long until the next mail is due; None when none waits."""
    waiting = Mail.objects.filter(sent_at=None, created_at__gte=_oldest())
    moments = [mail.created_at + _waited(mail) for mail in waiting]
    return max(min(moments) - timezone.now(), timedelta()) if moments else None


def _oldest():
    return timezone.now() - timedelta(days=GIVE_UP_DAYS)


def send(mail: Mail) -> bool:
    """Hand one mail to the mail server; a failure is noted, never raised."""
    now = timezone.now()
    if not mail.recipients:
        Mail.objects.filter(pk=mail.pk).update(sent_at=now, error="Nobody to send it to.")
        return False
    # Counted before: a process that is killed while it sends must not send for ever.
    if not Mail.objects.filter(pk=mail.pk, sent_at=None, tries=mail.tries).update(
            tries=mail.tries + 1):
        return False
    try:
        EmailMessage(
            subject=f"{settings.EMAIL_SUBJECT_PREFIX}{mail.subject}".replace("\n", " "),
            body=mail.body, to=mail.recipients,
            headers={"X-CRDS-Submission": str(mail.submission_id)}).send()
    except Exception as exc:  # whatever mail servers and networks lead to
        log.warning("Mail %s cannot be sent: %s", mail.pk, exc)
        Mail.objects.filter(pk=mail.pk).update(error=f"{type(exc).__name__}: {exc}"[:2000])
        return False
    Mail.objects.filter(pk=mail.pk).update(sent_at=timezone.now(), error="")
    return True


def visible_to(user):
    """Mails that ``user`` may read: those about the user's own submissions, operators all."""
    from accounts.models import Role
    from accounts.services import roles

    mails = Mail.objects.select_related("submission", "submission__user")
    if roles.has(user, Role.OPERATOR, ""):
        return mails
    return mails.filter(Q(submission__user=user))
