"""A delivery is killed between every two of its steps, and goes on."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from deliveries.services import making, watching
from tests.killing import killed_at, points_of

from .handing import Archive, delivery, submitted

pytestmark = pytest.mark.django_db(transaction=True)

NAMES = ("a_drk.fits", "hst_acs_darkfile_0002.rmap")
POINTS = ["deliver catalog kept", "deliver files linked", "deliver rows written",
          "deliver catalog linked"]


@pytest.fixture
def archive(instance, settings) -> Archive:
    settings.ARCHIVING = "on"
    return Archive()


def later() -> None:
    """Two looks of the worker, some time after the crash."""
    watching.follow(timezone.now() + timedelta(minutes=2))
    watching.follow(timezone.now() + timedelta(minutes=5))


def test_points_are_all_there_are(archive, tmp_path):
    made = delivery(*NAMES)
    reached = points_of(lambda: making.complete(made), tmp_path)
    assert reached == [f"{point}:1" for point in POINTS]


@pytest.mark.parametrize("point", POINTS)
def test_killed_while_delivering(archive, point):
    made = delivery(*NAMES)
    assert killed_at(point, lambda: making.complete(made))
    later()
    made.refresh_from_db()
    assert made.state == "delivered"
    assert archive.names() == {made.catalog, *NAMES}
    assert set(made.files.values_list("state", flat=True)) == {"delivered"}


def test_killed_after_the_catalog_was_linked_and_the_archive_was_quick(archive):
    """What the archive began before the server was back is seen, not offered again."""
    made = delivery(*NAMES)
    assert killed_at("deliver catalog linked", lambda: making.complete(made))
    archive.begin(made.catalog)
    making.complete(made)
    made.refresh_from_db()
    assert made.state == "archiving"
    assert made.catalog not in archive.names()


def test_killed_without_an_archive(instance, settings):
    settings.ARCHIVING = "off"
    for point in ("deliver catalog kept", "deliver archived"):
        made = delivery(f"{point.replace(' ', '_')}_drk.fits")
        assert killed_at(point, lambda made=made: making.complete(made))
        later()
        made.refresh_from_db()
        assert made.state == "archived"
        assert (settings.INSTANCE.catalogs / made.catalog).exists()


@pytest.mark.parametrize("point", ["follow state", "follow archived"])
def test_killed_while_following(archive, point):
    made = making.complete(delivery(*NAMES))
    archive.begin(made.catalog)
    watching.follow()
    archive.remove(made.catalog + "_PROC")
    assert killed_at(point, watching.follow)
    later()
    made.refresh_from_db()
    assert made.state == "archived"
    assert archive.names() == set()


def test_killed_inside_the_confirmation(archive, settings):
    """Not committed: no delivery, and its number may be given to the next one."""
    files = submitted(*NAMES)

    def confirm():
        from django.db import transaction

        from common.faultpoints import reach

        with transaction.atomic():
            making.create(files=files, user="someone")
            reach("confirm")

    assert killed_at("confirm", confirm)
    assert not archive.names()
    assert making.create(files=files, user="someone").catalog == "hst_1.cat"
