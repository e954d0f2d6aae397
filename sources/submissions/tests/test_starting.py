"""Taking submissions in: what is refused, what is recorded, what a lost race leaves."""

from __future__ import annotations

import pytest
from django.contrib.auth import get_user_model

from accounts.models import Grant, Role
from accounts.services.roles import NotAllowed
from common.errors import BadRequest
from interactive.models import AuditRecord, CatalogFile
from jobs.models import Job
from submissions.models import Kind, Mail, State, Submission
from submissions.services import starting
from submissions.services.fields import FieldErrors

pytestmark = pytest.mark.django_db


@pytest.fixture
def submitter(db):
    user = get_user_model().objects.create_user(
        "sara", "sara@example.invalid", "a long password")
    Grant.objects.create(user=user, role=Role.SUBMITTER)
    return user


def a_reference() -> str:
    return CatalogFile.objects.references().filter(stored=True).order_by("name").first().name


def test_a_submission_is_recorded_with_job_audit_and_mail(hst_demo, submitter):
    name = a_reference()
    submission = starting.start(
        Kind.DELETE_REFERENCES, submitter, channel="abc",
        base_url="http://localhost:8000/", fields={
            "deleted_files": f"{name}, {name}", "description": "No longer needed",
            "pmap_mode": "pmap_edit", "change_level": "TRIVIAL"})
    stored = Submission.objects.get(pk=submission.pk)
    assert (stored.state, stored.names, stored.change_level) == (State.QUEUED, [name], "trivial")
    assert stored.base_context == stored.edit_context != ""
    job = Job.objects.get(pk=stored.job_id)
    assert (job.kind, job.lane, job.channel) == ("process_submission", "submission", "abc")
    assert AuditRecord.objects.get(action="start submission").details["submission"] == str(
        stored.pk)
    mail = Mail.objects.get(submission=stored)
    assert mail.event == "STARTED"
    assert f"http://localhost:8000/display_result/{stored.pk}\n" in mail.body


def test_every_wrong_field_has_its_message(hst_demo, submitter):
    with pytest.raises(FieldErrors) as caught:
        starting.start(Kind.DELETE_REFERENCES, submitter, fields={
            "deleted_files": "no_such_file.fits", "description": "", "pmap_mode": "pmap_text",
            "pmap_text": "hst_9998.pmap", "change_level": "HUGE", "auto_rename": "perhaps",
            "other_email": "nonsense", "instrument": "kaleidoscope"})
    assert set(caught.value.fields) == {
        "deleted_files", "description", "pmap_text", "change_level", "auto_rename",
        "other_email", "instrument"}
    assert not Submission.objects.exists() and not Job.objects.exists()


def test_roles_count_for_instruments(hst_demo, submitter):
    Grant.objects.filter(user=submitter).update(instrument="acs")
    fields = {"deleted_files": a_reference(), "description": "x", "instrument": "cos"}
    with pytest.raises(NotAllowed, match="for instrument cos"):
        starting.start(Kind.DELETE_REFERENCES, submitter, fields=fields)
    Grant.objects.all().delete()
    with pytest.raises(NotAllowed):
        starting.start(Kind.DELETE_REFERENCES, submitter, fields={**fields, "instrument": ""})


def test_unknown_kinds_are_refused(submitter):
    with pytest.raises(BadRequest, match="kind 'wish'"):
        starting.start("wish", submitter, fields={})
