"""Answers made once for each state of the catalogue."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from common import software
from common.prepared import Prepared


class Maker:
    """Counts how often it makes something of the revision."""

    def __init__(self):
        self.number, self.made = 1, 0
        self.meanwhile = None

    def make(self) -> bytes:
        self.made += 1
        content = b"state %d" % self.number
        if self.meanwhile:
            self.meanwhile()
        return content

    def revision(self) -> int:
        return str(self.number)

    def prepared(self) -> Prepared:
        return Prepared("test", self.make, self.revision)


@pytest.fixture
def maker(instance) -> Maker:
    return Maker()


def test_made_once_and_again_after_a_change(maker):
    prepared = maker.prepared()
    assert [prepared.get() for _ in range(3)] == [b"state 1"] * 3
    maker.number = 2
    assert [prepared.get() for _ in range(3)] == [b"state 2"] * 3
    assert maker.made == 2


def test_other_processes_take_it_from_the_file(maker):
    maker.prepared().get()
    assert maker.prepared().get() == b"state 1"
    assert maker.made == 1


def test_many_threads_make_it_once(maker):
    prepared, start = maker.prepared(), threading.Barrier(8)

    def ask(_):
        start.wait()
        return prepared.get()

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(ask, range(8))) == {b"state 1"}
    assert maker.made == 1


def test_a_change_while_it_is_made_is_not_lost(maker):
    """What was read before the change must not be kept under the number after it."""
    def change():
        maker.number, maker.meanwhile = 2, None

    maker.meanwhile = change
    prepared = maker.prepared()
    assert prepared.get() == b"state 2"
    assert prepared.get() == b"state 2"


def test_changes_without_end_leave_nothing_that_is_taken_for_the_newest(maker):
    def change():
        maker.number += 1

    maker.meanwhile = change
    prepared = maker.prepared()
    prepared.get()
    maker.meanwhile = None
    assert prepared.get() == b"state %d" % maker.number


def test_files_of_former_states_go(maker, instance):
    prepared = maker.prepared()
    for number in (1, 2, 3):
        maker.number = number
        prepared.get()
    (left,) = instance.shared_cache.glob("test-*")
    assert left.name.endswith("-3")


def test_what_other_software_left_is_not_taken(maker, monkeypatch):
    maker.prepared().get()
    monkeypatch.setattr("common.prepared.FINGERPRINT", "other")
    assert maker.prepared().get() == b"state 1"
    assert maker.made == 2


@pytest.mark.parametrize("mapped", [True, False])
def test_a_file_that_a_crash_left_empty_is_made_again(maker, instance, mapped):
    """A file can lose its content when the machine stops before it is on the disk."""
    def prepared():
        return Prepared("test", maker.make, maker.revision, mapped=mapped)

    prepared().get()
    (left,) = instance.shared_cache.glob("test-*")
    left.write_bytes(b"")
    assert bytes(prepared().get()) == b"state 1"


def test_the_fingerprint_follows_the_modules(tmp_path, monkeypatch):
    monkeypatch.setattr(software, "SOURCES", tmp_path)
    (tmp_path / "one.py").write_text("1")
    first = software._fingerprint()
    assert software._fingerprint() == first
    (tmp_path / "one.py").write_text("2")
    assert software._fingerprint() != first


def test_a_maker_that_fails_leaves_nothing(maker, instance):
    def fail():
        raise OSError("disk full")

    maker.meanwhile = fail
    prepared = maker.prepared()
    with pytest.raises(OSError, match="disk full"):
        prepared.get()
    maker.meanwhile = None
    assert prepared.get() == b"state 1"
