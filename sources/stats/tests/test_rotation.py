"""Sums of hours, and removal of old records."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from stats import rotation
from stats.models import HourlyLoad, RequestRecord

pytestmark = pytest.mark.django_db

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def record(at: datetime, label: str = "home", *, status: int = 200, failed: bool = False,
           duration: float = 10.0, size: int | None = 100) -> RequestRecord:
    return RequestRecord.objects.create(
        at=at, method="GET", label=label, path="/", status=status, failed=failed,
        duration=duration, size=size, request_id="x")


def test_finished_hours_are_summed_by_label():
    record(NOON, duration=10)
    record(NOON + timedelta(minutes=59, seconds=59), duration=30, status=404)
    record(NOON, "status", failed=True, status=500, size=None)
    record(NOON + timedelta(hours=1))
    rotation.sum_up(NOON + timedelta(hours=1, minutes=30))
    rows = {row.label: row for row in HourlyLoad.objects.filter(hour=NOON)}
    home = rows["home"]
    assert (home.requests, home.refused, home.failed) == (2, 1, 0)
    assert (home.duration, home.slowest, home.size) == (40, 30, 200)
    assert (rows["status"].failed, rows["status"].size) == (1, 0)
    assert not HourlyLoad.objects.exclude(hour=NOON).exists(), "the running hour is not over"


def test_an_hour_waits_for_late_records():
    record(NOON)
    assert rotation.sum_up(NOON + timedelta(hours=1, minutes=9)) == 0
    assert rotation.sum_up(NOON + timedelta(hours=1, minutes=10)) == 1


def test_summing_up_twice_changes_nothing():
    record(NOON)
    later = NOON + timedelta(hours=3)
    rotation.sum_up(later)
    record(NOON + timedelta(hours=1, minutes=5))
    rotation.sum_up(later)
    rotation.sum_up(later)
    assert list(HourlyLoad.objects.values_list("requests", flat=True)) == [1, 1]


def test_two_processes_at_once_keep_one_row(monkeypatch):
    record(NOON)
    later = NOON + timedelta(hours=3)
    rotation.sum_up(later)
    # The other process read before the first wrote.
    monkeypatch.setattr(rotation, "summed_until", lambda: None)
    rotation.sum_up(later)
    assert HourlyLoad.objects.get().requests == 1


def test_old_records_go_and_their_sums_stay(settings, monkeypatch):
    settings.STATS_KEEP_DAYS = 30
    monkeypatch.setattr(rotation, "CHUNK", 3)
    for minute in range(10):
        record(NOON - timedelta(days=40, minutes=minute))
    kept = record(NOON - timedelta(days=29))
    rotation.tidy(NOON)
    assert list(RequestRecord.objects.all()) == [kept]
    assert sum(HourlyLoad.objects.values_list("requests", flat=True)) == 11
