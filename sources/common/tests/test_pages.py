"""Pages for what goes wrong."""

from __future__ import annotations

import re

import pytest
from django.core.exceptions import PermissionDenied
from django.db import OperationalError
from django.test import override_settings
from django.urls import path

from common.errors import BadRequest, Unavailable
from urls import handler400, handler403, handler404, handler500, urlpatterns  # noqa: F401

ERRORS = {
    "bad": BadRequest("The <date> is none."),
    "busy": Unavailable("Try later."),
    "database": OperationalError("secret-host refused the connection"),
    "fault": RuntimeError("secret detail"),
    "denied": PermissionDenied(),
}


def fail(request, kind: str):
    raise ERRORS[kind]


# The real addresses and one that fails on request.
urlpatterns = [*urlpatterns, path("fail/<kind>", fail)]

pytestmark = [pytest.mark.django_db]


@pytest.fixture
def ask(client):
    client.raise_request_exception = False
    with override_settings(ROOT_URLCONF=__name__):
        yield lambda address, **headers: client.get(address, headers=headers)


def message(response) -> str:
    """The text that clients read."""
    return re.search(r'<div id="error_message">([^<]+)</div>', response.content.decode())[1]


@pytest.mark.parametrize("kind, status, words", [
    ("bad", 400, "The &lt;date&gt; is none."),
    ("busy", 503, "Try later."),
    ("database", 503, "The database does not answer"),
    ("fault", 500, "request id"),
    ("denied", 403, "Log in with an account that may"),
])
def test_errors_are_explained_and_nothing_leaks(ask, kind, status, words):
    response = ask(f"/fail/{kind}")
    assert response.status_code == status
    assert words in message(response)
    assert b"secret" not in response.content and b"Traceback" not in response.content


def test_the_request_id_of_a_fault_is_that_of_the_log(ask):
    assert "abc-123" in message(ask("/fail/fault", **{"X-Request-ID": "abc-123"}))


def test_unknown_pages_are_404_with_a_way_on(ask):
    response = ask("/no/such/<page>")
    assert response.status_code == 404
    assert "There is no page at /no/such/&lt;page&gt;." in message(response)
    assert b'href="/"' in response.content


@pytest.mark.parametrize("kind, status", [("bad", 400), ("busy", 503), ("fault", 500)])
def test_programs_get_json(ask, kind, status):
    response = ask(f"/fail/{kind}", Accept="application/json")
    assert response.status_code == status
    assert set(response.json()) == {"detail"}


@pytest.mark.parametrize("kind", ["busy", "database", "fault"])
def test_failures_are_shown_without_asking_the_database(
        ask, client, admin_user, kind, django_assert_num_queries):
    client.force_login(admin_user)
    with django_assert_num_queries(0):
        assert ask(f"/fail/{kind}").status_code >= 500


def test_when_even_templates_fail_there_is_a_text(ask, monkeypatch):
    def broken(*args, **kwargs):
        raise RuntimeError("no templates")

    monkeypatch.setattr("common.pages.error_response", broken)
    response = ask("/fail/fault")
    assert (response.status_code, response["Content-Type"]) == (500, "text/plain; charset=utf-8")
    assert b"That is a fault of the server" in response.content
