"""Jobs on real workers, with the accidents that happen to those."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from datetime import timedelta

import pytest
from django.conf import settings
from django.utils import timezone

from jobs import execution, services
from jobs.models import Job, JobState, Worker
from jobs.tests.workers import WorkerProcess, alive, wait_until
from jpoll import services as jpoll

pytestmark = pytest.mark.django_db(transaction=True)

#: What the project promises: a dead worker is noticed within a minute.
MINUTE = 60


def finished(job: Job, seconds: float = 30) -> Job:
    def look():
        current = services.get(job.pk)
        return current if current.is_finished else None

    return wait_until(look, seconds)


def pids(path) -> list[int]:
    """The process ids that a job wrote down, once it has."""
    wait_until(path.exists)
    return [int(word) for word in path.read_text().split()]


def test_queued_jobs_wait_for_a_worker_and_then_run(worker):
    job = services.submit("test_add", {"one": 2, "two": 3})
    assert services.get(job.pk).state == JobState.QUEUED
    assert "none is running" in services.describe(services.get(job.pk))["note"]
    worker.start()
    job = finished(job)
    assert (job.state, job.result["sum"], job.progress) == (JobState.DONE, 5, 1.0)
    assert "adding in the log" in services.read_log(job)
    assert job.result["pid"] not in worker.pool()
    assert services.worker_running()


def test_ways_to_fail_each_say_what_happened(worker):
    wanted = {
        "test_refuse": "The file has no header. Add one and submit it again.",
        "test_crash": "KeyError: 'lost'",
        "test_unstorable": "Its result cannot be stored: TypeError",
        "test_slow": "Stopped after 1 seconds, the time",
        "test_exit": "Its process ended without a result (exit status 3).",
        "test_die": "killed (signal 9), by hand or because the machine ran out of memory."
                    " It was tried 2 times.",
    }
    jobs = {kind: services.submit(kind) for kind in wanted}
    worker.start()
    for kind, words in wanted.items():
        job = finished(jobs[kind])
        assert job.state == JobState.FAILED, kind
        assert words in job.error
        assert "Traceback" not in job.error
    assert "Traceback" in services.read_log(finished(jobs["test_crash"]))


def test_memory_is_limited(worker):
    worker.start()
    small, large = services.submit("test_eat", {"megabytes": 50}), services.submit(
        "test_eat", {"megabytes": 2000})
    assert finished(small).state == JobState.DONE
    job = finished(large)
    assert job.state == JobState.FAILED
    assert job.error == "It needed more than the 400 MB of memory that it may use."


def test_kill_of_the_worker_in_mid_job_the_next_worker_runs_it_again(worker, tmp_path):
    job = services.submit("test_hold", {"folder": str(tmp_path)})
    worker.start()
    [first] = pids(tmp_path / "attempt1")
    worker.kill()
    # Nobody of its family goes on.
    wait_until(lambda: not alive(first), 5)
    wait_until(lambda: not any(alive(pid) for pid in worker.tree()), 5)
    # Whoever looks is told, without any worker.
    waiting = wait_until(
        lambda: (now := services.get(job.pk)).state == JobState.QUEUED and now, MINUTE)
    assert "ended or stopped answering" in services.describe(waiting)["note"]
    worker.start()
    pids(tmp_path / "attempt2")
    (tmp_path / "go").touch()
    job = finished(job)
    assert (job.state, job.result) == (JobState.DONE, {"attempt": 2})


@pytest.mark.parametrize("victim", ["sentinel", "runner"])
def test_kill_inside_the_worker_is_healed_by_itself(worker, tmp_path, victim):
    job = services.submit("test_hold", {"folder": str(tmp_path)})
    worker.start()
    [first] = pids(tmp_path / "attempt1")
    worker.tree()
    runner = int(services.get(job.pk).worker.split(":")[1])
    os.kill(worker.sentinel() if victim == "sentinel" else runner, signal.SIGKILL)
    wait_until(lambda: not alive(first), 5)
    pids_of_second = wait_until(lambda: (tmp_path / "attempt2").exists(), MINUTE)
    assert pids_of_second
    (tmp_path / "go").touch()
    assert finished(job).result == {"attempt": 2}


def test_idle_workers_killed_one_after_the_other_still_leave_a_worker(worker, tmp_path):
    """django-q2's queue is dead once a process is killed that waits at it; the watchdog sees."""
    worker.start()
    for pid in worker.pool():
        os.kill(pid, signal.SIGKILL)
    job = services.submit("test_add", {"one": 1})
    assert finished(job, MINUTE).state == JobState.DONE


def test_last_attempt_lost_is_reported(worker, tmp_path):
    job = services.submit("test_hold_once", {"folder": str(tmp_path)})
    worker.start()
    pids(tmp_path / "attempt1")
    worker.kill()
    job = finished(job, MINUTE)
    assert job.state == JobState.FAILED
    assert "ended or stopped answering" in job.error


def test_kill_of_the_job_itself_is_tried_again(worker, tmp_path):
    job = services.submit("test_hold", {"folder": str(tmp_path)})
    worker.start()
    [pid] = pids(tmp_path / "attempt1")
    os.kill(pid, signal.SIGKILL)
    pids(tmp_path / "attempt2")
    (tmp_path / "go").touch()
    assert finished(job).result == {"attempt": 2}


def test_cancel_kills_the_whole_tree(worker, tmp_path):
    job = services.submit("test_family", {"folder": str(tmp_path)})
    worker.start()
    family = pids(tmp_path / "family1")
    assert all(alive(pid) for pid in family)
    assert services.describe(services.cancel(job.pk))["note"] == "It is being cancelled."
    job = finished(job)
    assert (job.state, job.error) == (JobState.CANCELLED, "Cancelled.")
    assert not any(alive(pid) for pid in family)


def test_second_attempt_starts_without_relatives_of_the_first(worker, tmp_path):
    job = services.submit("test_family", {"folder": str(tmp_path)})
    worker.start()
    family = pids(tmp_path / "family1")
    worker.kill()
    # In the group of the job: ends with the worker; the runaway stays for the moment.
    wait_until(lambda: not alive(family[0]) and not alive(family[1]), 5)
    worker.start()
    pids(tmp_path / "family2")
    assert not any(alive(pid) for pid in family)
    services.cancel(job.pk)
    finished(job)


def test_job_that_reports_learns_of_its_cancellation(worker, tmp_path):
    job = services.submit("test_polite", {"folder": str(tmp_path)})
    worker.start()
    pids(tmp_path / "started")
    services.cancel(job.pk)
    assert finished(job).state == JobState.CANCELLED
    assert (tmp_path / "tidied").exists()


def test_stop_queues_the_running_job_again_and_does_not_count_it(worker, tmp_path):
    job = services.submit("test_hold_once", {"folder": str(tmp_path)})
    worker.start()
    [pid] = pids(tmp_path / "attempt1")
    assert worker.stop() == 0
    assert not alive(pid)
    job = services.get(job.pk)
    assert (job.state, job.attempts_left) == (JobState.QUEUED, 1)
    assert not Worker.objects.exists()
    (tmp_path / "go").touch()
    worker.start()
    assert finished(job).result == {"attempt": 2}


def test_short_job_ends_before_the_worker_stops(worker, tmp_path):
    job = services.submit("test_hold", {"folder": str(tmp_path)})
    worker.start()
    pids(tmp_path / "attempt1")
    worker.process.send_signal(signal.SIGTERM)
    (tmp_path / "go").touch()
    assert worker.process.wait(20) == 0
    assert services.get(job.pk).result == {"attempt": 1}


def test_job_given_to_another_cannot_write(worker, tmp_path):
    job = services.submit("test_stale", {"folder": str(tmp_path)})
    worker.start()
    [pid] = pids(tmp_path / "started")
    # As if the lease had run out and somebody elsewhere had claimed the job.
    Job.objects.filter(pk=job.pk).update(
        attempt=7, worker="elsewhere:1:0", lease_until=timezone.now() + timedelta(hours=1))
    (tmp_path / "go").touch()
    wait_until(lambda: not alive(pid))
    assert not (tmp_path / "wrote").exists()
    assert (job_now(job).state, job_now(job).result) == (JobState.RUNNING, None)


def test_run_job_refuses_a_job_that_nobody_claimed(worker):
    """Started by hand, or after the job was taken back."""
    job = services.submit("test_add", {"one": 1})
    done = subprocess.run(
        [sys.executable, str(settings.SOURCES / "manage.py"), "run_job", str(job.pk), "1"],
        env=worker.environment, capture_output=True, text=True, timeout=60,
        start_new_session=True)
    assert done.returncode == execution.GIVEN_UP, done.stderr
    assert job_now(job).state == JobState.QUEUED


def job_now(job: Job) -> Job:
    return Job.objects.get(pk=job.pk)


def test_two_workers_run_each_job_once(worker, tmp_path_factory):
    folder = tmp_path_factory.mktemp("records")
    jobs = [services.submit("test_record", {"folder": str(folder)}) for _ in range(16)]
    other = WorkerProcess(tmp_path_factory.mktemp("other"))
    try:
        worker.start()
        other.start()
        for job in jobs:
            assert finished(job, MINUTE).state == JobState.DONE
        assert sorted(path.name for path in folder.iterdir()) == sorted(
            f"{job.pk}.1" for job in jobs)
        assert len({job_now(job).worker for job in jobs}) > 1
    finally:
        other.close()


def test_channel_hears_the_job_and_its_end(worker):
    good, bad = jpoll.open_channel("one"), jpoll.open_channel("two")
    worker.start()
    finished(services.submit("test_talk", channel=good))
    finished(services.submit("test_refuse", channel=bad))
    assert [(m["type"], m["data"]) for m in jpoll.pull(good, "0")] == [
        ("log_message", "Starting."), ("warning", "Careful."),
        ("done", {"status": 0, "result": "/display_result/7"})]
    assert jpoll.pull(bad, "0")[-1]["data"]["status"] == 1


def test_abort_of_the_channel_cancels_the_job(worker, tmp_path):
    key = jpoll.open_channel("one")
    job = services.submit("test_talk", {"folder": str(tmp_path)}, channel=key)
    worker.start()
    wait_until((tmp_path / "started").exists)
    jpoll.abort(key)
    assert finished(job).state == JobState.CANCELLED
    assert jpoll.pull(key, "0")[-1]["data"] == {"status": 3, "result": "Cancelled."}


def test_abort_also_ends_a_job_that_says_nothing(worker, tmp_path):
    key = jpoll.open_channel("one")
    job = services.submit("test_hold", {"folder": str(tmp_path)}, channel=key)
    worker.start()
    pids(tmp_path / "attempt1")
    jpoll.abort(key)
    assert finished(job).state == JobState.CANCELLED
