"""tools/accounts: accounts from the command line."""

from __future__ import annotations

import io

import pytest
from django.contrib.auth import get_user_model
from django.core.management import CommandError, call_command

from accounts.services import roles, tokens
from interactive.models import AuditRecord
from locking import services as locking

pytestmark = pytest.mark.django_db


@pytest.fixture
def run(monkeypatch):
    """``run("list")``: what the command printed; standard input is what is given."""
    def accounts(*arguments, stdin: str = "") -> str:
        monkeypatch.setattr("sys.stdin", io.StringIO(stdin))
        out = io.StringIO()
        call_command("accounts", *arguments, stdout=out)
        return out.getvalue()

    return accounts


def add(run, name="anne", *more, stdin="a good password\n"):
    return run("add", name, "--role", "submitter", "--email", f"{name}@example.invalid", *more,
               stdin=stdin)


def user(name="anne"):
    return get_user_model().objects.get(username=name)


def test_add_takes_the_password_from_standard_input(run):
    assert "added as submitter" in add(run)
    assert user().check_password("a good password")
    assert roles.has(user(), "submitter", "") and not roles.has(user(), "operator")


def test_add_for_one_instrument(run):
    add(run, "anne", "--instrument", "ACS")
    assert roles.has(user(), "submitter", "acs") and not roles.has(user(), "submitter", "cos")


@pytest.mark.parametrize("arguments, stdin, words", [
    (["anne"], "a good password", "already"),
    (["ANNE"], "a good password", "already"),
    (["bob"], "", "no password on standard input"),
    (["bob"], "short1", "too short"),
    (["bob"], "bob@example.invalid", "similar"),
    (["b b", "--email", "b@example.invalid"], "a good password", "username"),
    (["bob", "--email", "anne@example.invalid"], "a good password", "mail address"),
    (["bob", "--email", "nonsense"], "a good password", "no mail address"),
    (["bob", "--instrument", "../x"], "a good password", "instrument"),
])
def test_add_refuses(run, arguments, stdin, words):
    add(run)
    with pytest.raises(CommandError, match=words):
        add(run, *arguments, stdin=stdin)
    assert get_user_model().objects.count() == 1


def test_roles(run):
    add(run)
    assert "operator" in run("role", "anne", "operator")
    assert [grant.role for grant in roles.of(user())] == ["operator"]
    run("role", "anne", "submitter", "--instrument", "acs")
    assert "operator, submitter (acs)" in run("list")
    run("role", "anne", "administrator")
    assert user().is_staff
    with pytest.raises(CommandError, match="does not have the role operator"):
        run("role", "anne", "operator", "--remove")
    run("role", "anne", "administrator", "--remove")
    assert not user().is_staff
    with pytest.raises(CommandError, match="no account"):
        run("role", "nobody", "operator")


def test_a_token_is_all_that_is_printed(run):
    add(run)
    text = run("token", "anne", "--label", "nightly").strip()
    assert tokens.recognise(text).user == user()
    listed = run("list")
    assert "nightly" in listed and text not in listed
    assert "1 token revoked" in run("revoke-token", "anne", "--all")
    text = run("token", "anne").strip()
    run("revoke-token", "anne", text[:13])
    assert tokens.recognise(text) is None


def test_disable_and_enable(run):
    add(run)
    text = run("token", "anne").strip()
    locking.acquire("acs", user())
    run("disable", "anne", "--reason", "left the team")
    assert not user().is_active and locking.holder("acs") is None
    assert "DISABLED" in run("list")
    with pytest.raises(CommandError, match="disabled"):
        run("token", "anne")
    run("enable", "anne")
    assert user().is_active and tokens.recognise(text) is None


def test_password(run):
    add(run, "anne", "--no-password")
    assert not user().has_usable_password()
    run("password", "anne", stdin="another password\n")
    assert user().check_password("another password")


def test_everything_is_audited(run):
    add(run)
    run("role", "anne", "operator")
    run("token", "anne")
    run("disable", "anne")
    records = AuditRecord.objects.order_by("pk")
    assert list(records.values_list("action", flat=True)) == [
        "add account", "grant role", "grant role", "revoke role", "create token", "revoke token",
        "disable account"]
    assert all(record.user.startswith("tools/accounts") for record in records)
    assert all(record.details["account"] == "anne" for record in records)
