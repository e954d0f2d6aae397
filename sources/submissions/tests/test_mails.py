"""Mails wait in the table until the mail server takes them; who may read them."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.core import mail as outbox
from django.utils import timezone

from submissions.models import Kind, Mail, State, Submission
from submissions.services import mails, sweeping

pytestmark = pytest.mark.django_db


@pytest.fixture
def submission(submitter):
    return Submission.objects.create(
        kind=Kind.BATCH, user=submitter, description="Better\nthan before", state=State.READY,
        ready_at=timezone.now(), other_email="other@example.invalid",
        base_url="https://crds.example.invalid/hst")


def test_each_event_is_mailed_once_to_all_concerned(submission):
    for _ in range(2):
        mails.write(submission, "READY")
    assert mails.send_waiting() == {"sent": 1, "waiting": 0}
    assert mails.send_waiting()["sent"] == 0
    sent = outbox.outbox[0]
    assert {"sara@example.invalid", "other@example.invalid"} <= set(sent.to)
    assert "READY" in sent.subject and "\n" not in sent.subject
    assert f"https://crds.example.invalid/hst/display_result/{submission.pk}\n" in sent.body


def test_a_mail_server_that_is_down_delays_and_breaks_nothing(submission, settings):
    settings.EMAIL_BACKEND = "submissions.tests.no_such_backend.EmailBackend"
    mails.write(submission, "READY")
    assert mails.send_waiting() == {"sent": 0, "waiting": 1}
    row = Mail.objects.get()
    assert row.tries == 1 and row.error and row.sent_at is None
    assert mails.due() == [] and mails.next_try() > timedelta(seconds=30)
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    Mail.objects.update(created_at=timezone.now() - timedelta(minutes=5))
    assert mails.send_waiting() == {"sent": 1, "waiting": 0}


def test_abandoned_submissions_are_reminded_of_and_then_cancelled(submission, settings):
    def waits(days: int) -> dict:
        Submission.objects.update(ready_at=timezone.now() - timedelta(days=days))
        return sweeping.sweep()

    assert sweeping.anything_to_do()
    assert waits(1)["reminded"] == 0
    assert waits(settings.SUBMISSION_REMIND_DAYS + 1)["reminded"] == 1
    assert waits(settings.SUBMISSION_REMIND_DAYS + 2)["reminded"] == 0
    assert waits(settings.SUBMISSION_EXPIRE_DAYS + 1)["cancelled"] == 1
    submission.refresh_from_db()
    assert (submission.state, submission.closed_by) == (State.CANCELLED, "system")
    assert {row.event for row in Mail.objects.all()} == {"REMINDER", "CANCELLED"}


def test_submitters_read_their_own_mails_and_operators_all(submission, people, client):
    mails.write(submission, "READY")
    address = f"/display_result/{submission.pk}"
    for user, sees in ((submission.user, True), (people("carl"), False),
                       (people("olga", "operator"), True)):
        client.force_login(user)
        page = client.get("/mails/")
        assert page.status_code == 200 and (address in page.content.decode()) == sees
    client.logout()
    assert client.get("/mails/").status_code == 302
