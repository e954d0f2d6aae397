"""Sign-in by OpenID Connect, against a provider on loopback that can be made to lie."""

from __future__ import annotations

import re
import time
from urllib.parse import parse_qs, urlsplit

import pytest
from django.core.management import call_command
from django.core.management.base import SystemCheckError
from django.test import Client
from joserfc.jwk import RSAKey

from accounts.services import oidc

from .provider import CLIENT, SECRET, Provider

pytestmark = pytest.mark.django_db

CALLBACK = "/login/oidc/callback/"


@pytest.fixture(scope="module")
def running():
    with Provider() as provider:
        yield provider


@pytest.fixture
def provider(running, settings, tmp_path):
    running.reset()
    secret = tmp_path / "secret"
    secret.write_text(SECRET + "\n")
    secret.chmod(0o600)
    settings.OIDC_ISSUER, settings.OIDC_NAME = running.issuer, "Example ID"
    settings.OIDC_CLIENT_ID, settings.OIDC_CLIENT_SECRET_FILE = CLIENT, str(secret)
    oidc._client.cache_clear()
    return running


def sign_in(client, provider, **back):
    """The whole way; ``back`` changes what the browser brings back."""
    page = client.get("/login/?next=/locks/").content.decode()
    button = re.search(r'href="([^"]+)">Sign in with Example ID<', page)[1]
    away = client.get(button)
    assert away.status_code == 302 and away.url.startswith(f"{provider.issuer}/authorize?")
    return client.get(CALLBACK, {**provider.approve(away.url), **back})


def refusal(response, status: int = 403) -> str:
    assert response.status_code == status
    return re.search(r'<div id="error_message">([^<]+)</div>', response.content.decode())[1]


def signed_in_as(client) -> str | None:
    return client.session.get("_auth_user_id")


def test_nothing_is_fetched_and_nothing_offered_unless_configured(client, settings):
    assert b"Sign in with" not in client.get("/login/").content
    assert "no sign-in by OpenID Connect" in refusal(client.get("/login/oidc/"))
    assert "no sign-in by OpenID Connect" in refusal(client.get(CALLBACK))


def test_the_login_page_itself_asks_the_provider_nothing(client, provider):
    client.get("/login/")
    assert provider.asked == []


def test_a_verified_mail_address_of_an_account_opens_a_session(client, provider, people):
    anne = people("anne")
    client.session["kept"] = "before"
    response = sign_in(client, provider)
    assert (response.status_code, response.url) == (302, "/locks/")
    assert signed_in_as(client) == str(anne.pk)
    assert client.get("/account/").status_code == 200


def test_the_address_to_come_back_to_is_that_of_the_site(client, provider, settings):
    asked = parse_qs(urlsplit(client.get("/login/oidc/").url).query)
    assert asked["redirect_uri"] == ["http://testserver" + CALLBACK]
    settings.PUBLIC_URL = "https://crds.example.invalid"
    asked = parse_qs(urlsplit(client.get("/login/oidc/").url).query)
    assert asked["redirect_uri"] == ["https://crds.example.invalid" + CALLBACK]


def test_the_mail_address_may_come_from_userinfo(client, provider, people):
    people("anne")
    provider.claims = {"email": None, "email_verified": None}
    provider.userinfo = {"email": "anne@example.invalid", "email_verified": True}
    assert sign_in(client, provider).status_code == 302
    provider.userinfo["sub"] = "somebody else"
    client.logout()
    assert "not verified" in refusal(sign_in(client, provider))


@pytest.mark.parametrize("claims, words", [
    ({"nonce": "another"}, "does not fit"),
    ({"nonce": None}, "does not fit"),
    ({"aud": "another client"}, "does not fit"),
    ({"iss": "https://other.example.invalid"}, "does not fit"),
    ({"exp": int(time.time()) - 3600, "iat": int(time.time()) - 7200}, "does not fit"),
    ({"email_verified": False}, "not verified your mail address"),
    ({"email_verified": None}, "not verified your mail address"),
    ({"email": None}, "not verified your mail address"),
    ({"email": "nobody@example.invalid"}, "no account here for nobody@example.invalid"),
    ({"email": "<script>@example.invalid"}, "no account here for &lt;script&gt;"),
])
def test_what_the_provider_must_say(client, provider, people, claims, words):
    people("anne")
    provider.claims = claims
    assert words in refusal(sign_in(client, provider))
    assert signed_in_as(client) is None


def test_a_signature_of_another_key_is_none(client, provider, people):
    people("anne")
    provider.signing_key = RSAKey.generate_key(2048, {"kid": "one"})
    assert "does not fit" in refusal(sign_in(client, provider))


@pytest.mark.parametrize("back", [
    {"state": "another"}, {"state": ""}, {"code": "another"}, {"code": "\0"},
    {"error": "access_denied", "error_description": "<b>no</b>"}])
def test_what_the_browser_must_bring_back(client, provider, people, back):
    people("anne")
    assert "does not fit" in refusal(sign_in(client, provider, **back))
    assert signed_in_as(client) is None


def test_what_began_in_another_browser_does_not_end_here(client, provider, people):
    people("anne")
    back = provider.approve(client.get("/login/oidc/").url)
    assert "does not fit" in refusal(Client().get(CALLBACK, back))
    assert client.get(CALLBACK, back).status_code == 302
    # Nor twice.
    client.logout()
    assert "does not fit" in refusal(client.get(CALLBACK, back))


def test_disabled_accounts_and_shared_addresses_stay_out(client, provider, people):
    anne = people("anne")
    anne.is_active = False
    anne.save()
    assert "disabled" in refusal(sign_in(client, provider))
    anne.is_active = True
    anne.save()
    bob = people("bob")
    bob.email = anne.email
    bob.save()
    refusal(sign_in(client, provider))
    assert signed_in_as(client) is None


def test_a_provider_that_fails_is_told_apart(client, provider, people):
    provider.broken = True
    assert "does not answer" in refusal(client.get("/login/oidc/"), 503)


def test_a_target_on_another_host_leads_home(client, provider, people):
    people("anne")
    away = client.get("/login/oidc/?next=https://example.invalid/")
    assert client.get(CALLBACK, provider.approve(away.url)).url == "/"


def test_the_configuration_is_checked(provider, settings, tmp_path):
    call_command("check")
    secret = tmp_path / "secret"
    secret.chmod(0o640)
    with pytest.raises(SystemCheckError, match="0600"):
        call_command("check")
    secret.unlink()
    settings.OIDC_ISSUER = "http://login.example.invalid"
    settings.OIDC_CLIENT_ID = ""
    assert [re.search(words, found) is not None for words, found in zip(
        ("https://", "CLIENT_ID", "SECRET_FILE"), oidc.problems(), strict=True)] == [True] * 3


def test_a_secret_that_others_can_read_is_not_used(client, provider, settings, tmp_path):
    (tmp_path / "secret").chmod(0o644)
    assert "0600" in refusal(client.get("/login/oidc/"))
    assert provider.asked == []
