"""Locks: who gets them, how they end, and what the client is told."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.core.management import call_command
from django.utils import timezone

from common.errors import BadRequest
from locking import services
from locking.models import Lock

pytestmark = pytest.mark.django_db


@pytest.fixture
def anne(django_user_model):
    return django_user_model.objects.create_user("anne")


@pytest.fixture
def bob(django_user_model):
    return django_user_model.objects.create_user("bob@example.invalid")


def expire(lock: Lock) -> None:
    Lock.objects.filter(pk=lock.pk).update(renewed=timezone.now() - timedelta(hours=5))


def test_lock_keeps_others_out_and_says_who_and_until_when(anne, bob):
    services.acquire("acs", anne)
    with pytest.raises(services.LockHeld, match=r"'acs' is locked by user 'anne' until 2\d{3}-"):
        services.acquire("ACS", bob)
    assert services.acquire("cos", bob).user == bob
    assert services.holder("acs") == anne


def test_taking_it_again_renews_it(anne):
    first = services.acquire("acs", anne)
    expire(first)
    again = services.acquire("acs", anne)
    assert again.pk == first.pk
    assert again.time_remaining > timedelta(hours=3)


def test_expired_lock_counts_as_free(anne, bob):
    expire(services.acquire("acs", anne))
    assert services.holder("acs") is None
    assert services.acquire("acs", bob).user == bob
    assert services.renew("acs", anne) is False
    assert services.release("acs", anne) is False
    assert services.holder("acs") == bob


def test_release_and_release_all(anne):
    services.acquire("acs", anne)
    services.acquire("cos", anne)
    assert services.release("acs", anne) is True
    assert services.release("acs", anne) is False
    assert services.release_all(anne) == 1
    assert not Lock.objects.exists()


def test_duration_is_a_setting(anne, settings):
    settings.LOCK_HOURS = 1
    assert services.acquire("acs", anne).duration == timedelta(hours=1)


@pytest.mark.parametrize("bad", ["", "a b", "../x", "x" * 65])
def test_impossible_names(anne, bad):
    with pytest.raises(BadRequest):
        services.acquire(bad, anne)


def test_cron_deletes_only_the_expired(anne, bob, capsys):
    expire(services.acquire("acs", anne))
    services.acquire("cos", bob)
    call_command("clear_expired_locks")
    assert list(Lock.objects.values_list("name", flat=True)) == ["cos"]
    assert "1 expired lock deleted" in capsys.readouterr().out
    call_command("clear_expired_locks")
    assert capsys.readouterr().out == ""


def test_status_without_lock_or_user(client):
    answer = client.get("/lock_status/nobody/").json()
    assert answer["name"] == ""
    assert answer["status"] == "ok"


def test_status_as_the_client_reads_it(client, bob):
    services.acquire("miri", bob)
    response = client.get("/lock_status/bob@example.invalid/")
    answer = response.json()
    assert {k: answer[k] for k in ("user", "type", "name", "is_expired", "status")} == {
        "user": "bob@example.invalid", "type": "instrument", "name": "miri",
        "is_expired": False, "status": "ok"}
    assert re.fullmatch(r"3:59:\d\d", answer["time_remaining"])
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", answer["created_on"])
    assert not response.cookies


def test_status_of_an_expired_lock(client, bob):
    expire(services.acquire("miri", bob))
    answer = client.get("/lock_status/bob@example.invalid/").json()
    assert (answer["is_expired"], answer["time_remaining"]) == (True, "0:00:00")


def test_status_prefers_the_lock_that_lasts(client, anne):
    services.acquire("acs", anne)
    expire(services.acquire("cos", anne))
    assert client.get("/lock_status/anne/").json()["name"] == "acs"
