"""Contract 4.5, request by request; the real client is in test_live."""

from __future__ import annotations

import hashlib
import os

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from fileupload.models import Received, Upload
from fileupload.services import drafts, incoming, taking

from .conftest import submitter

CHUNK = 1000


@pytest.fixture
def browser(user):
    return signed_in(user)


def signed_in(user, **options) -> Client:
    client = Client(**options)
    client.force_login(user)
    return client


def post(client: Client, name: str, data: bytes, content_range: str = ""):
    headers = {"Content-Range": content_range} if content_range else {}
    return client.post("/upload/chunked/", {"files": SimpleUploadedFile(name, data)},
                       headers=headers)


def pieces(data: bytes):
    for start in range(0, len(data), CHUNK):
        part = data[start:start + CHUNK]
        yield part, f"bytes {start}-{start + len(part) - 1}/{len(data)}"


def listed(client: Client) -> dict:
    return {each["name"]: each for each in client.get("/upload/list/").json()["files"]}


def test_small_file(browser, draft, folder):
    response = post(browser, "a.fits", b"some bytes")
    assert response.status_code == 200 and "csrftoken" in response.cookies
    info = listed(browser)["a.fits"]
    assert info["size"] == 10 and info["deleteUrl"].startswith("/upload/delete/")
    assert {"url", "type", "deleteType"} <= set(info)
    [each] = incoming.listing(draft)
    assert each.complete and each.sha1sum == hashlib.sha1(b"some bytes").hexdigest()


def test_pieces_in_order(browser, draft, folder):
    data = os.urandom(3 * CHUNK + 17)
    for part, content_range in pieces(data):
        response = post(browser, "a.fits", part, content_range)
        assert response.status_code == 200 and "csrftoken" in response.cookies
    assert (folder / "a.fits").read_bytes() == data
    assert listed(browser)["a.fits"]["size"] == len(data)


def test_file_of_one_whole_piece_and_of_none(browser, folder):
    post(browser, "a.fits", b"x" * CHUNK, f"bytes 0-{CHUNK - 1}/{CHUNK}")
    post(browser, "empty.dat", b"")
    assert {name: info["size"] for name, info in listed(browser).items()} == {
        "a.fits": CHUNK, "empty.dat": 0}


def test_first_piece_truncates_and_a_repeated_one_takes_its_place(browser, folder):
    data = os.urandom(3 * CHUNK)
    parts = list(pieces(data))
    post(browser, "a.fits", os.urandom(CHUNK), parts[0][1])
    post(browser, "a.fits", os.urandom(CHUNK), parts[1][1])
    post(browser, "a.fits", *parts[0])
    post(browser, "a.fits", os.urandom(CHUNK), parts[1][1])
    post(browser, "a.fits", *parts[1])
    assert not (folder / "a.fits").exists()
    post(browser, "a.fits", *parts[2])
    assert (folder / "a.fits").read_bytes() == data
    assert Upload.objects.filter(finished_at=None).count() == 0


def test_stopped_upload_blocks_the_submission_until_it_is_done_again(
        browser, draft, folder, tmp_path):
    data = os.urandom(2 * CHUNK)
    parts = list(pieces(data))
    post(browser, "a.fits", *parts[0])
    info = listed(browser)["a.fits"]
    assert info["size"] == CHUNK
    with pytest.raises(taking.Unready, match="still being uploaded"):
        taking.take(draft, tmp_path / "taken")
    other = signed_in(draft.user)
    for part in parts:
        post(other, "a.fits", *part)
    [taken] = taking.take(draft, tmp_path / "taken")
    assert taken.path.read_bytes() == data


def test_stopped_upload_can_be_wiped(browser, draft):
    post(browser, "a.fits", b"x" * CHUNK, f"bytes 0-{CHUNK - 1}/{2 * CHUNK}")
    assert browser.get(listed(browser)["a.fits"]["deleteUrl"]).status_code == 200
    assert listed(browser) == {} and incoming.listing(draft) == []


@pytest.mark.parametrize("content_range", [
    "bytes 0-5/3", "bytes 5-0/9", "bytes 0-999/1000000", "items 0-1/2", "bytes */5", "",
    "bytes 1000-1999/2000", "bytes 99999999999999999999-1/2"])
def test_wrong_ranges_are_refused_and_said(browser, folder, content_range):
    response = browser.post("/upload/chunked/", {"files": SimpleUploadedFile("a.fits", b"12345")},
                            headers={"Content-Range": content_range})
    assert response.status_code in (400, 409)
    assert response.json()["detail"] and "csrftoken" in response.cookies
    assert os.listdir(folder) == []


@pytest.mark.parametrize("name", [".hidden", "a\u00e9.fits", "a;b.fits", "a" * 129, "$(x).fits"])
def test_names_that_cannot_be(browser, folder, name):
    response = post(browser, name, b"x")
    assert response.status_code == 400
    assert "Rename the file" in response.json()["detail"]
    assert os.listdir(folder) == []


def test_paths_in_names_lead_nowhere(browser, folder, instance):
    post(browser, "../../../../tmp/evil.fits", b"x")
    assert [path.parent for path in instance.root.rglob("evil.fits")] == [folder]


def test_links_are_for_one_session_and_one_file(browser, user, folder):
    post(browser, "a.fits", b"1")
    link = listed(browser)["a.fits"]["deleteUrl"]
    assert signed_in(user).get(link).status_code == 404
    assert signed_in(submitter("eve")).get(link).status_code == 404
    post(browser, "a.fits", b"2")
    assert browser.get(link).status_code == 409
    assert (folder / "a.fits").read_bytes() == b"2"
    fresh = listed(browser)["a.fits"]["deleteUrl"]
    assert browser.get(fresh).status_code == 200
    assert browser.get(fresh).status_code == 200
    assert os.listdir(folder) == []


def test_addresses_go_without_the_prefix(browser):
    post(browser, "a.fits", b"1")
    [info] = browser.get("/upload/list/", SCRIPT_NAME="/hst").json()["files"]
    assert info["deleteUrl"].startswith("/upload/delete/")


def test_odd_entries_can_be_wiped_and_are_not_followed(browser, folder, tmp_path):
    kept = tmp_path / "kept"
    kept.write_bytes(b"x")
    os.symlink(kept, folder / "link.fits")
    (folder / "o\udcffdd").write_bytes(b"x")
    for info in listed(browser).values():
        browser.get(info["deleteUrl"])
    assert os.listdir(folder) == [] and kept.exists()


def test_only_submitters(db, instance, django_user_model):
    for path in ("/upload/list/", "/upload/chunked/", "/upload/drafts/"):
        assert Client().get(path).status_code == 302
    nobody = django_user_model.objects.create_user("nobody")
    assert signed_in(nobody).get("/upload/list/").status_code == 403
    assert post(signed_in(nobody), "a.fits", b"1").status_code == 403
    assert os.listdir(instance.uploads) == []


def test_form_without_csrf_leaves_nothing(user, folder, instance, settings):
    settings.FILE_UPLOAD_MAX_MEMORY_SIZE = 10
    strict = signed_in(user, enforce_csrf_checks=True)
    assert post(strict, "a.fits", b"x" * 5000).status_code == 403
    token = strict.get("/upload/chunked/").cookies["csrftoken"].value
    assert list(instance.uploads.glob("*.part")) == [] and os.listdir(folder) == []
    response = strict.post("/upload/chunked/", {
        "files": SimpleUploadedFile("a.fits", b"x" * 5000), "csrfmiddlewaretoken": token})
    assert response.status_code == 200
    assert Received.objects.get().sha1sum == hashlib.sha1(b"x" * 5000).hexdigest()
    assert list(instance.uploads.glob("*.part")) == []


def test_too_much_is_refused_before_it_comes(browser, folder, settings):
    settings.UPLOAD_QUOTA_GB = 1e-6
    response = post(browser, "a.fits", b"x" * CHUNK, f"bytes 0-{CHUNK - 1}/5000000")
    assert response.status_code == 413
    settings.UPLOAD_QUOTA_GB, settings.UPLOAD_RESERVE_GB = 0, 1e9
    response = post(browser, "a.fits", b"x" * CHUNK, f"bytes 0-{CHUNK - 1}/5000000")
    assert response.status_code == 507
    assert os.listdir(folder) == [] and Upload.objects.count() == 0


def test_two_people_and_two_sessions_never_mix(user):
    """Pieces of four uploads of one name, in turn; every file is one of those sent."""
    other = submitter("bert")
    sent = [(each, os.urandom(3 * CHUNK)) for each in (user, user, other, other)]
    senders = [(signed_in(each), list(pieces(data))) for each, data in sent]
    for number in range(3):
        for client, parts in senders:
            assert post(client, "a.fits", *parts[number]).status_code == 200
    for owner in (user, other):
        there = (drafts.folder(drafts.default(owner)) / "a.fits").read_bytes()
        assert there in [data for each, data in sent if each == owner]
