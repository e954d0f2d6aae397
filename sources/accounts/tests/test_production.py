"""What the settings of dev, test and ops say about sessions, cookies and passwords."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from config import CHECKOUT
from settings import scratch

PROGRAM = """
import json
from django.conf import settings
from django.core.management import call_command
call_command("check", "--deploy", "--fail-level", "WARNING")
print(json.dumps({name: getattr(settings, name) for name in (
    "SESSION_COOKIE_SECURE", "SESSION_COOKIE_HTTPONLY", "CSRF_COOKIE_SECURE", "LOGIN_NEEDS_TLS",
    "SECURE_SSL_REDIRECT", "CSRF_COOKIE_NAME", "CSRF_USE_SESSIONS", "DEBUG")}))
"""


@pytest.fixture(scope="module")
def settings_of_ops(tmp_path_factory) -> dict:
    """After ``check --deploy`` found nothing, in a process of its own on an instance for ops."""
    root = tmp_path_factory.mktemp("ops") / "instance"
    scratch.make_instance("hst", root, "ops")
    environment = {
        **{name: value for name, value in os.environ.items()
           if not name.startswith(("CRDS_", "DJANGO_"))},
        "CRDS_ROOT": str(root), "DJANGO_SETTINGS_MODULE": "settings",
        "PYTHONPATH": str(CHECKOUT / "sources")}
    manage = Path(CHECKOUT) / "sources" / "manage.py"
    done = subprocess.run(
        [sys.executable, str(manage), "shell", "-v0", "-c", PROGRAM], env=environment,
        capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_cookies_and_passwords_need_tls(settings_of_ops):
    assert settings_of_ops["SESSION_COOKIE_SECURE"] and settings_of_ops["CSRF_COOKIE_SECURE"]
    assert settings_of_ops["SESSION_COOKIE_HTTPONLY"] and settings_of_ops["LOGIN_NEEDS_TLS"]
    assert not settings_of_ops["DEBUG"]


def test_clients_find_what_they_read(settings_of_ops):
    """The cookie of the client's own name, and no redirect of its calls (contract 1.2, 4.4)."""
    assert settings_of_ops["CSRF_COOKIE_NAME"] == "csrftoken"
    assert not settings_of_ops["CSRF_USE_SESSIONS"]
    assert not settings_of_ops["SECURE_SSL_REDIRECT"]
