"""The account page, the page of locks, and the admin site of administrators."""

from __future__ import annotations

import random
import re
from urllib.parse import urlencode

import pytest
from django.contrib.auth import get_user_model
from django.test import Client
from django.urls import reverse

from accounts.models import ApiToken, Attempts, Grant
from accounts.services import roles, tokens
from interactive.models import AuditRecord
from locking import services as locking
from locking.models import Lock
from tests.test_hostile import EVIL, ODD

from .conftest import PASSWORD

pytestmark = pytest.mark.django_db


@pytest.fixture
def signed_in(client, people):
    """A browser of a new account: ``signed_in("anne", "operator")``."""
    def make(name: str, role: str = "", instrument: str = "") -> Client:
        browser = Client()
        browser.force_login(people(name, role, instrument))
        return browser

    return make


def test_strangers_are_sent_to_the_login(client):
    for address in ("/account/", "/locks/"):
        assert client.get(address).url == f"/login/?next={address}"
    assert client.post("/account/tokens/", {"label": "x"}).status_code == 302
    assert client.post("/locks/take_over/", {"instrument": "acs"}).status_code == 302


def test_forms_need_their_token(people):
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(people("anne", "operator"))
    for address in ("/account/tokens/", "/account/tokens/revoke/", "/account/password/",
                    "/locks/take/", "/locks/release/", "/locks/take_over/"):
        assert strict.post(address).status_code == 403
        assert Client().get(address).status_code in (302, 405)


def test_roles_are_shown(signed_in, people):
    page = signed_in("anne", "operator", "acs").get("/account/").content.decode()
    assert "Operator for instrument ACS" in page
    assert "not submit" in signed_in("bob").get("/account/").content.decode()


def test_a_token_is_shown_once_and_can_be_revoked(signed_in):
    browser = signed_in("anne")
    page = browser.post("/account/tokens/", {"label": "my <laptop>", "days": "90"})
    text = re.search(r"<pre>(crds_\w+)</pre>", page.content.decode())[1]
    token = tokens.recognise(text)
    assert (token.label, (token.expires_at - token.created_at).days) == ("my <laptop>", 90)
    assert page["Cache-Control"].count("no-store")
    listed = browser.get("/account/").content.decode()
    assert text not in listed and token.shown in listed and "my &lt;laptop&gt;" in listed
    browser.post("/account/tokens/revoke/", {"prefix": token.prefix})
    assert tokens.recognise(text) is None
    assert "revoked" in browser.get("/account/").content.decode()


@pytest.mark.parametrize("fields", [
    {}, {"label": ""}, {"label": "x" * 81}, {"label": "x", "days": "1000000"},
    {"label": "x", "days": "-1"}, {"label": "\0", "days": "30"}])
def test_wrong_wishes_for_tokens_are_explained(signed_in, fields):
    page = signed_in("anne").post("/account/tokens/", fields).content.decode()
    assert re.search(r'<div id="error_message">[^<]+</div>', page)
    assert not ApiToken.objects.exists()


def test_nobody_revokes_tokens_of_others(signed_in, people):
    token, text = tokens.create(people("bob"))
    assert signed_in("anne").post(
        "/account/tokens/revoke/", {"prefix": token.prefix}).status_code == 404
    assert tokens.recognise(text)


def test_own_password(signed_in):
    browser, other = signed_in("anne"), Client()
    user = get_user_model().objects.get()
    other.force_login(user)
    wishes = {"old_password": PASSWORD, "new_password1": "0123456789x", "new_password2": "y"}
    page = browser.post("/account/password/", wishes).content.decode()
    assert "error_message" in page
    page = browser.post("/account/password/", {**wishes, "old_password": "wrong"})
    assert "error_message" in page.content.decode()
    wishes["new_password1"] = wishes["new_password2"] = "a much better one"
    assert browser.post("/account/password/", wishes).status_code == 302
    assert browser.get("/account/").status_code == 200
    assert other.get("/account/").status_code == 302
    user.refresh_from_db()
    assert user.check_password("a much better one")
    assert AuditRecord.objects.get().action == "set password"


def test_accounts_that_sign_in_elsewhere_have_no_password_here(signed_in):
    browser = signed_in("anne")
    user = get_user_model().objects.get()
    user.set_unusable_password()
    user.save()
    browser.force_login(user)
    assert "signs in elsewhere" in browser.get("/account/").content.decode()
    assert browser.post("/account/password/", {}).status_code == 403


# ---- locks ----------------------------------------------------------------------


def test_locks_are_seen_taken_and_given_back(signed_in):
    anne, bob = signed_in("anne", "submitter"), signed_in("bob", "submitter")
    anne.post("/locks/take/", {"instrument": "acs"})
    page = bob.get("/locks/").content.decode()
    assert re.search(r"ACS</th><td>anne", page) and "ask anne, or an operator" in page
    assert "Take over" not in page
    refused = bob.post("/locks/take/", {"instrument": "acs"})
    assert refused.status_code == 409
    assert "locked by user &#x27;anne&#x27;" in refused.content.decode()
    bob.post("/locks/release/", {"instrument": "acs"})
    assert locking.holder("acs").username == "anne"
    anne.post("/locks/release/", {"instrument": "acs"})
    assert locking.holder("acs") is None


def test_without_a_role_nothing_is_locked(signed_in):
    assert signed_in("anne").post("/locks/take/", {"instrument": "acs"}).status_code == 403


def test_operators_take_over_with_a_reason(signed_in, people):
    locking.acquire("acs", people("anne"))
    olga = signed_in("olga", "operator", "acs")
    assert "Take over ACS" in olga.get("/locks/").content.decode()
    refused = olga.post("/locks/take_over/", {"instrument": "acs", "reason": " "})
    assert refused.status_code == 400
    olga.post("/locks/take_over/", {"instrument": "acs", "reason": "anne is on leave"})
    assert locking.holder("acs").username == "olga"
    record = AuditRecord.objects.get(action="take over lock")
    assert (record.user, record.why, record.details) == (
        "olga", "anne is on leave", {"instrument": "acs", "former_owner": "anne"})


def test_take_over_needs_the_role_for_that_instrument(signed_in, people):
    locking.acquire("acs", people("anne"))
    olga = signed_in("olga", "operator", "cos")
    again = {"instrument": "acs", "reason": "mine"}
    assert olga.post("/locks/take_over/", again).status_code == 403
    assert signed_in("bob", "submitter").post("/locks/take_over/", again).status_code == 403
    assert olga.post(
        "/locks/take_over/", {"instrument": "cos", "reason": "x"}).status_code == 404
    assert Lock.objects.get().user.username == "anne"


# ---- the admin site ---------------------------------------------------------------


ADMIN_USERS = "admin:auth_user_changelist"


@pytest.fixture
def admin(signed_in):
    return signed_in("ada", "administrator")


def test_administrators_alone_see_the_admin_site(admin, signed_in):
    assert admin.get(reverse(ADMIN_USERS)).status_code == 200
    assert admin.get(reverse("admin:interactive_catalogfile_changelist")).status_code == 200
    assert signed_in("olga", "operator").get(reverse(ADMIN_USERS)).status_code == 302
    roles.revoke(get_user_model().objects.get(username="ada"), "administrator", by="test")
    assert admin.get(reverse(ADMIN_USERS)).status_code == 302


def test_accounts_are_added_changed_and_disabled(admin):
    wishes = {"username": "bob", "email": "bob@example.invalid", "password": "0123456789",
              "role": "submitter", "instrument": "ACS"}
    page = admin.post(reverse("admin:auth_user_add"), wishes)
    assert page.status_code == 200 and "entirely numeric" in page.content.decode()
    wishes["password"] = "a better password"
    assert admin.post(reverse("admin:auth_user_add"), wishes).status_code == 302
    bob = get_user_model().objects.get(username="bob")
    assert roles.has(bob, "submitter", "acs") and not roles.has(bob, "submitter", "cos")
    assert bob.check_password("a better password")
    change = reverse("admin:auth_user_change", args=[bob.pk])
    assert admin.get(change).status_code == 200
    admin.post(change, {"email": "bob@example.invalid"})
    bob.refresh_from_db()
    assert not bob.is_active
    taken = {"email": "ada@example.invalid", "is_active": "on"}
    assert admin.post(change, taken).status_code == 200
    admin.post(change, {"email": "rob@example.invalid", "is_active": "on", "is_superuser": "on"})
    bob.refresh_from_db()
    assert (bob.is_active, bob.email, bob.is_superuser) == (True, "rob@example.invalid", False)
    assert list(AuditRecord.objects.filter(user="ada").order_by("pk").values_list(
        "action", flat=True)) == ["add account", "grant role", "disable account",
                                  "set mail address", "enable account"]


def test_roles_are_granted_and_taken_back(admin, people):
    bob = people("bob")
    add = reverse("admin:accounts_grant_add")
    assert admin.get(add).status_code == 200
    assert admin.post(add, {"user": bob.pk, "role": "administrator",
                            "instrument": "acs"}).status_code == 200
    assert admin.post(add, {"user": bob.pk, "role": "operator",
                            "instrument": "acs"}).status_code == 302
    grant = Grant.objects.get(user=bob)
    assert grant.granted_by == "ada"
    admin.post(reverse("admin:accounts_grant_delete", args=[grant.pk]), {"post": "yes"})
    assert not roles.of(bob)
    assert AuditRecord.objects.filter(user="ada", action="revoke role").exists()


def test_administrators_cannot_reach_for_superusers(admin, people):
    root = people("root", is_superuser=True)
    change = reverse("admin:auth_user_change", args=[root.pk])
    assert admin.post(change, {"email": "x@example.invalid",
                               "new_password": "another password"}).status_code == 403
    root.refresh_from_db()
    assert root.check_password(PASSWORD)
    delete = reverse("admin:auth_user_delete", args=[root.pk])
    assert admin.post(delete, {"post": "yes"}).status_code == 403


def test_tokens_are_revoked_on_the_admin_site(admin, people):
    token, text = tokens.create(people("bob"), "lost laptop")
    listing = reverse("admin:accounts_apitoken_changelist")
    assert "lost laptop" in admin.get(listing).content.decode()
    page = admin.get(reverse("admin:accounts_apitoken_change", args=[token.pk])).content.decode()
    assert token.digest not in page and token.salt not in page
    admin.post(listing, {"action": "revoke", "_selected_action": [token.pk]})
    assert tokens.recognise(text) is None


def test_operators_see_the_load(signed_in):
    assert signed_in("olga", "operator").get("/stats/").status_code == 200
    assert signed_in("bob", "submitter").get("/stats/").status_code == 403


# ---- bad input --------------------------------------------------------------------


@pytest.mark.parametrize("address, names", [
    ("/login/", ("username", "password", "instrument", "next")),
    ("/account/tokens/", ("label", "days")),
    ("/account/tokens/revoke/", ("prefix",)),
    ("/account/password/", ("old_password", "new_password1", "new_password2")),
    ("/locks/take/", ("instrument",)),
    ("/locks/release/", ("instrument",)),
    ("/locks/take_over/", ("instrument", "reason")),
])
def test_odd_values_get_an_answer_for_people(signed_in, address, names):
    browser = signed_in("olga", "operator")
    browser.raise_request_exception = False
    for name in names:
        for odd in random.Random(name).sample(ODD, 12):
            sent = dict.fromkeys(names, "acs") | {name: odd.encode("utf-8", "surrogatepass")}
            response = browser.post(
                address, urlencode(sent), content_type="application/x-www-form-urlencoded")
            assert response.status_code < 500, (name, odd)
            assert EVIL.encode() not in response.content
            if address == "/login/":
                Attempts.objects.all().delete()
            if response.status_code == 302 and not response.url.startswith("/login"):
                assert response.url.startswith("/") and not response.url.startswith("//")
