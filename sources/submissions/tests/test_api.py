"""Submissions by the REST API."""

from __future__ import annotations

import pytest

from interactive.models import CatalogFile
from submissions.models import State, Submission

from .test_pages import make, sara, signed_in

pytestmark = pytest.mark.django_db

__all__ = ["sara", "signed_in"]


@pytest.fixture
def call(client, sara):
    """``call("post", "/submissions", {…})`` as sara, with a token."""
    from accounts.services import tokens

    _, text = tokens.create(sara, "tests")

    def ask(method: str, address: str, body=None, token: str = text):
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        return getattr(client, method)(
            f"/api/v1{address}", body, content_type="application/json", headers=headers)

    return ask


def test_from_the_start_to_the_end(call):
    name = CatalogFile.objects.references().filter(stored=True).order_by("name").first().name
    answer = call("post", "/submissions", {
        "kind": "delete-references", "names": [name], "description": "Not needed",
        "change_level": "TRIVIAL"})
    assert answer.status_code == 201, answer.content
    id = answer.json()["id"]
    answer = call("get", "/submissions?mine=true&state=queued")
    assert answer.json().get("total") == 1, answer.content
    told = call("get", f"/submissions/{id}").json()
    assert told["progress"]["state"] == "queued"
    assert told["standing"]["cancel"]["possible"] and not told["standing"]["confirm"]["possible"]
    assert call("post", f"/submissions/{id}/confirm", {"wait": 0}).status_code == 409
    told = call("post", f"/submissions/{id}/cancel", {"reason": "A test"}).json()
    assert (told["state"], told["reason"]) == ("cancelled", "A test")


def test_results_are_told_whole(call, sara):
    made = make(sara)
    told = call("get", f"/submissions/{made.pk}", token="").json()
    assert told["files"][0]["name"] == "9ab12345j_bia.fits"
    assert told["files"][0]["findings"][0]["advice"] == "Update it."
    assert told["rule_changes"][0]["parameters"] == ["DETECTOR"]
    assert told["file_map"]["my_bias.fits"] == "9ab12345j_bia.fits"
    assert not told["standing"]["cancel"]["possible"]


@pytest.mark.parametrize("method, address, body, status", [
    ("post", "/submissions", {"kind": "nonsense"}, 422),
    ("post", "/submissions", {"kind": "delete-references"}, 400),
    ("get", "/submissions/0e5a0b46-5b5c-4e7c-9f64-0123456789ab", None, 404),
    ("get", "/submissions/x", None, 422)])
def test_what_cannot_be_done_is_said(call, method, address, body, status):
    answer = call(method, address, body)
    assert answer.status_code == status and answer.json()["detail"]


def test_who_does_not_say_who_it_is_is_refused(call, sara):
    made = make(sara)
    for method, address in (("get", "/submissions"), ("post", f"/submissions/{made.pk}/cancel")):
        assert call(method, address, {} if method == "post" else None, token="").status_code == 401
    assert Submission.objects.get().state == State.READY
