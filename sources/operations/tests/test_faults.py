"""Setting contexts and marking files: killed between steps, and two people at once."""

from __future__ import annotations

import threading

import pytest
from django.db import connections

from interactive.models import AuditRecord, CatalogFile, ContextHistory
from interactive.services import contexts, invariants, revision
from operations.services import marking_files, setting_contexts
from tests.killing import killed_at, points_of

from . import small

pytestmark = pytest.mark.django_db(transaction=True)

ONE, TWO, THREE = "hst_0001.pmap", "hst_0002.pmap", "hst_0003.pmap"
GONE = "r0001000a_acs_biasfile.fits"
SET = ["set locked", "set pointer", "set history", "set states", "set written", "set committed"]
MARKED = ["mark locked", "mark written", "mark recorded", "set committed"]


@pytest.fixture
def operator(instance, django_user_model):
    small.first()
    small.following(2, drop=GONE, add="n0000001a_acs_biasfile.fits")
    return small.person(django_user_model, "operator")


def faults() -> list:
    return [violation for check in (
        invariants.states_follow_latest, invariants.history_ends_with_latest,
        invariants.pointers_are_valid, invariants.blacklist_is_closed,
        invariants.rejected_are_marked, invariants.latest_is_good)
        for violation in check()]


def test_points_are_all_there_are(operator, tmp_path):
    def both():
        setting_contexts.set_latest(TWO, user=operator, expected=ONE)
        marking_files.mark([GONE], bad=True, user=operator, reason="Bad")

    assert points_of(both, tmp_path) == [
        *(f"{point}:1" for point in SET), *(f"{point}:1" for point in MARKED[:-1]),
        "set committed:2"]


@pytest.mark.parametrize("point", SET)
def test_killed_while_setting_latest(operator, point):
    before = revision.current()
    assert killed_at(point, lambda: setting_contexts.set_latest(
        TWO, user=operator, expected=ONE))
    done = point == "set committed"
    assert contexts.pointer("latest") == (TWO if done else ONE)
    assert AuditRecord.objects.exists() == done
    assert (revision.current() > before) == done
    assert faults() == []
    if not done:
        setting_contexts.set_latest(TWO, user=operator, expected=ONE)
        assert faults() == []


@pytest.mark.parametrize("point", MARKED)
def test_killed_while_marking(operator, point):
    setting_contexts.set_latest(TWO, user=operator, expected=ONE)
    names = [GONE, small.BIAS.format(1)]
    assert killed_at(point, lambda: marking_files.mark(
        names, bad=True, user=operator, reason="Bad"))
    assert CatalogFile.objects.get(name=GONE).rejected == (point == "set committed")
    assert faults() == []
    marking_files.mark(names, bad=True, user=operator, reason="Bad")
    assert CatalogFile.objects.get(name=ONE).blacklisted
    assert AuditRecord.objects.filter(action="mark bad").count() == 2
    assert faults() == []


def at_once(*acts) -> list:
    """What each of ``acts`` returned or raised, run in threads that start together."""
    results: list = [None] * len(acts)
    barrier = threading.Barrier(len(acts))

    def run(number, act):
        barrier.wait()
        try:
            results[number] = act()
        except Exception as exc:
            results[number] = exc
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run, args=pair) for pair in enumerate(acts)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def test_two_operators_at_once(operator):
    small.following(3)
    results = at_once(*(
        lambda name=name: setting_contexts.set_latest(
            name, user=operator, reason="x", expected=ONE)
        for name in (TWO, THREE, TWO, THREE)))
    refused = [one for one in results if isinstance(one, Exception)]
    assert len(refused) == 3
    assert all(isinstance(one, (setting_contexts.Moved, setting_contexts.NotClean))
               for one in refused), refused
    assert ContextHistory.objects.count() == 2
    assert faults() == []


def test_marking_a_file_and_setting_a_context_with_it(operator):
    """Either the context is in use and the mark is refused, or the other way round."""
    new = "n0000001a_acs_biasfile.fits"
    results = at_once(
        lambda: setting_contexts.set_latest(TWO, user=operator, expected=ONE),
        lambda: marking_files.mark([new], bad=True, user=operator, reason="Bad"))
    assert sum(isinstance(one, Exception) for one in results) == 1, results
    assert faults() == []
