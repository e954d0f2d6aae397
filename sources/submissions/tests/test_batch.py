"""References from the upload area to a new context."""

from __future__ import annotations

import pytest

from interactive.models import AuditRecord, CatalogFile, DeliveryFile, RuleLink
from interactive.services import contexts, store
from jpoll import services as jpoll
from submissions.models import Mail, State
from submissions.services import results
from submissions.tests.helpers import edit_context, faults

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_reference_goes_all_the_way(desk):
    before = edit_context()
    path = desk.bring()
    key = jpoll.open_channel("session")
    from submissions.services import starting
    from submissions.tests.helpers import run_job

    submission = starting.start("batch", desk.user, draft=desk.draft, channel=key,
                                base_url="http://localhost:8123", fields={
                                    "description": "Better", "pmap_mode": "pmap_edit"})
    run_job(submission.job)
    submission.refresh_from_db()
    assert submission.state == State.READY, (submission.error, [
        (f.level, f.text) for f in submission.findings.all()])
    found = results.of(submission)
    file = found.references[0]
    assert file.uploaded_as == path.name and file.name.endswith(".fits") and not file.published
    assert found.changes[0].rows and found.changes[0].text.startswith("---")
    assert not CatalogFile.objects.filter(name=file.name).exists()
    assert store.location(file.name) is None
    messages = jpoll.pull(key, "0")
    assert messages[-1]["type"] == "done"
    assert messages[-1]["data"] == {
        "status": 0, "result": f"http://localhost:8123/display_result/{submission.pk}"}
    said = [m["data"] for m in messages[:-1] if m["type"] == "log_message"]
    assert said[0] == "Starting submission processing."
    assert edit_context() == before

    submission = desk.confirmed(submission)
    assert submission.state == State.CONFIRMED, submission.error
    assert edit_context() == submission.new_context != before
    row = CatalogFile.objects.get(name=file.name)
    assert (row.uploaded_as, row.state, row.deliverer_user, row.description) == (
        path.name, "archived", "sara", "Better")
    assert file.name in [r for r in RuleLink.objects.filter(
        parent__name=found.rules[0].name).values_list("child__name", flat=True)]
    assert contexts.pointer("latest") != submission.new_context
    assert DeliveryFile.objects.filter(delivery=submission.delivery).count() == 4
    assert AuditRecord.objects.filter(action="submit file").count() == 4
    assert not path.exists()
    assert submission.completed_at and not (submission.folder / "files").exists()
    assert {mail.event for mail in Mail.objects.all()} == {"STARTED", "READY", "CONFIRMED"}
    assert faults() == []
