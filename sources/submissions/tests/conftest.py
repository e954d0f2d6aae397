"""A submitter with an upload area, and jobs that run in the process of the test."""

from __future__ import annotations

import os
import shutil
import sqlite3

import pytest
from django.contrib.auth import get_user_model
from django.db import connection

from accounts.models import Grant, Role
from submissions.tests.helpers import Desk


@pytest.fixture(autouse=True)
def kinds_are_known():
    from jobs import kinds

    kinds._discover()


@pytest.fixture
def people(db):
    """``people("olga", "operator")``: a user with a role."""
    def make(name: str, role: str = Role.SUBMITTER, instrument: str = ""):
        user = get_user_model().objects.create_user(
            name, f"{name}@example.invalid", "a long password")
        Grant.objects.create(user=user, role=role, instrument=instrument)
        return user

    return make


@pytest.fixture
def submitter(people):
    return people("sara")


@pytest.fixture(scope="session")
def kept_content(tmp_path_factory):
    """Where the demonstration content is kept once it was imported; of SQLite alone."""
    return tmp_path_factory.mktemp("kept-content")


@pytest.fixture
def content(transactional_db, instance, demo_cache, kept_content):
    """The demonstration content of HST, imported once and copied for each test."""
    import conftest

    source = demo_cache("hst")
    if connection.vendor != "sqlite":
        return conftest.import_demo("hst", demo_cache)
    store, rows = kept_content / "file_cache", kept_content / "rows.sqlite3"
    if rows.exists():
        conftest.rules_of(source)
        shutil.copytree(store, instance.file_cache, copy_function=os.link, dirs_exist_ok=True)
        copy_rows(rows, connection.settings_dict["NAME"])
    else:
        conftest.import_demo("hst", demo_cache)
        shutil.copytree(instance.file_cache, store, copy_function=os.link)
        copy_rows(connection.settings_dict["NAME"], rows)
    return None


def copy_rows(source, target):
    connection.close()
    with sqlite3.connect(source) as one, sqlite3.connect(target) as other:
        one.backup(other)
    one.close()
    other.close()


@pytest.fixture
def desk(content, submitter, settings):
    """The submitter's desk on the demonstration content of HST."""
    settings.UPLOAD_SETTLE_SECONDS = 0
    return Desk(submitter)
