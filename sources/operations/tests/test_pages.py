"""The pages of operators and their REST API, as people and programs use them."""

from __future__ import annotations

import pytest
from django.urls import reverse

from accounts.services import tokens
from interactive.models import BadFile, CatalogFile, ContextPointer
from interactive.services import contexts
from operations.models import CleanUp
from operations.services import setting_contexts

from . import small

pytestmark = pytest.mark.django_db

ONE, TWO, THREE = "hst_0001.pmap", "hst_0002.pmap", "hst_0003.pmap"
GONE, NEW = "r0001000a_acs_biasfile.fits", "n0000001a_acs_biasfile.fits"
SET, MARK = "/set_default_context/", "/mark_bad/"
CHOICE = {"kind": "latest", "pmap_mode": "pmap_text", "pmap_text": TWO}


@pytest.fixture(autouse=True)
def content(instance):
    small.first()
    small.following(2, add=NEW, drop=GONE)


@pytest.fixture
def operator(django_user_model, client):
    user = small.person(django_user_model, "operator")
    client.force_login(user)
    return user


def text(response) -> str:
    return response.content.decode()


# ---- set context -----------------------------------------------------------------------


def test_look_then_decide(client, operator):
    page = text(client.get(SET))
    assert ONE in page
    page = text(client.get(SET, CHOICE))
    for shown in ("New biases", small.BIAS.format(2), f"/diff/{ONE}/{TWO}/",
                  f"/diff/{small.BIAS.format(1)}/{small.BIAS.format(2)}/",
                  "No bad file among its 15 files", "Everything is archived"):
        assert shown in page
    assert 'name="expected" value="hst_0001.pmap"' in page
    sent = {"kind": "latest", "context": TWO, "expected": ONE, "reason": "Better biases"}
    response = client.post(SET, sent, follow=True)
    assert f"{TWO} is the latest context now" in text(response)
    assert "Go back to it" in text(response)
    assert ContextPointer.objects.get(kind="latest").reason == "Better biases"


def test_what_was_typed_stays_when_it_is_refused(client, operator):
    small.following(3)
    sent = {"kind": "latest", "context": THREE, "expected": ONE, "reason": "Words & <more>"}
    setting_contexts.set_latest(TWO, user=operator, expected=ONE)
    response = client.post(SET, sent)
    assert response.status_code == 409
    page = text(response)
    assert "Somebody else was faster" in page
    assert "Words &amp; &lt;more&gt;" in page
    assert f'name="expected" value="{TWO}"' in page
    assert page.count('id="error_message"') == 1


@pytest.mark.parametrize("query", [
    {"kind": "latest", "pmap_mode": "pmap_text", "pmap_text": "hst_9999.pmap"},
    {"kind": "nothing", "pmap_mode": "pmap_edit"},
    {"kind": "build", "pmap_mode": "pmap_edit", "cal_ver": "x"},
    {"kind": "build", "pmap_mode": "pmap_edit"},
    {"kind": "latest", "pmap_mode": "pmap_text", "pmap_text": "\x00<script>"},
])
def test_choices_that_are_none(client, operator, query):
    response = client.get(SET, query)
    assert 400 <= response.status_code < 500
    assert "<script>" not in text(response).replace("<script src", "")


@pytest.mark.parametrize("sent", [
    {}, {"kind": "latest"}, {"kind": "x", "context": TWO, "expected": ONE},
    {"kind": "latest", "context": "y" * 500, "expected": ONE},
    {"kind": "latest", "context": "nothing.pmap", "expected": ONE},
    {"kind": "latest", "context": TWO, "expected": ONE, "reason": "z" * 9000},
])
def test_acts_that_are_none(client, operator, sent):
    response = client.post(SET, sent)
    assert 400 <= response.status_code < 500
    assert text(response).count('id="error_message"') == 1
    assert contexts.pointer("latest") == ONE


def test_build_and_banner_on_the_page(client, operator):
    page = text(client.get(SET, {**CHOICE, "kind": "build", "cal_ver": "1.16.0"}))
    assert "Context for version 1.16.0" in page
    assert "Update home page banner" in page
    client.post(SET, {"kind": "build", "context": TWO, "expected": "", "cal_ver": "1.16.0",
                      "banner": "on"})
    assert "Build Context" in text(client.get("/"))
    page = text(client.get(SET, {**CHOICE, "kind": "build", "cal_ver": "1.15.0"}))
    assert "moves only forward" in page


@pytest.mark.parametrize("address", [SET, MARK, "/mark_bad/1/"])
def test_people_who_are_not_signed_in_come_back_after_login(client, address):
    response = client.get(address)
    assert response.status_code == 302
    assert response["Location"].startswith("/login/?next=")


def test_submitters_may_not_set_contexts_but_start_clean_ups(client, django_user_model):
    client.force_login(small.person(django_user_model, "submitter", "submitter"))
    assert client.get(SET).status_code == 403
    assert client.post(SET, {**CHOICE, "context": TWO, "expected": ONE}).status_code == 403
    sent = {"files": GONE, "mark_as": "bad", "reason": "Saturated"}
    assert client.post(MARK, {**sent, "act": "mark"}).status_code in (403, 409)
    assert not BadFile.objects.exists()
    response = client.post(MARK, {**sent, "act": "start"}, follow=True)
    assert "An operator does this on the page Set Context" in text(response)
    assert CleanUp.objects.get().files == [GONE]


def test_forms_need_their_token(django_user_model):
    from django.test import Client

    strict = Client(enforce_csrf_checks=True)
    strict.force_login(small.person(django_user_model, "operator"))
    for address in (SET, MARK):
        assert strict.post(address, {"kind": "latest"}).status_code == 403


# ---- mark files ---------------------------------------------------------------------------


def test_consequences_come_first(client, operator):
    sent = {"files": f"{GONE}, {small.BIAS.format(1)}", "mark_as": "bad", "reason": "Saturated"}
    page = text(client.post(MARK, sent))
    assert "Start a clean-up" in page
    assert not BadFile.objects.exists()
    setting_contexts.set_latest(TWO, user=operator, expected=ONE)
    page = text(client.post(MARK, sent))
    assert "Mark 2 files bad" in page
    page = text(client.post(MARK, {**sent, "act": "mark"}, follow=True))
    assert "2 files marked bad" in page
    assert "Saturated" in page
    assert CatalogFile.objects.get(name=ONE).blacklisted
    page = text(client.post(MARK, {**sent, "mark_as": "ok", "act": "mark"}, follow=True))
    assert "2 files marked OK" in page


@pytest.mark.parametrize("sent", [
    {}, {"files": "x", "mark_as": "bad"}, {"files": "x", "reason": "y"},
    {"files": "nothing.fits", "mark_as": "bad", "reason": "y"},
    {"files": " , ;", "mark_as": "ok", "reason": "y"},
    {"files": "<script>alert(1)</script>", "mark_as": "bad", "reason": "y"},
    {"files": GONE, "mark_as": "perhaps", "reason": "y"},
    {"files": "a.fits " * 3000, "mark_as": "bad", "reason": "y", "act": "mark"},
])
def test_marks_that_are_none(client, operator, sent):
    response = client.post(MARK, sent)
    assert response.status_code in (400, 404)
    assert "<script>alert" not in text(response)
    assert not BadFile.objects.exists()


def test_the_clean_up_page_leads_through_the_steps(client, operator):
    response = client.post(MARK, {"files": GONE, "mark_as": "bad", "reason": "Saturated",
                                  "act": "start"}, follow=True)
    page = text(response)
    key = CleanUp.objects.get().pk
    assert f"Set {TWO} latest" in page  # the second context is clean already
    assert "Clean-up" in text(client.get(SET))
    client.post(SET, {"kind": "latest", "context": TWO, "expected": ONE})
    page = text(client.get(f"/mark_bad/{key}/"))
    assert "Mark 1 file bad" in page
    page = text(client.post(f"/mark_bad/{key}/", {"act": "mark"}, follow=True))
    assert "Done" in page
    assert BadFile.objects.get().file.name == GONE
    assert client.post(f"/mark_bad/{key}/", {"act": "dance"}).status_code == 400
    assert client.get("/mark_bad/999999/").status_code == 404


# ---- REST ------------------------------------------------------------------------------------


def bearer(user) -> dict:
    return {"HTTP_AUTHORIZATION": f"Bearer {tokens.create(user, 'test')[1]}"}


def test_rest_sets_contexts(client, django_user_model):
    headers = bearer(small.person(django_user_model, "operator"))
    api = "/api/v1/operations/contexts/latest"
    assert client.get(f"{api}/preview?context={TWO}").status_code == 401
    found = client.get(f"{api}/preview?context={TWO}", **headers).json()
    assert (found["current"], found["refusals"]) == (ONE, [])
    assert found["instruments"][0]["types"][0]["filekind"] == "biasfile"
    body = {"context": TWO, "expected": "hst_0009.pmap"}
    refused = client.post(api, body, content_type="application/json", **headers)
    assert refused.status_code == 409
    assert "Somebody else was faster" in refused.json()["detail"]
    body["expected"] = ONE
    assert client.post(api, body, content_type="application/json", **headers).json() == {
        "kind": "latest", "context": TWO}
    assert contexts.pointer("latest") == TWO


def test_rest_marks_files(client, django_user_model):
    operator = small.person(django_user_model, "operator")
    headers = bearer(operator)
    setting_contexts.set_latest(TWO, user=operator, expected=ONE)
    api, body = "/api/v1/operations/marks", {"files": [GONE], "bad": True, "reason": "Saturated"}
    dry = client.post(api, {**body, "dry_run": True}, content_type="application/json",
                      **headers).json()
    assert dry["contexts"] == [ONE]
    assert not BadFile.objects.exists()
    assert client.post(api, body, content_type="application/json", **headers).status_code == 200
    assert BadFile.objects.get().marked_by == "operator"
    submitter = bearer(small.person(django_user_model, "submitter", "submitter"))
    assert client.post(api, {**body, "bad": False}, content_type="application/json",
                       **submitter).status_code == 403
    assert client.post(api, {"files": []}, content_type="application/json",
                       **headers).status_code == 422


def test_addresses():
    assert reverse("set_default_context") == SET
    assert reverse("mark_bad") == MARK
