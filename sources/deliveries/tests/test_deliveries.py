"""Deliveries: numbers, what lies in the folders, and states that follow the archive."""

from __future__ import annotations

import os
import stat
from datetime import timedelta

import pytest
from django.core import mail
from django.db import transaction
from django.utils import timezone

from accounts.models import Grant
from accounts.services.roles import NotAllowed
from common.errors import BadRequest, NotFound, Unavailable
from deliveries.services import acting, folders, making, switch, watching
from interactive.models import AuditRecord, CatalogFile, Delivery, NameSeries
from interactive.services import invariants, revision, store
from interactive.tests import catalogue

from .handing import Archive, delivery, submitted

pytestmark = pytest.mark.django_db

REFERENCE, RMAP = "v1_new_drk.fits", "hst_acs_darkfile_0002.rmap"


@pytest.fixture(autouse=True)
def own_instance(instance):
    """Folders of this test alone."""


@pytest.fixture
def archive(settings) -> Archive:
    settings.ARCHIVING = "on"
    return Archive()


@pytest.fixture
def operator(django_user_model):
    user = django_user_model.objects.create_user("operator")
    Grant.objects.create(user=user, role="operator")
    return user


def state(made) -> tuple[str, set[str]]:
    """State of a delivery and of its files, from the database."""
    made.refresh_from_db()
    return made.state, set(made.files.values_list("state", flat=True))


def offered(*names: str):
    return making.complete(delivery(*(names or (REFERENCE, RMAP))))


# ---- numbers ---------------------------------------------------------------------


def test_numbers_go_on(settings):
    first, second = delivery("a_drk.fits"), delivery("b_drk.fits")
    assert (first.catalog, second.catalog) == ("hst_1.cat", "hst_2.cat")
    assert CatalogFile.objects.get(name="a_drk.fits").catalog_link == "hst_1.cat"


def test_numbers_are_above_what_lies_on_disk_and_what_the_database_knew(settings):
    """A restored backup may know fewer numbers than the folders, or the folders fewer than it."""
    (settings.INSTANCE.catalogs / "hst_315.cat").write_text("x\n")
    (settings.INSTANCE.deliveries / "hst_400.cat_PROC").write_text("x\n")
    (settings.INSTANCE.catalogs / "jwst_999.cat").write_text("x\n")
    assert delivery("a_drk.fits").number == 401
    (settings.INSTANCE.deliveries / "hst_400.cat_PROC").unlink()
    NameSeries.objects.filter(series="hst.cat").update(last_serial=500)
    assert delivery("b_drk.fits").number == 501


def test_a_delivery_that_is_rolled_back_leaves_nothing(settings):
    files = submitted("a_drk.fits")
    with pytest.raises(RuntimeError), transaction.atomic():
        making.create(files=files, user="someone")
        raise RuntimeError
    assert not Delivery.objects.exists()
    assert not list(settings.INSTANCE.catalogs.iterdir())


def test_a_delivery_needs_files():
    with pytest.raises(BadRequest, match="at least one file"):
        making.create(files=[], user="someone")


# ---- handing over --------------------------------------------------------------------


def test_without_an_archive_files_are_archived_and_only_the_catalog_is_kept(settings):
    settings.ARCHIVING = "off"
    made = offered()
    assert state(made) == ("archived", {"archived"})
    assert (settings.INSTANCE.catalogs / made.catalog).read_text() == f"{RMAP}\n{REFERENCE}\n"
    assert not Archive().names()


def test_links_share_the_bytes_and_the_folder_is_open_to_the_group(archive, settings):
    before = revision.current()
    made = offered()
    assert state(made) == ("delivered", {"delivered"})
    assert archive.names() == {made.catalog, REFERENCE, RMAP}
    assert os.path.samefile(archive.folder / REFERENCE, store.location(REFERENCE))
    assert os.path.samefile(archive.folder / made.catalog,
                            settings.INSTANCE.catalogs / made.catalog)
    assert stat.S_IMODE(archive.folder.stat().st_mode) == 0o2775
    assert revision.current() > before
    record = AuditRecord.objects.get(action="delivery delivered")
    assert (record.file, record.details["files"]) == (made.catalog, 2)


def test_completing_twice_changes_nothing(archive):
    made = offered()
    archive.begin(made.catalog)
    making.complete(made)
    assert state(made) == ("archiving", {"archiving"})
    assert archive.names() == {made.catalog + "_PROC", REFERENCE, RMAP}


def test_the_switch_beside_the_site_configuration_counts_more(settings):
    settings.ARCHIVING = "off"
    switch.turn("on")
    assert switch.is_on()
    switch.turn("site")
    assert not switch.is_on()
    with pytest.raises(BadRequest):
        switch.turn("perhaps")


# ---- following the archive ---------------------------------------------------------------


@pytest.mark.parametrize("ending", ["_PROC", "_proc", "_STAGE"])
def test_the_way_into_the_archive(archive, ending):
    made = offered()
    assert watching.follow() == []
    archive.begin(made.catalog, ending)
    assert [change.state for change in watching.follow()] == ["archiving"]
    assert state(made) == ("archiving", {"archiving"})
    archive.remove(made.catalog + ending, REFERENCE)
    watching.follow()
    assert state(made) == ("archived", {"archived"})
    assert archive.names() == set()  # the link that the archive left is tidied


def test_files_in_use_are_latest_when_they_are_archived(archive):
    pmap = catalogue.make()
    made = offered()
    catalogue.link(CatalogFile.objects.filter(extension=".rmap", links_up__parent__links_up__parent
                                              =pmap).first(),
                   CatalogFile.objects.get(name=REFERENCE))
    archive.begin(made.catalog)
    watching.follow()
    archive.remove(made.catalog + "_PROC")
    watching.follow()
    assert state(made) == ("archived", {"latest", "archived"})


def test_failure_and_delivering_again(archive, operator):
    made = offered()
    archive.begin(made.catalog)
    archive.fail(made.catalog)
    watching.follow()
    assert state(made) == ("archiving-failed", {"archiving-failed"})
    assert "renamed" in made.watch.problem
    assert "Deliveries need attention" in mail.outbox[-1].subject
    watching.follow()
    assert len(mail.outbox) == 1  # told once
    archive.remove(REFERENCE)
    acting.retry(made, operator)
    assert state(made) == ("delivered", {"delivered"})
    assert archive.names() == {made.catalog, REFERENCE, RMAP}
    assert AuditRecord.objects.filter(user="operator", action="delivery delivered").exists()


def test_links_removed_by_mistake_are_made_again(archive):
    made = offered()
    archive.remove(REFERENCE)
    watching.follow()
    assert archive.names() == {made.catalog, REFERENCE, RMAP}
    assert state(made)[0] == "delivered"


def test_a_catalog_removed_by_mistake_is_put_in_again(archive):
    made = offered()
    archive.remove(made.catalog)
    watching.follow()
    assert made.catalog not in archive.names()  # the archive may be removing the rest just now
    watching.follow(timezone.now() + timedelta(minutes=2))
    assert made.catalog in archive.names()
    assert state(made)[0] == "delivered"


def test_all_gone_without_a_trace_is_for_an_operator_to_judge(archive, operator):
    made = offered()
    archive.remove(made.catalog, REFERENCE, RMAP)
    watching.follow()
    watching.follow(timezone.now() + timedelta(minutes=2))
    assert state(made) == ("delivered", {"delivered"})
    assert "was not seen to work on it" in made.watch.problem
    with pytest.raises(BadRequest):
        acting.accept(made, operator, " ")
    acting.accept(made, operator, "The archive's list of today has all files")
    assert state(made) == ("archived", {"archived"})


def receipt(archive, made, **instead: str) -> None:
    sums = {name: store.checksum(store.location(name)) for name in (REFERENCE, RMAP)} | instead
    (archive.folder / folders.receipt_name(made.catalog)).write_text(
        "".join(f"{sha1}  {name}\n" for name, sha1 in sums.items()))


def test_a_receipt_proves_archiving_that_nobody_saw(archive, settings):
    made = offered()
    receipt(archive, made)
    archive.remove(made.catalog, REFERENCE, RMAP)
    watching.follow()
    assert state(made) == ("archived", {"archived"})
    assert (settings.INSTANCE.catalogs / folders.receipt_name(made.catalog)).exists()
    assert archive.names() == set()


def test_a_receipt_with_a_wrong_sum_is_a_failure(archive):
    made = offered()
    receipt(archive, made, **{REFERENCE: "0" * 40})
    archive.begin(made.catalog)
    watching.follow()
    archive.remove(made.catalog + "_PROC", REFERENCE, RMAP)
    watching.follow()
    assert state(made)[0] == "archiving-failed"
    assert REFERENCE in made.watch.problem


def test_an_emptied_or_unmounted_folder_proves_nothing(archive):
    made = offered()
    archive.begin(made.catalog)
    watching.follow()
    archive.remove(made.catalog + "_PROC", REFERENCE, RMAP, folders.MARK)
    with pytest.raises(Unavailable, match="not mounted"):
        watching.follow()
    assert state(made)[0] == "archiving"
    with pytest.raises(Unavailable):
        offered("w1_drk.fits")


def test_what_does_not_move_is_reported_once(archive):
    made = offered()
    late = timezone.now() + timedelta(hours=30)
    watching.follow(late)
    watching.follow(late)
    assert len(mail.outbox) == 1
    assert made.catalog in mail.outbox[0].body


def test_a_delivery_whose_confirmation_died_is_completed(archive):
    made = delivery(REFERENCE)
    watching.follow()
    assert state(made)[0] == "submitted"  # its own process may still be at it
    watching.follow(timezone.now() + timedelta(minutes=2))
    assert state(made)[0] == "delivered"
    assert made.catalog in archive.names()


def test_files_of_a_delivery_that_are_still_offered_elsewhere_stay(archive):
    first = offered()
    second = making.complete(making.create(
        files=[CatalogFile.objects.get(name=REFERENCE)], user="someone"))
    archive.begin(first.catalog)
    watching.follow()
    archive.remove(first.catalog + "_PROC")
    watching.follow()
    assert archive.names() == {second.catalog, REFERENCE}


# ---- what operators do -------------------------------------------------------------------


def test_regenerating_keeps_the_states_of_files(archive, operator):
    made = offered()
    archive.begin(made.catalog)
    watching.follow()
    archive.remove(made.catalog + "_PROC")
    watching.follow()
    again = acting.regenerate(made.catalog, operator)
    assert state(again) == ("delivered", {"archived"})
    assert archive.names() == {made.catalog, REFERENCE, RMAP}


def test_a_catalog_that_the_database_forgot_is_delivered_again(archive, operator, settings):
    submitted(REFERENCE)
    folders.write_catalog("hst_77.cat", [REFERENCE])
    assert acting.forgotten() == ["hst_77.cat"]
    made = acting.regenerate("hst_77.cat", operator)
    assert state(made) == ("delivered", {"delivered"})
    assert acting.forgotten() == []
    (settings.INSTANCE.catalogs / "hst_77.cat").unlink()
    assert delivery("b_drk.fits").number == 78


@pytest.mark.parametrize("catalog", ["hst_9.cat", "../../etc/passwd", "jwst_1.cat", "hst_0.cat"])
def test_catalogs_that_are_none(operator, catalog):
    with pytest.raises(NotFound):
        acting.regenerate(catalog, operator)


def test_not_while_the_archive_works_on_it(archive, operator):
    made = offered()
    archive.begin(made.catalog)
    watching.follow()
    for act in (lambda: acting.retry(made, operator),
                lambda: acting.accept(made, operator, "so they say")):
        with pytest.raises(acting.NotNow):
            act()
    Delivery.objects.update(changed_at=timezone.now() - timedelta(days=3))
    made.refresh_from_db()
    acting.retry(made, operator)
    assert archive.names() == {made.catalog, REFERENCE, RMAP}


def test_only_operators_act(archive, django_user_model):
    made = offered()
    user = django_user_model.objects.create_user("submitter")
    Grant.objects.create(user=user, role="submitter")
    for act in (lambda: acting.retry(made, user), lambda: acting.accept(made, user, "x"),
                lambda: acting.regenerate(made.catalog, user)):
        with pytest.raises(NotAllowed):
            act()


def test_operators_act_for_their_instruments(archive, django_user_model):
    made = offered()
    CatalogFile.objects.filter(name=REFERENCE).update(instrument="acs")
    one, other = (django_user_model.objects.create_user(name) for name in ("one", "other"))
    Grant.objects.create(user=one, role="operator", instrument="acs")
    Grant.objects.create(user=other, role="operator", instrument="elsewhere")
    for act in (lambda: acting.retry(made, other), lambda: acting.accept(made, other, "x"),
                lambda: acting.regenerate(made.catalog, other)):
        with pytest.raises(NotAllowed):
            act()
    acting.retry(made, one)


# ---- invariants ----------------------------------------------------------------------------


def wrong() -> list[str]:
    return [violation.check for violation in invariants.deliveries_are_right()]


def test_every_state_on_the_way_is_right(archive):
    made = delivery(REFERENCE, RMAP)
    assert wrong() == []
    making.complete(made)
    assert wrong() == []
    archive.begin(made.catalog)
    watching.follow()
    assert wrong() == []
    archive.fail(made.catalog)
    watching.follow()
    assert wrong() == []


def test_what_is_wrong_is_found(archive, settings):
    made = offered()
    CatalogFile.objects.filter(name=REFERENCE).update(state="archiving")
    assert wrong() == ["delivery-state"]
    (settings.INSTANCE.catalogs / made.catalog).unlink()
    assert wrong() == ["delivery-state", "catalog"]
    folders.write_catalog(made.catalog, [RMAP])
    assert wrong() == ["delivery-state", "catalog"]
