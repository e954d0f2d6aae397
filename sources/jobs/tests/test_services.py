"""Rules of jobs that need no worker: who gets one, who may write, how it ends."""

from __future__ import annotations

import dataclasses
import os
import select
import signal
import subprocess
import sys
import uuid
from datetime import timedelta

import pytest
from django.conf import settings
from django.contrib.auth.models import Permission
from django.db import transaction
from django.utils import timezone
from django_q.models import OrmQ

from common.errors import BadRequest, NotFound
from jobs import cluster, execution, kinds, leases, processes, services
from jobs.context import JobCancelled, JobContext, JobSuperseded
from jobs.models import Job, JobState, Worker
from jpoll import services as jpoll

pytestmark = pytest.mark.django_db


@pytest.fixture
def job():
    return services.submit("test_add", {"one": 1})


def lapse(job: Job) -> None:
    """As if the worker had been silent for too long."""
    Job.objects.filter(pk=job.pk).update(lease_until=timezone.now() - timedelta(seconds=1))


# ---- submission -----------------------------------------------------------


def test_submission_queues_the_job_and_calls_a_worker(job):
    assert job.state == JobState.QUEUED
    assert OrmQ.objects.count() == 1


def test_nothing_is_submitted_when_the_transaction_fails():
    with pytest.raises(RuntimeError), transaction.atomic():
        services.submit("test_add", {"one": 1})
        raise RuntimeError
    assert not Job.objects.exists()
    assert not OrmQ.objects.exists()


@pytest.mark.parametrize("kind, parameters, words", [
    ("unheard_of", {}, "no kind of job"),
    ("test_add", {}, "missing a required argument: 'one'"),
    ("test_add", {"one": 1, "three": 3}, "unexpected keyword argument 'three'"),
])
def test_impossible_submissions_are_refused(kind, parameters, words):
    with pytest.raises(BadRequest, match=words):
        services.submit(kind, parameters)
    assert not Job.objects.exists()


def test_kind_sets_limits_and_attempts():
    job = services.submit("test_eat", {"megabytes": 1})
    assert (job.memory_limit, job.time_limit, job.max_attempts) == (400, 3600, 3)


def test_two_functions_cannot_share_a_name():
    with pytest.raises(ValueError, match="test_add"):
        kinds.job_kind("test_add")(lambda context: None)


def test_catalogue_check_is_a_job():
    assert kinds.find("check_invariants").title == "Check the catalogue"


# ---- claim and fence --------------------------------------------------------


def test_one_claim_takes_a_job_once_and_oldest_first(job):
    later = services.submit("test_add", {"one": 2})
    first = leases.claim("here:1:0")
    assert (first.pk, first.state, first.attempt, first.worker) == (
        job.pk, JobState.RUNNING, 1, "here:1:0")
    assert leases.claim("here:2:0").pk == later.pk
    assert leases.claim("here:3:0") is None


def test_delayed_job_is_not_claimed(job):
    Job.objects.update(not_before=timezone.now() + timedelta(minutes=1))
    assert leases.claim("here:1:0") is None


def test_stale_attempt_cannot_write_anything(job):
    stale = leases.claim("here:1:0")
    lapse(stale)
    assert services.get(job.pk).state == JobState.QUEUED
    fresh = leases.claim("here:2:0")
    context = JobContext(stale)
    with pytest.raises(JobSuperseded):
        context.progress(1, 2)
    with pytest.raises(JobSuperseded):
        context.check()
    with pytest.raises(JobSuperseded), context.transaction():
        pytest.fail("the transaction must not begin")
    assert not leases.renew(stale)
    assert not leases.finish(stale, JobState.DONE, result="stale")
    assert not leases.hand_back(stale, "stale")
    now = services.get(job.pk)
    assert (now.state, now.attempt, now.result, now.progress) == (
        JobState.RUNNING, 2, None, None)
    assert leases.finish(fresh, JobState.DONE, result="fresh")


def test_progress_is_shown(job):
    context = JobContext(leases.claim("here:1:0"))
    context.progress(1, 4, "one of four")
    assert (services.get(job.pk).progress, services.get(job.pk).progress_text) == (
        0.25, "one of four")
    context.progress(2, 4, "too soon to be written")
    assert services.get(job.pk).progress == 0.25
    context.progress(4, 4)
    assert services.get(job.pk).progress == 1


# ---- taking back ------------------------------------------------------------


def test_renewed_lease_is_not_taken_back(job):
    claimed = leases.claim("here:1:0")
    lapse(claimed)
    seen = Job.objects.get(pk=job.pk)
    assert leases.renew(claimed)
    assert not leases.take_back(seen)
    assert services.get(job.pk).state == JobState.RUNNING


def test_list_and_watchdog_take_back_too(job):
    other = services.submit("test_add", {"one": 2})
    leases.claim("here:1:0"), leases.claim("here:2:0")
    lapse(job)
    assert {j.state for j in services.jobs() if j.pk == job.pk} == {JobState.QUEUED}
    lapse(other)
    cluster.Watchdog().look()
    assert services.get(other.pk).state == JobState.QUEUED


def test_attempts_end(job):
    for attempt in range(1, job.max_attempts + 1):
        assert leases.claim("here:1:0").attempt == attempt
        lapse(job)
        state = services.get(job.pk).state
        assert state == (JobState.FAILED if attempt == job.max_attempts else JobState.QUEUED)
    assert "It was tried 3 times." in services.get(job.pk).error


def test_interruptions_do_not_count(job):
    for _ in range(5):
        leases.hand_back(leases.claim("here:1:0"), "The server was stopped.", counts=False)
    assert services.get(job.pk).state == JobState.QUEUED
    assert services.get(job.pk).attempts_left == job.max_attempts


def test_dead_job_that_was_cancelled_is_not_run_again(job):
    leases.claim("here:1:0")
    services.cancel(job.pk)
    lapse(job)
    assert services.get(job.pk).state == JobState.CANCELLED


def test_channel_always_gets_its_end():
    for end in ("cancel", "fail"):
        key = jpoll.open_channel(end)
        job = services.submit("test_hold_once", {"folder": "x"}, channel=key)
        if end == "cancel":
            services.cancel(job.pk)
        else:
            leases.claim("here:1:0")
            lapse(job)
            services.get(job.pk)
        last = jpoll.pull(key, "0")[-1]
        assert (last["type"], last["data"]["status"]) == ("done", 3 if end == "cancel" else 1)


def test_second_attempt_is_announced_as_a_warning():
    key = jpoll.open_channel("session")
    job = services.submit("test_add", {"one": 1}, channel=key)
    leases.claim("here:1:0")
    lapse(job)
    services.get(job.pk)
    assert [m["type"] for m in jpoll.pull(key, "0")] == ["warning"]


# ---- watchdog ---------------------------------------------------------------


def test_lost_wake_up_call_is_repeated(job, settings):
    settings.JOB_TIMES = {"wake_after": 0}
    OrmQ.objects.all().delete()
    assert not cluster.Watchdog().look()
    assert OrmQ.objects.count() == 1
    cluster.Watchdog().look()
    assert OrmQ.objects.count() == 1


def test_hanging_workers_are_noticed_but_not_while_one_works(job, settings):
    settings.JOB_TIMES = {"wake_after": 0, "starved_after": 0}
    watchdog = cluster.Watchdog()
    assert watchdog.look()
    other = services.submit("test_add", {"one": 1})
    assert leases.claim("here:1:0").pk == job.pk
    assert not watchdog.look()
    assert services.get(other.pk).state == JobState.QUEUED


def test_watchdog_survives_a_database_error(monkeypatch):
    from django.db import OperationalError

    def fail(*_):
        raise OperationalError

    monkeypatch.setattr(leases, "take_back_overdue", fail)
    assert cluster.Watchdog().look() is False


# ---- cancelling and looking -------------------------------------------------


def test_cancel_of_a_waiting_job(job):
    assert services.cancel(job.pk).state == JobState.CANCELLED
    assert leases.claim("here:1:0") is None
    with pytest.raises(services.AlreadyFinished, match="cancelled already"):
        services.cancel(job.pk)


def test_cancel_of_a_running_job_reaches_it(job):
    context = JobContext(leases.claim("here:1:0"))
    services.cancel(job.pk)
    with pytest.raises(JobCancelled):
        context.progress(1, 2)
    with pytest.raises(JobCancelled), context.transaction():
        pytest.fail("the transaction must not begin")


def test_only_owner_and_operators_cancel_and_see(client, django_user_model):
    owner, other, operator = (
        django_user_model.objects.create_user(name) for name in ("owner", "other", "operator"))
    operator.user_permissions.add(Permission.objects.get(codename="change_job"))
    job = services.submit("test_add", {"one": 1}, user=owner)
    url = f"/jobs/{job.pk}.json"
    assert client.get(url).status_code == 404
    client.force_login(other)
    assert client.get(url).status_code == 404
    with pytest.raises(services.NotAllowed):
        services.cancel(job.pk, other)
    for user in (owner, operator):
        client.force_login(user)
        assert client.get(url).json()["state"] == "queued"
    assert services.cancel(job.pk, operator).state == JobState.CANCELLED


@pytest.mark.parametrize("unknown", ["x", "", None, uuid.uuid4()])
def test_unknown_jobs(unknown):
    with pytest.raises(NotFound):
        services.get(unknown)


def test_description_is_complete_and_json(job, client, django_user_model):
    described = services.describe(job)
    assert described["title"] == "Add"
    assert "none is running" in described["note"]
    Worker.objects.create(name="here:1:0")
    assert services.describe(job)["note"] == "It waits for a free worker."


def test_jobs_are_listed_newest_first_and_filtered(job):
    newer = services.submit("test_crash")
    assert list(services.jobs()) == [newer, job]
    assert list(services.jobs(kind="test_add")) == [job]
    services.cancel(job.pk)
    assert list(services.jobs(active=True)) == [newer]
    assert list(services.jobs(active=False)) == [job]


def test_old_jobs_are_forgotten_with_their_logs(job, settings):
    leases.claim("here:1:0")
    claimed = Job.objects.get(pk=job.pk)
    leases.finish(claimed, JobState.DONE)
    path = settings.INSTANCE.logs / "jobs" / claimed.log
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("said much")
    assert services.read_log(claimed) == "said much"
    assert services.clear_old_jobs() == 0
    Job.objects.update(finished=timezone.now() - timedelta(days=31))
    assert services.clear_old_jobs() == 1
    assert not path.exists()
    assert services.read_log(claimed) == ""


# ---- in the child -----------------------------------------------------------


def test_want_of_the_database_asks_for_another_attempt(job, monkeypatch):
    from django.db import OperationalError

    def fail(*_, **__):
        raise OperationalError("gone away")

    claimed = leases.claim("here:1:0")
    kind = dataclasses.replace(kinds.find("test_add"), run=fail)
    monkeypatch.setitem(kinds._kinds, "test_add", kind)
    assert execution.run(claimed) == execution.TRY_LATER
    assert services.get(job.pk).state == JobState.RUNNING


def test_process_dies_with_its_parent():
    """The parent prints the child's pid and is killed; the child follows."""
    code = (
        "import os, time, sys\n"
        "from jobs import processes\n"
        "processes.bind_forks()\n"
        "pid = os.fork()\n"
        "if pid: print(pid, flush=True)\n"
        "time.sleep(60)\n"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, text=True,
        env={**os.environ, "PYTHONPATH": str(settings.SOURCES)})
    child = int(parent.stdout.readline())
    descriptor = os.pidfd_open(child)
    parent.send_signal(signal.SIGKILL)
    parent.communicate()
    try:
        assert select.select([descriptor], [], [], 5)[0], "the child goes on"
    finally:
        os.close(descriptor)


def test_identity_tells_this_process_from_later_ones():
    host, pid, started = processes.identity().rsplit(":", 2)
    assert (int(pid), bool(host), float(started) > 0) == (os.getpid(), True, True)
