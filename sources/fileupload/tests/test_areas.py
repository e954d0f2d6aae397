"""Pages of upload areas, without JavaScript."""

from __future__ import annotations

import os

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from fileupload.models import Draft
from fileupload.services import drafts, receiving

from .conftest import submitter


@pytest.fixture
def browser(user):
    client = Client()
    client.force_login(user)
    return client


def add(browser, *files, area="default", **fields):
    return browser.post(f"/upload/draft/{area}/add/", {
        "files": [SimpleUploadedFile(name, data) for name, data in files], **fields}, follow=True)


def test_plain_form_uploads_and_deletes(browser, folder):
    page = add(browser, ("a.fits", b"1"), ("bad;name", b"2"), ("x.r1h", b"3"))
    text = page.content.decode()
    assert sorted(os.listdir(folder)) == ["a.fits", "x.r1h"]
    assert "Uploaded: a.fits, x.r1h." in text and "Rename the file" in text
    assert "x.r1d is missing" in text
    page = browser.post("/upload/draft/default/remove/", {"names": ["a.fits"]}, follow=True)
    assert "Deleted: a.fits." in page.content.decode()
    assert os.listdir(folder) == ["x.r1h"]
    gone = browser.post("/upload/draft/default/remove/", {"names": ["a.fits"]})
    assert gone.status_code == 404


def test_back_to_the_page_of_the_form_and_nowhere_else(browser):
    for asked, led in (("/certify/?draft=", "/certify/?draft="), ("//example.invalid/", None),
                       ("https://example.invalid/", None), ("javascript:alert(1)", None)):
        response = browser.post("/upload/draft/default/add/", {
            "files": SimpleUploadedFile("a.fits", b"1"), "next": asked})
        assert response["Location"] == (led or "/upload/draft/default/")


def test_areas_are_made_shown_and_deleted(browser, user, folder):
    assert browser.post("/upload/drafts/create/", {"name": "darks.2026"}).status_code == 302
    add(browser, ("a.fits", b"1"), area="darks.2026")
    text = browser.get("/upload/drafts/").content.decode()
    assert "darks.2026" in text and "a.fits" in text and 'id="error_message"' not in text
    asked = browser.post("/upload/draft/darks.2026/delete/")
    assert "It still holds" in asked.content.decode() and (folder / "darks.2026").exists()
    browser.post("/upload/draft/darks.2026/delete/", {"confirmed": "yes"})
    assert not (folder / "darks.2026").exists()
    assert list(Draft.objects.filter(user=user).values_list("name", flat=True)) == [""]


def test_area_with_folders_of_its_own_is_not_deleted(browser, user):
    inner = drafts.folder(drafts.create(user, "two")) / "inner"
    inner.mkdir()
    (inner / "kept.fits").write_bytes(b"x")
    response = browser.post("/upload/draft/two/delete/", {"confirmed": "yes"})
    assert response.status_code == 409 and (inner / "kept.fits").exists()
    assert Draft.objects.filter(user=user, name="two").exists()


def test_names_are_shown_and_not_run(browser, folder):
    (folder / "<script>alert(1)<").write_bytes(b"x")
    (folder / "o\udcffdd").write_bytes(b"x")
    text = browser.get("/upload/draft/default/").content.decode()
    assert "<script>alert(1)" not in text and "&lt;script&gt;alert(1)" in text
    raw = "o\udcffdd".encode("utf-8", "surrogateescape").hex()
    browser.post("/upload/draft/default/remove/", {"raw": [raw]})
    assert os.listdir(folder) == ["<script>alert(1)<"]


def test_unfinished_upload_is_shown_and_cancelled(browser, draft):
    upload = receiving.begin(draft, "a.fits", 10)
    text = browser.get("/upload/draft/default/files/").content.decode()
    assert f'data-unfinished="{upload.pk}"' in text
    browser.post("/upload/draft/default/remove/", {"upload": str(upload.pk)})
    assert not upload.part.exists()


def test_areas_of_others_are_unknown(browser):
    drafts.create(submitter("bert"), "secret")
    assert browser.get("/upload/draft/secret/").status_code == 404
    assert browser.post("/upload/draft/secret/delete/").status_code == 404
