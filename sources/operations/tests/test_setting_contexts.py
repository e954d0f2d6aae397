"""Setting contexts: what is checked, what is written, who is refused."""

from __future__ import annotations

import pytest
from django.core import mail

from accounts.services.roles import NotAllowed
from common.errors import BadRequest, ServiceError
from interactive.models import (
    AuditRecord,
    BadFile,
    BuildContext,
    CatalogFile,
    ContextHistory,
    ContextPointer,
    FileState,
)
from interactive.services import contexts, revision
from operations.services import previews, setting_contexts
from operations.services.setting_contexts import Moved, NotClean

from . import small

pytestmark = pytest.mark.django_db

ONE, TWO, THREE = "hst_0001.pmap", "hst_0002.pmap", "hst_0003.pmap"
NEW = "n0000001a_acs_biasfile.fits"


@pytest.fixture(autouse=True)
def own_instance(instance):
    """Folders of this test alone."""


@pytest.fixture
def operator(django_user_model):
    return small.person(django_user_model, "operator")


@pytest.fixture
def two_contexts():
    small.first()
    return small.following(2, add=NEW, drop="r0001000a_acs_biasfile.fits")


def state(name: str) -> str:
    return CatalogFile.objects.get(name=name).state


# ---- looking first ---------------------------------------------------------------------


def test_preview_of_a_single_step(two_contexts):
    preview = previews.preview("latest", TWO)
    assert (preview.current, preview.direction, preview.skipped) == (ONE, "forward", [])
    assert [change.instrument for change in preview.instruments] == ["acs"]
    only = preview.instruments[0].types[0]
    assert (only.old, only.new) == (small.BIAS.format(1), small.BIAS.format(2))
    assert (only.added, only.removed) == (1, 1)
    assert preview.reason == "New biases"
    assert preview.possible
    assert not preview.needs_reason


def test_preview_of_several_steps_and_of_going_back(two_contexts, operator):
    small.following(3)
    preview = previews.preview("latest", THREE)
    assert [row.name for row in preview.skipped] == [TWO]
    assert preview.needs_reason
    setting_contexts.set_latest(THREE, user=operator, reason="Both deliveries", expected=ONE)
    back = previews.preview("latest", TWO)
    assert back.direction == "back"
    assert back.needs_reason
    assert previews.previous() == ONE


def test_preview_costs_a_constant_number_of_queries(two_contexts, django_assert_max_num_queries):
    with django_assert_max_num_queries(28):
        previews.preview("latest", TWO)


# ---- latest -------------------------------------------------------------------------------


def test_latest_writes_all_or_nothing(two_contexts, operator, settings,
                                      django_capture_on_commit_callbacks):
    settings.DELIVERY_RECIPIENTS = ["team@example.invalid"]
    before = revision.current()
    with django_capture_on_commit_callbacks(execute=True):
        setting_contexts.set_latest(TWO, user=operator, expected=ONE)
    assert contexts.pointer("latest") == TWO
    assert contexts.pointer("edit") == ONE
    turn = ContextHistory.objects.order_by("start_date").last()
    assert (turn.context, turn.description, turn.user) == (TWO, "New biases", "operator")
    assert state(NEW) == "latest"
    assert CatalogFile.objects.get(name=NEW).activation_date == turn.start_date
    assert state("r0001000a_acs_biasfile.fits") == "archived"
    assert state(small.BIAS.format(1)) == "archived"
    assert state("r0001001a_acs_biasfile.fits") == "latest"
    assert revision.current() > before
    record = AuditRecord.objects.get(action="set default context")
    assert record.details == {"kind": "latest", "from": ONE, "to": TWO}
    config = settings.INSTANCE.file_cache / "config" / "hst" / "server_config"
    assert f"'latest_context': '{TWO}'" in config.read_text()
    assert TWO in mail.outbox[0].subject


def test_activation_date_is_that_of_the_first_time(two_contexts, operator):
    setting_contexts.set_latest(TWO, user=operator, expected=ONE)
    first = CatalogFile.objects.get(name=NEW).activation_date
    setting_contexts.set_latest(ONE, user=operator, reason="Wrong biases", expected=TWO)
    assert state(NEW) == "archived"
    setting_contexts.set_latest(TWO, user=operator, reason="Right after all", expected=ONE)
    assert CatalogFile.objects.get(name=NEW).activation_date == first
    assert ContextHistory.objects.filter(context=TWO).count() == 2


def test_what_is_not_archived_cannot_be_latest(operator):
    small.first()
    small.following(2, add=NEW, state=FileState.DELIVERED)
    with pytest.raises(NotClean, match="4 of its files are not archived yet"):
        setting_contexts.set_latest(TWO, user=operator, expected=ONE)
    assert contexts.pointer("latest") == ONE
    setting_contexts.set_edit(TWO, user=operator, expected=ONE)  # may be edited all the same
    assert contexts.pointer("edit") == TWO


def bad(name: str) -> None:
    file = CatalogFile.objects.get(name=name)
    BadFile.objects.create(file=file, reason="Wrong")
    CatalogFile.objects.filter(pk=file.pk).update(rejected=True)


def test_latest_contains_no_bad_file(two_contexts, operator):
    bad(NEW)
    with pytest.raises(NotClean, match=NEW):
        setting_contexts.set_latest(TWO, user=operator, expected=ONE, acknowledged=True)


def test_bad_files_that_are_in_use_already_have_to_be_seen(two_contexts, operator):
    bad("r0001001a_acs_biasfile.fits")
    with pytest.raises(NotClean, match="Tick that you have seen"):
        setting_contexts.set_latest(TWO, user=operator, expected=ONE)
    setting_contexts.set_latest(TWO, user=operator, expected=ONE, acknowledged=True)
    assert contexts.pointer("latest") == TWO


def test_rules_must_be_stored(two_contexts, operator):
    CatalogFile.objects.filter(name=small.BIAS.format(2)).update(stored=False)
    with pytest.raises(NotClean, match="not stored"):
        setting_contexts.set_latest(TWO, user=operator, expected=ONE)


def test_a_reason_has_to_be_given_for_large_steps(two_contexts, operator):
    small.following(3)
    with pytest.raises(BadRequest, match="Say why"):
        setting_contexts.set_latest(THREE, user=operator, reason="  ", expected=ONE)
    with pytest.raises(BadRequest, match="at most"):
        setting_contexts.set_latest(THREE, user=operator, reason="x" * 5000, expected=ONE)


def test_who_was_slower_is_told(two_contexts, operator):
    setting_contexts.set_latest(TWO, user=operator, expected=ONE)
    small.following(3)
    with pytest.raises(Moved, match=f"is {TWO} now"):
        setting_contexts.set_latest(THREE, user=operator, reason="x", expected=ONE)
    with pytest.raises(NotClean, match="already"):
        setting_contexts.set_latest(TWO, user=operator, expected=TWO)


@pytest.mark.parametrize(("role", "instrument"),
                         [("", ""), ("submitter", ""), ("operator", "acs")])
def test_only_operators_of_all_instruments(two_contexts, django_user_model, role, instrument):
    user = small.person(django_user_model, "somebody", role, instrument)
    with pytest.raises(NotAllowed):
        setting_contexts.set_latest(TWO, user=user, expected=ONE)
    assert not AuditRecord.objects.exists()


@pytest.mark.parametrize("name", ["hst_9999.pmap", "hst_acs_0001.imap", "x" * 300, "../hst.pmap"])
def test_what_is_no_context(two_contexts, operator, name):
    with pytest.raises(ServiceError):
        setting_contexts.set_latest(name, user=operator, reason="x", expected=ONE)


# ---- the others -----------------------------------------------------------------------------


def test_versions_is_set_the_first_time_and_again(two_contexts, operator):
    setting_contexts.set_versions(ONE, user=operator, reason="First", expected="")
    setting_contexts.set_versions(TWO, user=operator, expected=ONE)
    assert contexts.pointer("versions") == TWO
    with pytest.raises(Moved):
        setting_contexts.set_versions(ONE, user=operator, reason="x", expected="")
    assert ContextHistory.objects.count() == 1  # that is of the latest context alone


def test_builds_and_the_banner_that_moves_forward_only(two_contexts, operator):
    def build(cal_ver, context, expected="", **more):
        return setting_contexts.set_build(cal_ver, context, user=operator, expected=expected,
                                          **more)

    build("1.16.0", TWO, banner=True)
    build("1.15.1", ONE, banner=True)
    banner = ContextPointer.objects.get(kind="banner")
    assert (banner.cal_ver, banner.context.name) == ("1.16.0", TWO)
    assert contexts.build_context("1.15.1") == ONE
    build("1.16.0", ONE, TWO)
    assert BuildContext.objects.get(cal_ver="1.16.0").context.name == ONE
    assert ContextPointer.objects.get(kind="banner").context.name == TWO  # was not asked for
    with pytest.raises(Moved):
        build("1.16.0", TWO, "")
    for wrong in ("", "latest", "1", "1.2.3.4", "1.2.3; x"):
        with pytest.raises(BadRequest):
            build(wrong, TWO)
    record = AuditRecord.objects.filter(action="set default context").first()
    assert record.details["cal_ver"] == "1.16.0"
    assert "version 1.16.0" in record.why
