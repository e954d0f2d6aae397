"""Tokens: made once, recognised, revoked; the REST API asks for them."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client, RequestFactory
from django.utils import timezone
from ninja import NinjaAPI
from ninja.testing import TestClient

from accounts import api_auth
from accounts.models import ApiToken
from accounts.services import roles, tokens
from common.errors import BadRequest, NotFound, ServiceError
from interactive.models import AuditRecord

pytestmark = pytest.mark.django_db


@pytest.fixture
def anne(django_user_model):
    return django_user_model.objects.create_user("anne")


@pytest.fixture(scope="module")
def api():
    """A small API of its own that answers who asks."""
    made = NinjaAPI(urls_namespace="test-of-tokens")

    @made.exception_handler(ServiceError)
    def refused(request, exc):
        return made.create_response(request, {"detail": exc.message}, status=exc.status)

    @made.post("/who", auth=api_auth.signed_in)
    def who(request):
        return request.user.get_username()

    return made


def bearer(api, text: str):
    return TestClient(api).post("/who", headers={"Authorization": f"Bearer {text}"})


def test_only_a_digest_is_kept(anne):
    token, text = tokens.create(anne, "  nightly   job ")
    assert token.label == "nightly job"
    assert text.startswith(f"crds_{token.prefix}_") and text.replace("_", "").isalnum()
    kept = str(list(ApiToken.objects.values()))
    assert text not in kept and text.rpartition("_")[2] not in kept
    assert text not in str(list(AuditRecord.objects.values()))
    assert tokens.recognise(text) == token


@pytest.mark.parametrize("damage", [
    lambda text: text[:-1], lambda text: text + "x", lambda text: text[:-1] + "é",
    lambda text: text.swapcase(), lambda text: "", lambda text: "crds_" + text,
    lambda text: text + "\n"])
def test_anything_else_is_not_recognised(anne, damage):
    _, text = tokens.create(anne)
    assert tokens.recognise(damage(text)) is None


def test_expired_revoked_and_of_disabled_users(anne):
    token, text = tokens.create(anne, days=1)
    ApiToken.objects.filter(pk=token.pk).update(expires_at=timezone.now() - timedelta(seconds=1))
    assert tokens.recognise(text) is None
    token, text = tokens.create(anne, days=None)
    tokens.revoke(anne, token.shown)
    assert tokens.recognise(text) is None
    _, text = tokens.create(anne)
    anne.is_active = False
    anne.save()
    assert tokens.recognise(text) is None


def test_use_is_noted_now_and_then(anne):
    token, text = tokens.create(anne)
    tokens.recognise(text)
    token.refresh_from_db()
    first = token.last_used_at
    assert first is not None
    tokens.recognise(text)
    token.refresh_from_db()
    assert token.last_used_at == first


def test_nobody_revokes_what_belongs_to_others(anne, django_user_model):
    token, text = tokens.create(anne)
    other = django_user_model.objects.create_user("other")
    with pytest.raises(NotFound, match="has no token"):
        tokens.revoke(other, token.prefix)
    assert tokens.recognise(text) == token
    assert tokens.revoke_all(anne, by=other) == 1
    assert tokens.recognise(text) is None


def test_limits(anne, monkeypatch):
    monkeypatch.setattr(tokens, "MOST", 1)
    tokens.create(anne)
    with pytest.raises(BadRequest, match="Revoke"):
        tokens.create(anne)
    for days in (0, -1, 10**9):
        with pytest.raises(BadRequest, match="days"):
            tokens.create(anne, days=days)
    with pytest.raises(BadRequest, match="80"):
        tokens.create(anne, "x" * 81)


def test_acts_are_audited_but_not_public(anne):
    token, _ = tokens.create(anne, "laptop")
    tokens.revoke(anne, token.prefix, by="system")
    assert list(AuditRecord.objects.order_by("pk").values_list("action", "user")) == [
        ("create token", "anne"), ("revoke token", "system")]
    assert b"create token" not in Client().get("/recent_activity/?action=*").content


def test_bearer_tokens_open_the_api(api, anne):
    _, text = tokens.create(anne)
    assert bearer(api, text).json() == "anne"
    refused = bearer(api, text[:-1])
    assert refused.status_code == 401
    assert "/account/" in refused.json()["detail"]
    assert TestClient(api).post("/who").status_code == 401


def test_a_session_needs_its_csrf_token(anne):
    session = api_auth.Session()
    factory = RequestFactory(enforce_csrf_checks=True)
    request = factory.post("/who")
    request.user = anne
    with pytest.raises(api_auth.CsrfFailed, match="X-CSRFToken"):
        session(request)
    secret = "a" * 32
    request = factory.post("/who", headers={"X-CSRFToken": secret})
    request.user, request.COOKIES["csrftoken"] = anne, secret
    assert session(request) == anne


def test_the_rest_api_tells_who_you_are_and_locks(client, anne):
    _, text = tokens.create(anne)
    signed = {"headers": {"Authorization": f"Bearer {text}"}}
    assert client.get("/api/v1/account").status_code == 401
    assert client.get("/api/v1/locks").headers["WWW-Authenticate"] == "Bearer"
    assert client.post("/api/v1/locks/acs", **signed).status_code == 403
    roles.grant(anne, "submitter", by="test")
    assert client.post("/api/v1/locks/acs", **signed).json()["user"] == "anne"
    answer = client.get("/api/v1/account", **signed).json()
    assert (answer["user"], answer["roles"], answer["locks"][0]["instrument"]) == (
        "anne", [{"role": "submitter", "instrument": ""}], "acs")
    assert [lock["user"] for lock in client.get("/api/v1/locks", **signed).json()] == ["anne"]
    assert client.delete("/api/v1/locks/acs", **signed).json() == {"released": True}
    assert client.delete("/api/v1/locks/acs", **signed).json() == {"released": False}
    assert client.post("/api/v1/locks/a%20b", **signed).status_code == 400
