"""Login and logout as browsers and clients do them (contract 4.2 and 4.4)."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from accounts.services import roles, tokens
from locking import services as locking
from locking.models import Lock

pytestmark = pytest.mark.django_db


@pytest.fixture
def user():
    user = User.objects.create_user("deliverer", password="correct horse")
    roles.grant(user, "submitter", by="test")
    return user


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
    assert "do not fit together" in div[1]
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


def refusal(response) -> str:
    assert response.status_code == 200
    return re.search(r'<div id="error_message">([^<]*)</div>', response.content.decode())[1]


def test_mail_address_in_place_of_the_name(client, people):
    anne = people("anne")
    assert login(client, username="Anne@Example.invalid").status_code == 302
    assert client.session["_auth_user_id"] == str(anne.pk)


def test_a_mail_address_of_several_accounts_names_none(client, people, user):
    people("anne")
    User.objects.filter(pk=user.pk).update(email="anne@example.invalid")
    assert "do not fit" in refusal(login(client, username="anne@example.invalid"))


def test_disabled_accounts_stay_out(client, user):
    assert login(client).status_code == 302
    User.objects.filter(pk=user.pk).update(is_active=False)
    assert b"deliverer" not in client.get("/").content
    assert "do not fit" in refusal(login(client))


def test_login_goes_to_the_page_that_was_asked_for(client, user):
    asked = client.get("/account/")
    assert asked.url == "/login/?next=/account/"
    page = client.get(asked.url).content.decode()
    assert '<input type="hidden" name="next" value="/account/">' in page
    assert login(client, next="/account/").url == "/account/"


# ---- tokens ---------------------------------------------------------------------


def test_a_token_works_as_password_until_it_is_revoked(client, user):
    token, text = tokens.create(user, "client")
    assert login(client, password=text).status_code == 302
    assert client.get("/account/").status_code == 200
    # What a token opened makes no further tokens.
    refused = client.post("/account/tokens/", {"label": "more", "days": "30"})
    assert refused.status_code == 403
    tokens.revoke(user, token.prefix)
    assert client.get("/account/").status_code == 302
    assert "do not fit" in refusal(login(client, password=text))


def test_a_token_of_somebody_else_is_none(client, user, people):
    _, text = tokens.create(people("anne"))
    assert "do not fit" in refusal(login(client, password=text))


# ---- locks ----------------------------------------------------------------------


def expire(lock: Lock, hours: float = 5) -> None:
    Lock.objects.filter(pk=lock.pk).update(renewed=timezone.now() - timedelta(hours=hours))


def test_login_locks_the_instrument(client, user):
    assert login(client, instrument="acs").status_code == 302
    assert locking.holder("acs") == user
    page = client.get("/").content.decode()
    assert re.search(r'ACS <span class="countdown" data-seconds="143\d\d">3:59:\d\d</span>', page)


def test_login_is_refused_while_somebody_else_has_it(client, user, people):
    lock = locking.acquire("acs", people("anne"))
    said = refusal(login(client, instrument="acs"))
    assert "locked by user &#x27;anne&#x27; until" in said
    assert "_auth_user_id" not in client.session
    expire(lock)
    assert login(client, instrument="acs").status_code == 302
    assert locking.holder("acs") == user


def test_another_instrument_replaces_and_none_keeps(client, user, people):
    login(client, instrument="acs")
    login(client, instrument="none")
    login(client, instrument="")
    assert locking.holder("acs") == user
    login(client, instrument="COS")
    assert [lock.name for lock in Lock.objects.all()] == ["cos"]
    locking.acquire("stis", people("anne"))
    refusal(login(client, instrument="stis"))
    assert locking.holder("cos") == user


@pytest.mark.parametrize("instrument", ["a b", "../acs", "x" * 65, "<script>", "\0"])
def test_impossible_instruments_are_explained(client, user, instrument):
    assert refusal(login(client, instrument=instrument))
    assert not Lock.objects.exists()


def test_who_may_not_submit_is_let_in_without_the_lock(client, people):
    people("mona")
    assert login(client, username="mona", instrument="acs").status_code == 302
    assert not Lock.objects.exists()
    people("ada", "submitter", "acs")
    login(client, username="ada", instrument="cos")
    assert client.post("/locks/take/", {"instrument": "cos"}).status_code == 403
    assert not Lock.objects.exists()
    assert client.post("/locks/take/", {"instrument": "ACS"}).status_code == 302
    assert locking.holder("acs").username == "ada"


def test_a_failed_login_locks_nothing(client, user):
    refusal(login(client, instrument="acs", password="wrong"))
    assert not Lock.objects.exists()


def test_logout_gives_locks_back(client, user):
    login(client, instrument="acs")
    client.get("/logout/")
    assert locking.holder("acs") is None


def test_requests_renew_the_lock_once_a_minute(client, user, django_assert_num_queries):
    login(client, instrument="acs")
    lock = Lock.objects.get()
    client.get("/account/")
    assert Lock.objects.get().renewed == lock.renewed
    expire(lock, hours=3)
    # Another process, or this one a minute later.
    again = Client()
    again.cookies = client.cookies
    again.get("/account/")
    assert Lock.objects.get().time_remaining > timedelta(hours=3, minutes=59)


def test_requests_do_not_bring_an_expired_lock_back(client, user):
    login(client, instrument="acs")
    expire(Lock.objects.get())
    again = Client()
    again.cookies = client.cookies
    again.get("/account/")
    assert locking.holder("acs") is None


# ---- TLS ------------------------------------------------------------------------


def test_where_login_needs_tls_a_password_is_not_taken_without(client, user, settings):
    settings.LOGIN_NEEDS_TLS = True
    refused = login(client)
    assert refused.status_code == 403
    assert "with https" in refused.content.decode()
    assert "sessionid" not in refused.cookies
    token = client.get("/login/", secure=True).cookies["csrftoken"].value
    assert client.post("/login/", {
        "username": "deliverer", "password": "correct horse", "csrfmiddlewaretoken": token},
        secure=True, headers={"Referer": "https://testserver/login/"}).status_code == 302


def test_the_admin_site_has_no_login_of_its_own(client, user):
    response = client.post("/admin/login/?next=/admin/", {
        "username": "deliverer", "password": "correct horse"})
    assert response.url == "/login/?next=/admin/"
