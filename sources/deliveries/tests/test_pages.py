"""Delivery Status, its acts and its REST API."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.services import tokens
from deliveries.services import folders, making, watching
from interactive.models import Delivery
from operations.tests.small import person

from .handing import Archive, delivery, submitted

pytestmark = pytest.mark.django_db

NAMES = ("a_drk.fits", "hst_acs_darkfile_0002.rmap")
LIST = "/delivery_status/"


@pytest.fixture(autouse=True)
def archive(instance, settings) -> Archive:
    settings.ARCHIVING = "on"
    return Archive()


@pytest.fixture
def operator(client, django_user_model):
    user = person(django_user_model, "operator")
    client.force_login(user)
    return user


def text(response) -> str:
    return response.content.decode()


def failed(archive):
    made = making.complete(delivery(*NAMES))
    archive.begin(made.catalog)
    archive.fail(made.catalog)
    watching.follow()
    return made


def test_list_and_detail(client, operator, archive):
    made = failed(archive)
    other = making.complete(delivery("b_drk.fits"))
    page = text(client.get(LIST))
    assert made.catalog in page
    assert "to decide" in page
    page = text(client.get(LIST, {"file": "b_drk.fits"}))
    assert f">{other.catalog}<" in page
    assert f">{made.catalog}<" not in page
    rows = client.get(LIST, {"format": "csv", "state": "archiving-failed"}).getvalue()
    assert len(rows.splitlines()) == 2
    page = text(client.get(f"{LIST}{made.catalog}/"))
    for shown in (*NAMES, "archiving failed", "Deliver again", f"{made.catalog}_ERROR"):
        assert shown in page


def test_lists_cost_the_same_for_any_number(client, operator, django_assert_max_num_queries):
    for number in range(8):
        making.complete(delivery(f"x{number}_drk.fits"))
    with django_assert_max_num_queries(12):
        client.get(LIST)


def test_delivering_again_on_the_page(client, operator, archive):
    made = failed(archive)
    response = client.post(f"{LIST}{made.catalog}/act/", {"act": "retry"}, follow=True)
    assert "lies in the folder deliveries again" in text(response)
    assert made.catalog in archive.names()


def test_accepting_needs_a_reason(client, operator, archive):
    made = making.complete(delivery(*NAMES))
    archive.remove(made.catalog, *NAMES)
    watching.follow()
    watching.follow(timezone.now() + timedelta(minutes=2))
    assert "was not seen to work on it" in text(client.get(f"{LIST}{made.catalog}/"))
    address = f"{LIST}{made.catalog}/act/"
    assert client.post(address, {"act": "accept"}).status_code == 400
    client.post(address, {"act": "accept", "reason": "Asked the archive"})
    made.refresh_from_db()
    assert made.state == "archived"
    assert "Regenerate" in text(client.get(f"{LIST}{made.catalog}/"))


def test_forgotten_catalogs_are_offered(client, operator):
    submitted("a_drk.fits")
    folders.write_catalog("hst_88.cat", ["a_drk.fits"])
    assert "hst_88.cat" in text(client.get(LIST))
    client.post(f"{LIST}hst_88.cat/act/", {"act": "regenerate"})
    assert Delivery.objects.get(catalog="hst_88.cat").state == "delivered"


@pytest.mark.parametrize("address", [
    "nothing.cat/", "hst_0.cat/", "%2e%2e%2fetc/", "<script>/", "hst_5.cat/act/"])
def test_deliveries_that_are_none(client, operator, address):
    response = client.get(LIST + address)
    assert response.status_code in (404, 405)
    assert "<script>" not in text(response).replace("<script src", "")
    assert client.post(f"{LIST}hst_5.cat/act/", {"act": "regenerate"}).status_code == 404


def test_who_may(client, django_user_model, archive):
    made = failed(archive)
    assert client.get(LIST).status_code == 302
    client.force_login(person(django_user_model, "submitter", "submitter"))
    page = text(client.get(f"{LIST}{made.catalog}/"))
    assert "Deliver again" not in page
    assert client.post(f"{LIST}{made.catalog}/act/", {"act": "retry"}).status_code == 403
    made.refresh_from_db()
    assert made.state == "archiving-failed"


def test_rest(client, django_user_model, archive):
    made = failed(archive)
    user = person(django_user_model, "operator")
    headers = {"HTTP_AUTHORIZATION": f"Bearer {tokens.create(user, 'test')[1]}"}
    api = "/api/v1/deliveries"
    assert client.get(api).status_code == 401
    page = client.get(api, **headers).json()
    assert (page["total"], page["items"][0]["files"]) == (1, 2)
    details = client.get(f"{api}/{made.catalog}", **headers).json()
    assert [file["name"] for file in details["contents"]] == sorted(NAMES)
    answer = client.post(f"{api}/{made.catalog}", {"act": "retry"},
                         content_type="application/json", **headers)
    assert answer.json()["state"] == "delivered"
    assert client.post(f"{api}/hst_9.cat", {"act": "retry"}, content_type="application/json",
                       **headers).status_code == 404
    assert client.post(f"{api}/{made.catalog}", {"act": "dance"},
                       content_type="application/json", **headers).status_code == 422
