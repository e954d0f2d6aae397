"""References from the upload area to a new context, and what is refused on the way."""

from __future__ import annotations

import shutil

import pytest

from interactive.models import AuditRecord, CatalogFile, DeliveryFile, RuleLink
from interactive.services import contexts, store
from jobs.models import JobState
from jpoll import services as jpoll
from locking import services as locking
from submissions.models import Kind, Level, Mail, State, Submission
from submissions.services import deciding, results, starting
from submissions.tests.helpers import demo_reference, edit_context, faults, run_job

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "archive"])


def errors(submission) -> set[str]:
    return set(submission.findings.filter(level=Level.ERROR).values_list("code", flat=True))


def told(submission) -> list:
    return [(f.level, f.code, f.text) for f in submission.findings.all()]


def test_a_reference_goes_all_the_way(desk):
    before = edit_context()
    path = desk.bring()
    replaced = demo_reference("acs", "darkfile")
    key = jpoll.open_channel("session")
    submission = starting.start(
        Kind.BATCH, desk.user, draft=desk.draft, channel=key, base_url="http://localhost:8123",
        fields={"description": "Better", "pmap_mode": "pmap_edit"})
    run_job(submission.job)
    submission.refresh_from_db()
    assert submission.state == State.READY, (submission.error, told(submission))
    assert locking.holder("acs") == desk.user
    found = results.of(submission)
    file = found.references[0]
    assert file.uploaded_as == path.name and file.name.endswith(".fits") and not file.published
    assert found.changes[0].rows and found.changes[0].text.startswith("---")
    assert not CatalogFile.objects.filter(name=file.name).exists()
    assert store.location(file.name) is None
    messages = jpoll.pull(key, "0")
    assert messages[-1]["data"] == {
        "status": 0, "result": f"http://localhost:8123/display_result/{submission.pk}"}
    said = [m["data"] for m in messages if m["type"] == "log_message"]
    assert said[0] == "Starting submission processing."
    assert edit_context() == before

    submission = desk.confirmed(submission)
    assert submission.state == State.CONFIRMED, submission.error
    assert edit_context() == submission.new_context != before
    row = CatalogFile.objects.get(name=file.name)
    assert (row.uploaded_as, row.state, row.deliverer_user, row.description) == (
        path.name, "archived", "sara", "Better")
    assert CatalogFile.objects.get(name=replaced).replaced_by_filename == file.name
    rmap = found.rules[0].name
    assert RuleLink.objects.filter(parent__name=rmap, child=row).exists()
    assert contexts.pointer("latest") != submission.new_context
    assert DeliveryFile.objects.filter(delivery=submission.delivery).count() == 4
    assert AuditRecord.objects.filter(action="submit file").count() == 4
    assert not path.exists() and locking.holder("acs") is None
    assert submission.completed_at and not (submission.folder / "files").exists()
    assert {mail.event for mail in Mail.objects.all()} == {"STARTED", "READY", "CONFIRMED"}
    assert results.of(submission).file_map == {
        path.name: row.name, found.changes[0].old: rmap, before: submission.new_context,
        **{one.derived_from: one.name for one in results.of(submission).contexts}}
    assert faults() == []


def test_what_is_wrong_ends_the_submission_and_keeps_the_uploads(desk):
    good = desk.bring(number=1)
    shutil.copyfile(good, desk.folder / "twin.fits")
    shutil.copyfile(store.path(demo_reference("acs", "biasfile")), desk.folder / "known.fits")
    (desk.folder / "broken.fits").write_bytes(good.read_bytes()[:4000])
    submission = desk.processed()
    assert submission.state == State.FAILED
    wrong = {(f.file.uploaded_as, f.code) for f in submission.findings.filter(level=Level.ERROR)}
    assert {("twin.fits", "duplicate"), ("known.fits", "duplicate")} <= wrong, told(submission)
    assert any(name == "broken.fits" for name, _ in wrong)
    assert submission.job.__class__.objects.get(pk=submission.job_id).state == JobState.FAILED
    assert str(submission.pk) in submission.job.__class__.objects.get(pk=submission.job_id).error
    assert sorted(path.name for path in desk.folder.iterdir()) == [
        "broken.fits", "known.fits", good.name, "twin.fits"]
    assert submission.active_draft is None and locking.holder("acs") is None
    assert "FAILED" in {mail.event for mail in Mail.objects.all()}
    assert not deciding.standing(submission, desk.user).confirm.possible
    assert faults() == []


def test_files_of_another_instrument_are_named(desk):
    desk.bring("acs")
    submission = desk.processed(instrument="cos")
    assert submission.state == State.FAILED
    assert errors(submission) == {"wrong-instrument"}


def test_an_instrument_locked_by_a_colleague_is_left_alone(desk, people):
    desk.bring()
    colleague = people("carl")
    locking.acquire("acs", colleague)
    submission = desk.processed()
    assert errors(submission) == {"locked"} and "carl" in submission.findings.first().text
    assert locking.holder("acs") == colleague


def test_certifying_changes_nothing(desk):
    desk.bring()
    submission = desk.processed(Kind.CERTIFY)
    assert submission.state == State.DONE, (submission.error, told(submission))
    assert submission.files.get().verdict in ("ok", "warnings")
    assert not Mail.objects.exists() and locking.holder("acs") is None
    assert "nothing to confirm" in deciding.standing(submission, desk.user).confirm.why


def test_references_only_leave_the_rules_alone(desk):
    desk.bring()
    before = edit_context()
    submission = desk.confirmed(desk.processed(Kind.REFERENCES))
    assert submission.state == State.CONFIRMED, (submission.error, told(submission))
    assert edit_context() == before and submission.new_context == ""
    row = CatalogFile.objects.get(name=submission.files.get().name)
    assert row.published and not row.links_up.exists()
    assert faults() == []


def test_references_are_taken_out_and_put_back(desk):
    name = demo_reference("acs", "darkfile")
    submission = desk.confirmed(desk.processed(Kind.DELETE_REFERENCES, deleted_files=name))
    assert submission.state == State.CONFIRMED, (submission.error, told(submission))
    assert demo_reference("acs", "darkfile") != name
    submission = desk.confirmed(desk.processed(Kind.ADD_REFERENCES, added_files=name))
    assert submission.state == State.CONFIRMED, (submission.error, told(submission))
    assert demo_reference("acs", "darkfile") == name
    assert faults() == []


def test_one_upload_area_serves_one_submission_at_a_time(desk):
    desk.bring()
    first = desk.start()
    with pytest.raises(starting.AreaBusy):
        desk.start()
    assert Submission.objects.count() == 1
    deciding.cancel(first, desk.user, "a mistake")
    assert first.state == State.CANCELLED and not (first.folder / "uploads").exists()
    assert desk.start().state == State.QUEUED


def test_cancelling_leaves_nothing_but_a_record(desk):
    path = desk.bring()
    submission = desk.processed()
    name = submission.files.filter(type="reference").get().name
    deciding.cancel(submission, desk.user, "not needed")
    assert (submission.state, submission.reason) == (State.CANCELLED, "not needed")
    assert path.exists() and not (submission.folder / "files").exists()
    assert locking.holder("acs") is None and not CatalogFile.objects.filter(name=name).exists()
    again = desk.processed()
    assert again.files.filter(type="reference").get().name != name
    assert faults() == []


def test_who_may_decide(desk, people):
    desk.bring()
    submission = desk.processed()
    colleague, operator = people("carl"), people("olga", "operator")
    with pytest.raises(deciding.Forbidden, match="Only sara"):
        deciding.confirm(submission, colleague)
    with pytest.raises(deciding.NotNow, match="still holds the lock"):
        deciding.force(submission, colleague, "away")
    with pytest.raises(deciding.Forbidden):
        deciding.cancel(submission, colleague)
    with pytest.raises(Exception, match="needs a reason"):
        deciding.force(submission, operator)
    locking.release("acs", desk.user)
    assert deciding.standing(submission, colleague).force.possible
    forced = deciding.force(submission, colleague, "sara asked for it")
    run_job(forced.decision_job)
    forced.refresh_from_db()
    assert (forced.state, forced.forced, forced.closed_by) == (State.CONFIRMED, True, "carl")
    assert forced.reason == "sara asked for it"
