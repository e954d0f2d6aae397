"""Results made once by a job and kept in files."""

from __future__ import annotations

import shutil
from datetime import timedelta

import pytest
from django.utils import timezone

from common.errors import BadRequest, NotFound, Unavailable
from jobs import execution, kept, leases, services
from jobs.context import JobEnded
from jobs.models import Job, JobState, KeptResult

pytestmark = pytest.mark.django_db

KEY = "da39a3ee5e6b4b0d3255bfef95601890afd80709"


@pytest.fixture(autouse=True)
def own_folder(instance):
    return instance.kept


def ask(text="one", key=KEY, **parameters):
    return kept.obtain("test_kept", key, {"text": text, **parameters})


def work() -> Job:
    """Run the job that waits longest, in this process."""
    job = leases.claim("test")
    execution.run(job)
    job.refresh_from_db()
    return job


def test_a_result_is_made_once_and_found_from_then_on():
    first = ask()
    assert not first.ready and not first.failed and first.job.state == JobState.QUEUED
    assert ask().job == first.job
    assert work().state == JobState.DONE
    found = ask()
    assert found.ready and found.json() == {"text": "one"}
    assert found.path("picture.txt").read_text() == "one"
    assert Job.objects.count() == 1
    assert KeptResult.objects.get().size == len('{"text": "one"}') + 3


@pytest.mark.parametrize(("error", "shown"), [
    ("OSError: [Errno 5] I/O: '/srv/crds/references/hst/x.fits'",
     "OSError: [Errno 5] I/O: 'x.fits'"),
    ("See https://example.org/a/b/c and and/or.", "See https://example.org/a/b/c and and/or."),
])
def test_reasons_name_no_folders_of_the_machine(error, shown):
    failed = Job(state=JobState.FAILED, error=error)
    assert kept.Kept("test_kept", KEY, job=failed).error == shown


def test_finding_makes_nothing():
    assert kept.find("test_kept", KEY) == kept.Kept("test_kept", KEY)
    assert not Job.objects.exists() and not KeptResult.objects.exists()


@pytest.mark.parametrize("name", ["../result.json", "nothing.png", ".hidden", "", "a/b", "x" * 200])
def test_other_names_than_those_of_files_are_not_found(name):
    ask()
    work()
    with pytest.raises(NotFound):
        ask().path(name)


def test_a_failure_is_told_and_tried_again_only_later():
    ask("No such picture.", fail=True)
    assert work().state == JobState.FAILED
    found = ask("No such picture.", fail=True)
    assert found.failed and found.error == "No such picture."
    assert Job.objects.count() == 1
    Job.objects.update(finished=timezone.now() - kept.RETRY_AFTER - timedelta(seconds=1))
    assert not ask("better").failed
    assert work().state == JobState.DONE
    assert ask("better").ready


def test_nothing_half_made_is_left_or_shown(own_folder):
    ask("broken", fail=True)
    work()
    assert not [path for path in own_folder.rglob("*") if path.is_file()]


def test_a_job_that_was_given_to_another_worker_leaves_nothing(own_folder):
    ask()
    job = leases.claim("test")
    Job.objects.filter(pk=job.pk).update(attempt=job.attempt + 1)
    run = kept.kinds.find("test_kept").run
    with pytest.raises(JobEnded):
        run(execution.JobContext(job), key=KEY, parameters={"text": "late"})
    assert not kept.find("test_kept", KEY).ready
    assert not list(own_folder.rglob("result.json"))


def test_results_that_were_removed_are_made_again(own_folder):
    ask()
    work()
    shutil.rmtree(own_folder)
    assert not ask().ready
    assert work().state == JobState.DONE
    assert ask().ready


def test_too_many_waiting_are_refused_with_a_reason(monkeypatch):
    monkeypatch.setattr(kept, "WAITING_LIMIT", 2)
    ask(key="a1")
    ask(key="a2")
    with pytest.raises(Unavailable, match="Try again in a few minutes"):
        ask(key="a3")
    assert ask(key="a1").job


def test_the_longest_unused_make_room():
    for key in ("a1", "a2", "a3"):
        ask(key=key)
        work()
    KeptResult.objects.filter(key="a1").update(used_at=timezone.now() - timedelta(days=9))
    KeptResult.objects.update(size=1024 * 1024)
    assert kept.shrink(megabytes=2) == 1
    assert [kept.find("test_kept", key).ready for key in ("a1", "a2", "a3")] == [False, True, True]


def test_notes_of_results_that_were_never_made_go_with_their_job():
    ask("No such picture.", fail=True)
    work()
    ask(key="a1")
    work()
    Job.objects.update(finished=timezone.now() - timedelta(days=400))
    services.clear_old_jobs()
    assert [row.key for row in KeptResult.objects.all()] == ["a1"]
    assert ask(key="a1").ready


def test_use_is_noted_once_a_day():
    ask()
    work()
    KeptResult.objects.update(used_at=timezone.now() - timedelta(days=2))
    ask()
    assert KeptResult.objects.get().used_at > timezone.now() - timedelta(minutes=1)


@pytest.mark.parametrize("key", ["", "../x", "a b", "x" * 129])
def test_keys_that_could_leave_the_folder_are_refused(key):
    with pytest.raises(BadRequest):
        ask(key=key)
