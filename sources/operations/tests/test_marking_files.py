"""Marking files bad and good: flags, who may, and the way to a clean context."""

from __future__ import annotations

import pytest

from accounts.services.roles import NotAllowed
from common.errors import BadRequest, NotFound
from interactive.models import AuditRecord, BadFile, CatalogFile, FileState
from interactive.services import contexts, invariants, revision, server_info
from operations.services import cleaning, marking_files, setting_contexts
from operations.services.marking_files import InUse, mark

from . import small

pytestmark = pytest.mark.django_db

ONE, TWO = "hst_0001.pmap", "hst_0002.pmap"
GONE, KEPT = "r0001000a_acs_biasfile.fits", "r0001001a_acs_biasfile.fits"


@pytest.fixture(autouse=True)
def own_instance(instance):
    """Folders of this test alone."""


@pytest.fixture
def operator(django_user_model):
    return small.person(django_user_model, "operator")


@pytest.fixture
def clean(operator):
    """The second context, without GONE, is latest."""
    small.first()
    small.following(2, drop=GONE)
    setting_contexts.set_latest(TWO, user=operator, expected=ONE)


def flags(name: str) -> tuple[bool, bool]:
    return CatalogFile.objects.values_list("rejected", "blacklisted").get(name=name)


def flag_faults() -> list:
    return [*invariants.blacklist_is_closed(), *invariants.rejected_are_marked(),
            *invariants.latest_is_good()]


def test_a_bad_reference_is_rejected_alone(clean, operator):
    before = revision.current()
    found = mark([GONE], bad=True, user=operator, reason="Saturated")
    assert (found.rules, found.contexts) == ([], [ONE])
    assert flags(GONE) == (True, False)
    assert not CatalogFile.objects.filter(blacklisted=True).exists()
    assert BadFile.objects.get().reason == "Saturated"
    assert server_info.bad_files() == [GONE]
    assert AuditRecord.objects.get(action="mark bad").file == GONE
    assert revision.current() > before
    assert flag_faults() == []


def test_a_bad_rule_blacklists_what_contains_it(clean, operator):
    rmap = small.BIAS.format(1)
    mark([rmap], bad=True, user=operator, reason="Wrong parameters")
    assert {row.name for row in CatalogFile.objects.filter(blacklisted=True)} == {
        rmap, "hst_acs_0001.imap", ONE}
    assert server_info.bad_files() == [rmap]
    assert flag_faults() == []


def test_ok_reverses_and_keeps_what_other_marks_need(clean, operator):
    mark([small.BIAS.format(1), "hst_acs_0001.imap", GONE], bad=True, user=operator, reason="Bad")
    mark([small.BIAS.format(1), GONE], bad=False, user=operator, reason="It was not them")
    assert flags(small.BIAS.format(1)) == (False, False)
    assert flags("hst_acs_0001.imap") == (False, True)
    assert flags(ONE) == (False, True)
    assert flags(GONE) == (False, False)
    assert AuditRecord.objects.filter(action="mark ok").count() == 2
    assert flag_faults() == []


def test_marking_twice_changes_nothing(clean, operator):
    mark([GONE], bad=True, user=operator, reason="Saturated")
    again = mark([GONE], bad=True, user=operator, reason="Once more")
    assert again.unchanged == [GONE]
    assert BadFile.objects.get().reason == "Saturated"
    assert AuditRecord.objects.filter(action="mark bad").count() == 1


@pytest.mark.parametrize("name", [KEPT, TWO, "hst_acs_0002.imap", small.BIAS.format(2)])
def test_what_the_latest_context_contains_stays(clean, operator, name):
    with pytest.raises(InUse, match="set it latest"):
        mark([GONE, name], bad=True, user=operator, reason="Bad")
    assert not BadFile.objects.exists()
    assert flags(GONE) == (False, False)


def test_all_names_or_none(clean, operator):
    with pytest.raises(NotFound, match=r"nothing\.fits"):
        mark([GONE, "nothing.fits"], bad=True, user=operator, reason="Bad")
    with pytest.raises(BadRequest, match="Say why"):
        mark([GONE], bad=True, user=operator, reason=" ")
    assert not BadFile.objects.exists()
    provisional = CatalogFile.objects.get(name=GONE)
    assert marking_files.parse_names(" a.fits,b.fits;\n a.fits\tc ") == ["a.fits", "b.fits", "c"]
    assert provisional.published


@pytest.mark.parametrize(("role", "instrument", "allowed"), [
    ("submitter", "", False), ("operator", "cos", False), ("operator", "acs", True)])
def test_operators_of_the_instrument(clean, django_user_model, role, instrument, allowed):
    user = small.person(django_user_model, "somebody", role, instrument)
    if allowed:
        mark([GONE], bad=True, user=user, reason="Bad")
    else:
        with pytest.raises(NotAllowed):
            mark([GONE], bad=True, user=user, reason="Bad")
    assert BadFile.objects.exists() == allowed


# ---- the guided way --------------------------------------------------------------------------


def test_a_clean_up_goes_its_way(operator, django_user_model):
    submitter = small.person(django_user_model, "submitter", "submitter")
    small.first()
    clean_up = cleaning.start([GONE], user=submitter, reason="Saturated")
    now = cleaning.standing(clean_up)
    assert (now.step, now.in_latest, now.can_delete) == ("build", (GONE,), True)
    small.following(2, drop=GONE, state=FileState.DELIVERED)
    now = cleaning.standing(clean_up)
    assert (now.step, now.clean) == ("set", TWO)
    assert "not archived" in now.waits[0]
    CatalogFile.objects.filter(state=FileState.DELIVERED).update(state=FileState.ARCHIVED)
    assert cleaning.standing(clean_up).waits == ()
    setting_contexts.set_latest(TWO, user=operator, expected=ONE)
    assert cleaning.standing(clean_up).step == "mark"
    with pytest.raises(NotAllowed):
        cleaning.mark(clean_up, submitter)
    cleaning.mark(clean_up, operator)
    assert cleaning.standing(clean_up).step == "done"
    assert server_info.bad_files() == [GONE]
    assert contexts.pointer("latest") == TWO


def test_the_submission_takes_the_references_out_of_the_rules(hst_demo, operator):
    context = contexts.pointer("edit")
    name = CatalogFile.objects.filter(
        links_up__parent__links_up__parent__links_up__parent__name=context).first().name
    clean_up = cleaning.start([name], user=operator, reason="Saturated")
    submission = cleaning.build(clean_up, operator)
    assert (submission.kind, submission.names, submission.base_context) == (
        "delete-references", [name], context)
    now = cleaning.standing(cleaning.get(clean_up.pk))
    assert (now.step, now.submission, now.can_delete) == ("build", submission, False)
    with pytest.raises(cleaning.NotNow):
        cleaning.build(clean_up, operator)


def test_a_clean_up_can_be_given_up(operator, django_user_model):
    small.first()
    clean_up = cleaning.start([GONE], user=operator, reason="Saturated")
    other = small.person(django_user_model, "submitter", "submitter")
    with pytest.raises(NotAllowed):
        cleaning.give_up(clean_up, other)
    cleaning.give_up(clean_up, operator)
    assert cleaning.standing(clean_up).step == "given-up"
    assert cleaning.open_ones() == []
