"""The archive that is played, from the other side of the folder."""

from __future__ import annotations

from io import StringIO

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from deliveries import tasks
from deliveries.services import acting, folders, making, playing, switch
from interactive.services import store
from jobs import rounds
from operations.tests.small import person

from .handing import Archive, delivery

pytestmark = pytest.mark.django_db

NAMES = ("a_drk.fits", "hst_acs_darkfile_0002.rmap")


@pytest.fixture(autouse=True)
def folder(instance):
    switch.turn("on")
    return Archive()


def poll(*options: str) -> str:
    out = StringIO()
    call_command("archive_poller", "--once", *options, stdout=out)
    return out.getvalue()


@pytest.mark.parametrize("options", [(), ("--no-receipts",)])
def test_the_whole_way(instance, folder, options):
    made = making.complete(delivery(*NAMES))
    assert f"{made.catalog}: archived" in poll(*options)
    made.refresh_from_db()
    assert made.state == "archived"
    assert folder.names() == set()
    for name in NAMES:
        copy = instance.root / "archive_storage" / name
        assert store.checksum(copy) == store.checksum(store.location(name))
        assert copy.stat().st_nlink == 1
    kept = (instance.catalogs / folders.receipt_name(made.catalog)).exists()
    assert kept == (not options)


def test_failures_can_be_played_and_tried_again(folder, django_user_model):
    made = making.complete(delivery(*NAMES))
    other = making.complete(delivery("b_drk.fits"))
    out = poll("--fail", "a_*")
    assert f"{made.catalog}: failed: a_drk.fits was told to fail" in out
    assert f"{other.catalog}: archived" in out
    made.refresh_from_db()
    assert made.state == "archiving-failed"
    assert "archived" not in poll()  # a failed one waits for a person
    acting.retry(made, person(django_user_model, "operator"))
    poll()
    made.refresh_from_db()
    assert made.state == "archived"


def test_a_copy_that_is_already_there_must_be_the_same(instance, folder):
    storage = instance.root / "archive_storage"
    storage.mkdir()
    (storage / NAMES[0]).write_text("something else")
    made = making.complete(delivery(*NAMES))
    assert "another file called a_drk.fits is in the archive" in poll()
    made.refresh_from_db()
    assert made.state == "archiving-failed"
    assert (storage / NAMES[0]).read_text() == "something else"


def test_a_poller_that_was_killed_goes_on(instance, folder):
    made = making.complete(delivery(*NAMES))
    folder.begin(made.catalog)
    archive = playing.Archive(instance.deliveries, instance.root / "elsewhere")
    assert archive.pass_once() == [(made.catalog, "archived")]


def test_the_switch(instance):
    out = StringIO()
    call_command("archive_poller", "--off", stdout=out)
    assert not switch.is_on()
    assert "off now" in out.getvalue()
    with pytest.raises(CommandError):
        poll("--interval", "0")


def test_workers_follow_deliveries(folder, settings):
    """Where nothing is under way the folder is not even looked at."""
    tasks.follow_deliveries()
    made = making.complete(delivery(*NAMES))
    folder.begin(made.catalog)
    tasks.follow_deliveries()
    made.refresh_from_db()
    assert made.state == "archiving"
    assert "deliveries.tasks.follow_deliveries" in rounds._rounds
