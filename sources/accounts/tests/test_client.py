"""The connection of the real client against a server of its own process."""

from __future__ import annotations

import textwrap

import pytest

from tests.live import LiveServer

PEOPLE = """
from accounts.services import accounts, tokens
from locking import services
anne = accounts.add("anne", email="anne@example.invalid", password="correct horse",
                    role="submitter", by="test")
bob = accounts.add("bob", email="bob@example.invalid", password="battery staple",
                   role="submitter", by="test")
services.acquire("cos", bob)
open({path!r}, "w").write(tokens.create(anne)[1])
"""

#: What ``crds submit`` does first, with its own classes.
PROGRAM = """
from crds.core import log
from crds.core.exceptions import CrdsWebError
from crds.submit import web
name, password, instrument = {arguments!r}
connection = web.CrdsDjangoConnection(
    locked_instrument=instrument, username=name, password=password, base_url={url!r})
connection.fail_if_existing_lock()
try:
    connection.login()
except CrdsWebError:
    print("REFUSED")
else:
    print("IN", connection.get("/lock_status/" + name + "/").json()["name"])
    print("COOKIE", bool(connection.get("/account/").cookies["csrftoken"]))
    if {logout}:
        connection.logout()
        print("OUT", connection.get("/lock_status/" + name + "/").json()["name"] == "")
"""


@pytest.fixture(scope="module")
def server(make_instance, tmp_path_factory):
    """A server with two people; bob has locked COS; and a token of anne."""
    root = make_instance("hst")
    token = tmp_path_factory.mktemp("token") / "token"
    with LiveServer(root, "hst") as running:
        running.shell(PEOPLE.format(path=str(token)))
        yield running, token.read_text()


def client(server, tmp_path, name: str, password: str, instrument: str, *, logout: bool = False):
    running = server[0]
    program = textwrap.dedent(PROGRAM).format(
        arguments=(name, password, instrument), url=running.url, logout=logout)
    return running.client(tmp_path).python(program)


def test_login_with_password_locks_and_logout_releases(server, tmp_path):
    done = client(server, tmp_path, "anne", "correct horse", "acs", logout=True)
    assert done.out.split("\n")[:3] == ["IN acs", "COOKIE True", "OUT True"], done.text


def test_login_with_token_and_mail_address(server, tmp_path):
    done = client(server, tmp_path, "anne@example.invalid", server[1], "none")
    assert done.out.startswith("IN \nCOOKIE True"), done.text


@pytest.mark.parametrize("password, instrument, words", [
    ("wrong", "none", "do not fit together"),
    ("correct horse", "cos", "Instrument 'cos' is locked by user 'bob' until"),
])
def test_the_client_reports_why_a_login_failed(server, tmp_path, password, instrument, words):
    done = client(server, tmp_path, "anne", password, instrument)
    assert done.out.strip() == "REFUSED", done.text
    assert "Error logging into the CRDS Server" in done.err or "CRDS server error" in done.err
    assert words in done.err

