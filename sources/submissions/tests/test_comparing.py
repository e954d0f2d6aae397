"""Difference Files with uploads."""

from __future__ import annotations

import shutil

import pytest
from django.contrib.auth import get_user_model

from accounts.models import Grant, Role
from fileupload.services import drafts
from interactive.services import store
from jobs import execution, leases

from .helpers import changed_copy, demo_reference

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def folder(hst_demo, client):
    """The default upload area of who is signed in at ``client``."""
    user = get_user_model().objects.create_user("sara", password="a long password")
    Grant.objects.create(user=user, role=Role.SUBMITTER)
    client.force_login(user)
    return drafts.folder(drafts.default(user))


def difference(client, old: str, upload: str):
    """The page of the difference, after its job."""
    address = f"/difference/?old={old}&new_mode=uploaded&new_upload=/{upload}"
    first = client.get(address)
    assert first.status_code == 200 and "being computed" in first.content.decode()
    while job := leases.claim("test:1:0"):
        execution.run(job)
    return client.get(address).content.decode()


def test_uploads_are_compared_with_published_files(client, folder):
    name = demo_reference("acs", "darkfile")
    changed_copy(name, folder / "mine.fits", TELESCOP="HST")
    text = difference(client, name, "mine.fits")
    assert "Header cards" in text and "HISTORY" in text

    rules = "hst_acs_darkfile_0001.rmap"
    shutil.copyfile(store.path(rules), folder / rules)
    written = (folder / rules).read_text()
    gone = next(line for line in written.splitlines() if "_drk.fits'" in line)
    (folder / rules).write_text(written.replace(gone + "\n", "", 1))
    text = difference(client, rules, rules)
    assert "deleted" in text and "Text difference" in text

    answer = client.get(f"/difference/?old={rules}&new_mode=uploaded&new_upload=/mine.fits")
    assert "different kinds" in answer.content.decode()
