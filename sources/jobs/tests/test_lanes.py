"""Faster lanes come first, and slower ones leave processes free for them."""

from __future__ import annotations

import pytest
from django_q.conf import Conf

from jobs import lanes, leases, services
from jobs.models import Job, Lane

pytestmark = pytest.mark.django_db

HOST = "host-a"


@pytest.fixture(autouse=True)
def four_processes(monkeypatch):
    monkeypatch.setattr(Conf, "WORKERS", 4)


def waiting(lane: str) -> Job:
    job = services.submit("test_add", {"one": 1})
    Job.objects.filter(pk=job.pk).update(lane=lane)
    return job


def claim(host: str = HOST) -> Job | None:
    return leases.claim(f"{host}:1:1.0")


def test_the_fastest_lane_is_served_first_though_it_came_last():
    jobs = [waiting(lane) for lane in (Lane.BACKGROUND, Lane.SUBMISSION, Lane.QUICK)]
    assert [claim().pk for _ in jobs] == [job.pk for job in reversed(jobs)]


def test_within_a_lane_the_oldest_comes_first():
    first, second = waiting(Lane.QUICK), waiting(Lane.QUICK)
    assert [claim().pk, claim().pk] == [first.pk, second.pk]


def test_slow_lanes_leave_processes_free():
    for lane in (Lane.BACKGROUND, Lane.SUBMISSION):
        for _ in range(5):
            waiting(lane)
    taken = []
    while job := claim():
        taken.append(job.lane)
    assert taken == ["submission"] * 3
    confirmation = waiting(Lane.QUICK)
    assert claim().pk == confirmation.pk


def test_background_jobs_count_as_slow_ones():
    for _ in range(5):
        waiting(Lane.BACKGROUND)
    assert [claim().lane, claim().lane] == ["background"] * 2
    for _ in range(5):
        waiting(Lane.SUBMISSION)
    assert claim().lane == "submission"
    assert claim() is None
    assert lanes.open_lanes(HOST) == ["quick"]


def test_each_host_counts_for_itself():
    for _ in range(4):
        waiting(Lane.BACKGROUND)
    taken = [claim(), claim()]
    assert claim() is None
    assert claim("host-b") is not None
    services.cancel(taken[0].pk)
    assert lanes.open_lanes(HOST) == ["quick", "submission"]


def test_a_machine_with_one_process_still_serves_every_lane(monkeypatch):
    monkeypatch.setattr(Conf, "WORKERS", 1)
    assert [lanes.limit(lane) for lane in Lane.values] == [1, 1, 1]
