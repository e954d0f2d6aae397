"""Buffering, batches, failures of the database, forks."""

from __future__ import annotations

import os
import threading

import pytest
from django.db import DatabaseError, connections
from django.utils import timezone

from stats import recorder as module
from stats.models import RequestRecord
from stats.recorder import Recorder


def record(label: str = "home") -> RequestRecord:
    return RequestRecord(at=timezone.now(), method="GET", label=label, path="/", status=200,
                         failed=False, duration=1.0, size=1, request_id="x")


@pytest.fixture
def idle(settings, monkeypatch):
    """A recorder whose writer does not start."""
    settings.STATS_FLUSH_SECONDS = 5
    monkeypatch.setattr(Recorder, "_start", lambda self: None)
    made = Recorder()
    yield made
    made.waiting.clear()


@pytest.fixture
def broken(monkeypatch):
    """A database that refuses to write while the list is not empty."""
    down = [True]
    plain = RequestRecord.objects.bulk_create

    def bulk_create(rows):
        if down:
            raise DatabaseError("the database is down")
        return plain(rows)

    monkeypatch.setattr(RequestRecord.objects, "bulk_create", bulk_create)
    return down


@pytest.mark.django_db
def test_requests_do_not_touch_the_database(idle, django_assert_num_queries):
    with django_assert_num_queries(0):
        for _ in range(100):
            idle.add(record)
    assert len(idle.waiting) == 100


@pytest.mark.django_db
def test_records_are_written_in_few_statements(idle, django_assert_max_num_queries):
    for _ in range(module.BATCH + 1):
        idle.add(record)
    # Two batches; SQLite takes some hundred rows in one statement.
    with django_assert_max_num_queries(30):
        assert idle.flush() == module.BATCH + 1
    assert RequestRecord.objects.count() == module.BATCH + 1


@pytest.mark.django_db
def test_a_full_buffer_drops_and_counts(idle, monkeypatch, caplog):
    monkeypatch.setattr(module, "CAPACITY", 10)
    for _ in range(25):
        idle.add(record)
    assert (len(idle.waiting), idle.dropped) == (10, 15)
    idle.flush()
    assert "15 request records were dropped" in caplog.text
    assert idle.dropped == 0


@pytest.mark.django_db
def test_records_wait_in_order_while_the_database_is_down(idle, broken):
    for label in ("first", "second", "third"):
        idle.add(lambda label=label: record(label))
    with pytest.raises(DatabaseError):
        idle.flush()
    assert [row.label for row in idle.waiting] == ["first", "second", "third"]
    broken.clear()
    assert idle.flush() == 3
    assert list(RequestRecord.objects.order_by("pk").values_list("label", flat=True)) == [
        "first", "second", "third"]


def test_a_record_that_cannot_be_made_breaks_no_request(idle, caplog):
    idle.add(lambda: 1 / 0)
    assert idle.dropped == 1
    assert "could not be recorded" in caplog.text


@pytest.mark.django_db
def test_a_request_does_not_fail_when_writing_at_once_fails(client, settings, broken):
    settings.STATS_FLUSH_SECONDS = 0
    try:
        assert client.get("/login/").status_code == 200
    finally:
        module.recorder.waiting.clear()


@pytest.mark.django_db
def test_what_waits_is_written_at_the_end_of_the_process(idle):
    idle.add(record)
    idle.close()
    assert RequestRecord.objects.count() == 1


def test_losing_records_at_the_end_is_logged_not_raised(idle, broken, caplog, db):
    idle.add(record)
    idle.close()
    assert "1 request records are lost at exit" in caplog.text


@pytest.mark.django_db
def test_a_forked_process_does_not_write_what_its_parent_holds(idle):
    idle.add(record)
    reader, writer = os.pipe()
    child = os.fork()
    if not child:
        os.write(writer, b"%d" % len(idle.waiting))
        os._exit(0)
    os.waitpid(child, 0)
    assert os.read(reader, 10) == b"0"
    assert len(idle.waiting) == 1
    os.close(reader)
    os.close(writer)


@pytest.mark.django_db(transaction=True)
def test_the_thread_writes_and_goes_on_after_a_failure(settings, monkeypatch, caplog):
    settings.STATS_FLUSH_SECONDS = 0.01
    written, calls = threading.Event(), []
    recorder = Recorder()
    plain = recorder.flush

    def flush():
        calls.append(1)
        if len(calls) == 1:
            raise DatabaseError("the database is down")
        number = plain()
        if number:
            written.set()
        return number

    monkeypatch.setattr(recorder, "flush", flush)
    monkeypatch.setattr(recorder, "_tidy", lambda: None)
    recorder.add(record)
    assert written.wait(20), "the writer thread did not write"
    assert "1 request records wait" in caplog.text
    assert RequestRecord.objects.count() == 1
    recorder.stop()
    assert not recorder._writer.is_alive()
    connections.close_all()
