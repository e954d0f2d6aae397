"""A submitter with an upload area, and jobs that run in the process of the test."""

from __future__ import annotations

import pytest
from django.contrib.auth import get_user_model

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


@pytest.fixture
def desk(hst_demo, submitter):
    """The submitter's desk on the demonstration content of HST."""
    return Desk(submitter)


@pytest.fixture(autouse=True, scope="session")
def upload_area():
    try:
        import fileupload.services.taking  # noqa: F401
    except ImportError:
        from submissions.tests import upload_area

        upload_area.install()
