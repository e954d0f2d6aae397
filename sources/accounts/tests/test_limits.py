"""Attempts to log in are limited, and nobody can lock an owner out for good."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.models import Attempts
from accounts.services import limits, tokens

from .conftest import PASSWORD

pytestmark = pytest.mark.django_db

HOME, AWAY = "192.0.2.7", "198.51.100.7"


@pytest.fixture
def anne(people):
    return people("anne")


def login(client, password: str, name: str = "anne", address: str = AWAY) -> str:
    """What is said of the failure; empty for success."""
    response = client.post("/login/", {"username": name, "password": password},
                           REMOTE_ADDR=address)
    if response.status_code == 302:
        client.logout()
        return ""
    return re.search(r'<div id="error_message">([^<]+)</div>', response.content.decode())[1]


def later(span: timedelta) -> None:
    """As if ``span`` had passed."""
    for row in Attempts.objects.all():
        row.last_at -= span
        row.blocked_until = row.blocked_until and row.blocked_until - span
        row.save()


def fail(client, times: int, **who) -> str:
    for _ in range(times):
        said = login(client, "wrong", **who)
    return said


def test_after_some_failures_even_the_right_password_waits(client, anne):
    assert "do not fit" in fail(client, limits.PAIR.free)
    said = login(client, PASSWORD)
    assert re.search(r"Try again at \d\d:\d\d:\d\d UTC, in 1\d seconds", said)
    later(limits.FIRST)
    assert login(client, PASSWORD) == ""
    assert fail(client, limits.PAIR.free).startswith("User name")


def test_waits_double_up_to_the_longest(client, anne):
    fail(client, limits.PAIR.free)
    waits = []
    for _ in range(8):
        row = Attempts.objects.exclude(blocked_until=None).get()
        waits.append(round((row.blocked_until - row.last_at).total_seconds()))
        later(timedelta(seconds=waits[-1]))
        fail(client, 1)
    assert waits == [15, 30, 60, 120, 240, 480, 900, 900]


def test_other_people_and_networks_are_not_touched(client, anne, people):
    people("bob")
    fail(client, limits.PAIR.free + 1)
    assert login(client, PASSWORD, name="bob") == ""
    assert login(client, PASSWORD, address=HOME) == ""
    assert "Too many" in login(client, PASSWORD, address="198.51.100.99")


def test_mail_address_and_name_are_one_account(client, anne):
    fail(client, limits.PAIR.free - 1)
    fail(client, 1, name="anne@example.invalid")
    assert "Too many" in login(client, PASSWORD)


def test_one_network_trying_many_names_has_to_wait(client, anne, people):
    for number in range(limits.NETWORK.free):
        fail(client, 1, name=f"nobody{number}")
    assert "Too many" in login(client, PASSWORD)


def test_strangers_everywhere_do_not_lock_the_owner_out(client, anne):
    assert login(client, PASSWORD, address=HOME) == ""
    for number in range(limits.ACCOUNT.free):
        fail(client, 1, address=f"203.0.{number}.1")
    assert "Too many" in login(client, PASSWORD, address="203.0.99.1")
    # Where the owner was before, and with a token.
    assert login(client, PASSWORD, address=HOME) == ""
    _, text = tokens.create(anne)
    assert login(client, text, address="203.0.99.1") == ""


def test_wrong_tokens_are_limited_too(client, anne, monkeypatch):
    monkeypatch.setattr(limits, "TOKEN", limits.Count("token", 3))
    _, text = tokens.create(anne)
    wrong = text[:-1] + ("a" if text[-1] != "a" else "b")
    assert "do not fit" in [login(client, wrong) for _ in range(3)][-1]
    assert "Too many" in login(client, wrong)
    assert login(client, text) == ""


def test_failures_are_forgotten_and_rows_with_them(client, anne):
    fail(client, limits.PAIR.free - 1)
    later(limits.FORGET)
    assert "do not fit" in fail(client, limits.PAIR.free - 1)
    assert login(client, PASSWORD) == ""
    later(limits.FORGET + limits.LONGEST)
    limits.forget(timezone.now())
    # What is known of the owner's network stays.
    assert Attempts.objects.get().succeeded_at is not None


def test_many_at_once_do_not_slip_through(anne):
    """Attempts are charged before the password is looked at."""
    for _ in range(limits.PAIR.free):
        limits.charge("anne", "198.51.100.0/24")
    with pytest.raises(limits.TooManyAttempts):
        limits.charge("anne", "198.51.100.0/24")


def test_rows_do_not_tell_names(client, anne):
    fail(client, 1, name="my password by mistake")
    assert "mistake" not in str(list(Attempts.objects.values()))
    fail(client, 1, name="x" * 254)
    fail(client, 1, name="\U0001f600'\"")
