"""Who may not, what is taken back, and how much a page reads."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.models import Grant
from fileupload.services import drafts, incoming
from interactive.services import store
from jobs import services as jobs
from locking import services as locking
from rules.certifying.findings import Record
from submissions.models import Finding, Kind, Level, State, Submission, SubmittedFile
from submissions.services import confirming, deciding, editor, results
from submissions.tests.helpers import Desk, edit_context, run_job

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "archive"])


def test_contexts_need_the_role_for_all_instruments(desk, people):
    own = Desk(people("ada", instrument="acs"))
    name = edit_context()
    (own.folder / name).write_bytes(store.path(name).read_bytes() + b"\n# changed\n")
    submission = own.processed(Kind.MAPPINGS)
    assert submission.state == State.FAILED
    assert list(submission.findings.filter(level=Level.ERROR).values_list("code", flat=True)) == [
        "not-allowed"]


def test_who_lost_the_role_cannot_confirm(desk):
    desk.bring()
    submission = desk.processed()
    assert deciding.standing(submission, desk.user).confirm.possible
    Grant.objects.filter(user=desk.user).update(instrument="wfc3")
    with pytest.raises(deciding.Forbidden, match="any more"):
        deciding.confirm(submission, desk.user)
    Grant.objects.filter(user=desk.user).update(instrument="acs")
    assert deciding.standing(submission, desk.user).confirm.possible


def test_cancelled_while_it_is_confirmed_leaves_nothing_in_the_store(desk, monkeypatch):
    desk.bring()
    submission = desk.processed()
    submission = deciding.confirm(submission, desk.user)
    place = confirming.publishing.place

    def placed_then_cancelled(files):
        place(files)
        Submission.objects.filter(pk=submission.pk).update(state=State.CANCELLED)

    monkeypatch.setattr(confirming.publishing, "place", placed_then_cancelled)
    run_job(submission.decision_job)
    names = [file.name for file in submission.files.all()]
    assert names and not any(store.location(name) for name in names)


def test_killed_while_it_is_confirmed_then_cancelled(desk):
    desk.bring()
    submission = desk.processed()
    submission = deciding.confirm(submission, desk.user)
    [name] = submission.files.filter(origin="uploaded").values_list("name", flat=True)
    store.place(submission.folder / "files" / name, name)
    deciding.cancel(submission, desk.user)
    assert store.location(name) is None


def test_the_same_upload_of_two_people_is_published_once(desk, people):
    other = Desk(people("ada"))
    first = desk.bring()
    other.folder.joinpath("mine.fits").write_bytes(first.read_bytes())
    submissions = []
    for each in (desk, other):
        submissions.append(each.processed(Kind.REFERENCES))
        locking.release_all(each.user)
    assert [one.state for one in submissions] == [State.READY, State.READY]
    assert desk.confirmed(submissions[0]).state == State.CONFIRMED
    refused = other.confirmed(submissions[1])
    assert refused.state == State.READY
    assert submissions[0].files.get().name in refused.error


def test_files_stay_when_something_fails_after_the_commit(desk, monkeypatch):
    desk.bring()

    def down(kind, *args, **kwargs):
        if kind == "send_mails":
            raise RuntimeError("the queue is away")
        return submit(kind, *args, **kwargs)

    submit = jobs.submit
    monkeypatch.setattr(jobs, "submit", down)
    submission = desk.start()
    assert (submission.folder / "uploads" / "new_darkfile_1.fits").is_file()


def test_certifying_leaves_the_lock(desk):
    locking.acquire("acs", desk.user)
    desk.bring()
    submission = desk.start(Kind.CERTIFY)
    submission.files.update(instrument="acs")
    deciding.cancel(submission, desk.user)
    assert locking.holder("acs") == desk.user


def test_large_logs_are_read_in_part(content, submitter, client):
    submission = Submission.objects.create(
        kind=Kind.CERTIFY, user=submitter, state=State.DONE, description="Many files")
    SubmittedFile.objects.bulk_create([
        SubmittedFile(submission=submission, uploaded_as=f"f{number}.fits", position=number,
                      type="reference", verdict="ok", log="begin" + 50_000 * "<b> ")
        for number in range(150)])
    files = list(submission.files.defer("log"))
    Finding.objects.bulk_create([
        Finding(submission=submission, file=file, stage="certify", level=Level.NOTE, code="x",
                text="Something") for file in files for _ in range(5)])
    with CaptureQueriesContext(connection) as queries:
        found = results.of(submission)
    assert len(queries) < 10
    assert sum(len(one.log) for one in found.files) <= results.LOGS_LIMIT
    assert all(one.log_cut and one.findings[0].file == one.uploaded_as for one in found.files)
    page = client.get(reverse("display_result", args=[submission.pk]))
    assert page.status_code == 200 and len(page.content) < 12_000_000
    whole = reverse("display_result", args=[submission.pk]) + "?part=checks&file="
    assert f"{whole.replace('&', '&amp;')}{files[3].pk}\"" in page.content.decode()
    answer = client.get(f"{whole}{files[3].pk}")
    assert answer["Content-Type"].startswith("text/plain")
    assert len(answer.content) == 5 + 4 * 50_000
    for wrong in ("", "x", "0", "9" * 30):
        assert client.get(f"{whole}{wrong}").status_code == 404
    strange = Submission.objects.create(
        kind=Kind.CERTIFY, user=submitter, state=State.DONE, description="Another")
    assert client.get(reverse("display_result", args=[strange.pk]) + "?part=checks&file="
                      f"{files[3].pk}").status_code == 404


def test_logs_name_no_folders_of_the_server():
    said = Record("INFO", "Comparing './new.fits' with '/srv/crds/references/hst/old.fits'").line
    assert said == "CRDS - INFO - Comparing './new.fits' with 'old.fits'"


def test_the_editor_follows_no_links(desk, tmp_path):
    mine = tmp_path / "something of the server"
    mine.write_text("precious")
    rmap = next(choice.name for choice in editor.choices(desk.user, "acs darkfile"))
    area = editor._area(editor.open_editor(desk.user, rmap))
    folder = drafts.folder(area)
    for name in (rmap, f".{rmap}.partial", "left.rmap"):
        (folder / name).symlink_to(mine)
    editor._put(area, rmap, b"rules")
    assert mine.read_text() == "precious"
    assert (folder / rmap).read_bytes() == b"rules" and not (folder / rmap).is_symlink()
    assert [each.name for each in incoming.listing(area)] == [rmap]
