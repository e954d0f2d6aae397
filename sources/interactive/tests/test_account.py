"""Login and logout as browsers and clients do them (contract 4.2 and 4.4)."""

from __future__ import annotations

import re

import pytest
from django.contrib.auth.models import User
from django.test import Client

pytestmark = pytest.mark.django_db


@pytest.fixture
def user():
    return User.objects.create_user("deliverer", password="correct horse")


@pytest.fixture
def strict():
    """A client whose forms need their token."""
    return Client(enforce_csrf_checks=True)


def login(client, **fields):
    token = client.get("/login/").cookies["csrftoken"].value
    fields = {"username": "deliverer", "password": "correct horse", "instrument": "none",
              "next": "/", "csrfmiddlewaretoken": token, **fields}
    return client.post("/login/", fields)


def test_the_token_comes_with_every_answer(strict):
    assert "csrftoken" in strict.get("/login/").cookies
    # Also when the caller has one already: clients read this very response.
    assert "csrftoken" in strict.get("/login/").cookies


def test_login_opens_a_session_and_goes_on(strict, user):
    response = login(strict)
    assert (response.status_code, response.url) == (302, "/")
    assert response.cookies["sessionid"]["httponly"]
    assert b"deliverer" in strict.get("/").content


def test_a_wrong_password_is_one_text_in_the_error_div(strict, user):
    response = login(strict, password="wrong")
    assert response.status_code == 200
    div = re.search(r'<div id="error_message">([^<]*)</div>', response.content.decode())
    assert "correct username and password" in div[1]
    assert div[1] == div[1].strip()


@pytest.mark.parametrize("fields", [
    {"username": ""}, {"password": ""}, {"username": "x" * 10_000}, {"username": "\0"},
    {"username": '"><script>'}])
def test_bad_input_is_explained(strict, user, fields):
    response = login(strict, **fields)
    assert response.status_code == 200
    assert re.search(r'<div id="error_message">[^<]+</div>', response.content.decode())
    assert b"<script>" not in response.content


def test_a_form_without_token_says_what_to_do(strict, user):
    response = strict.post("/login/", {"username": "deliverer", "password": "correct horse"})
    assert response.status_code == 403
    assert "Load the form again" in response.content.decode()


@pytest.mark.parametrize(
    "target", ["https://example.invalid/", "//example.invalid", "javascript:1"])
def test_login_leads_to_no_other_host(strict, user, target):
    assert login(strict, next=target).url == "/"


@pytest.mark.parametrize("method", ["get", "post"])
def test_logout_ends_the_session_by_get_too(client, user, method):
    client.force_login(user)
    assert getattr(client, method)("/logout/").url == "/"
    assert "sessionid" not in client.cookies or not client.cookies["sessionid"].value
    assert b"Login" in client.get("/").content
