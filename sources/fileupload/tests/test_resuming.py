"""Uploads that resume: REST, the tus protocol, cuts, conflicts, full disks, kills."""

from __future__ import annotations

import base64
import errno
import hashlib
import io
import os
import threading
from datetime import timedelta

import pytest
from django.core.management import call_command
from django.db import connection
from django.test import Client
from django.utils import timezone

from accounts.services import tokens
from fileupload.models import Upload
from fileupload.services import drafts, incoming, receiving, removing, taking

from .conftest import submitter

PIECE = "application/offset+octet-stream"


class Program:
    """A program with a token."""

    def __init__(self, user):
        made = tokens.create(user, "test")
        self.token = made if isinstance(made, str) else made[1]
        self.client = Client()

    def __call__(self, method, path, body=b"", content_type="application/json", **headers):
        return self.client.generic(
            method, "/api/v1/" + path, body, content_type=content_type,
            headers={"Authorization": f"Bearer {self.token}", **{
                name.replace("_", "-"): value for name, value in headers.items()}})

    def begin(self, name, size, draft="default", sha1sum=""):
        body = f'{{"name": "{name}", "size": {size}, "sha1sum": "{sha1sum}"}}'
        return self("POST", f"drafts/{draft}/uploads", body.encode())

    def send(self, identifier, offset, data, **headers):
        return self("PATCH", f"uploads/{identifier}", data, PIECE, Upload_Offset=str(offset),
                    **headers)


@pytest.fixture
def program(user):
    return Program(user)


def sha1(data):
    return hashlib.sha1(data).hexdigest()


def test_upload_in_pieces(program, folder):
    data = os.urandom(1000)
    made = program.begin("a.fits", 1000, sha1sum=sha1(data))
    assert made.status_code == 201
    identifier = made.json()["id"]
    assert made["Location"].endswith(f"/api/v1/uploads/{identifier}")
    assert program.send(identifier, 0, data[:300])["Upload-Offset"] == "300"
    assert program("GET", f"uploads/{identifier}").json()["offset"] == 300
    head = program("HEAD", f"uploads/{identifier}")
    assert (head["Upload-Offset"], head["Upload-Length"]) == ("300", "1000")
    assert head["Cache-Control"] == "no-store"
    last = program.send(identifier, 300, data[300:])
    assert last.status_code == 204 and last["Upload-Sha1"] == sha1(data)
    state = program("GET", f"uploads/{identifier}").json()
    assert state["complete"] and state["sha1sum"] == sha1(data)
    assert (folder / "a.fits").read_bytes() == data
    [listed] = program("GET", "drafts/default/files").json()
    assert listed["sha1sum"] == sha1(data) and listed["complete"]
    assert program("DELETE", "drafts/default/files/a.fits").status_code == 204
    assert os.listdir(folder) == []


def test_tus_client(program, user):
    drafts.create(user, "two")
    options = program("OPTIONS", "uploads")
    assert options["Tus-Version"] == "1.0.0" and "checksum" in options["Tus-Extension"]
    encoded = base64.b64encode
    made = program(
        "POST", "uploads", Tus_Resumable="1.0.0", Upload_Length="5",
        Upload_Metadata=f"filename {encoded(b'a.fits').decode()},draft {encoded(b'two').decode()}")
    assert made.status_code == 201 and made["Tus-Resumable"] == "1.0.0"
    identifier = made["Location"].rsplit("/", 1)[1]
    wrong = program.send(identifier, 0, b"12345", Upload_Checksum="sha1 "
                         + encoded(hashlib.sha1(b"other").digest()).decode())
    assert wrong.status_code == 460
    assert program("HEAD", f"uploads/{identifier}")["Upload-Offset"] == "0"
    right = program.send(identifier, 0, b"12345", Upload_Checksum="sha1 "
                         + encoded(hashlib.sha1(b"12345").digest()).decode())
    assert right.status_code == 204
    assert [each.name for each in incoming.listing(drafts.get(user, "two"))] == ["a.fits"]
    assert program("HEAD", f"uploads/{identifier}", Tus_Resumable="0.2").status_code == 412


def test_wrong_sha1_is_not_kept(program, folder):
    identifier = program.begin("a.fits", 3, sha1sum=sha1(b"abc")).json()["id"]
    answer = program.send(identifier, 0, b"abd")
    assert answer.status_code == 422 and "upload it again" in answer.json()["detail"]
    assert os.listdir(folder) == [] and Upload.objects.count() == 0


@pytest.mark.parametrize("offset, body, status", [
    (1, b"x", 409), (0, b"x" * 11, 400), ("-1", b"x", 400), ("\u0661", b"x", 400)])
def test_pieces_that_do_not_fit(program, offset, body, status):
    identifier = program.begin("a.fits", 10).json()["id"]
    if offset == "\u0661":
        offset = "1e3"
    assert program.send(identifier, offset, body).status_code == status
    assert program("GET", f"uploads/{identifier}").json()["offset"] == 0


@pytest.mark.parametrize("name", ["\\ud800", "\\udcff", "\\u0000", "..", "a/b", "two", ""])
def test_names_that_cannot_be(program, user, name):
    drafts.folder(drafts.create(user, "two"))
    made = program.begin(name, 10)
    assert made.status_code in (400, 409) and made.json()["detail"]
    assert Upload.objects.count() == 0


@pytest.mark.parametrize("body", [
    b'{"name": "a", "size": -1}', b'{"name": "a", "size": 1e300}', b'{"name": "a"}', b"[]", b"{",
    b'{"name": "a", "size": 1, "sha1sum": "x"}', b'{"name": "a", "size": 99999999999999999999}'])
def test_announcements_that_make_no_sense(program, body):
    assert program("POST", "drafts/default/uploads", body).status_code in (400, 422)


def test_fingerprint_of_any_characters(program):
    made = program("POST", "drafts/default/uploads",
                   b'{"name": "a", "size": 1, "fingerprint": "\\ud800\\u0000\\udcff"}')
    assert made.status_code == 201


def test_others_and_strangers(program, user):
    identifier = program.begin("a.fits", 10).json()["id"]
    other = Program(submitter("eve"))
    for method in ("GET", "PATCH", "DELETE"):
        assert other(method, f"uploads/{identifier}", b"x", PIECE,
                     Upload_Offset="0").status_code == 404
    assert Client().get(f"/api/v1/uploads/{identifier}").status_code == 401
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(user)
    assert browser.delete(f"/api/v1/uploads/{identifier}").status_code == 403
    assert program("DELETE", f"uploads/{identifier}").status_code == 204
    assert program("GET", f"uploads/{identifier}").status_code == 404


class Breaking(io.BytesIO):
    """A connection that is reset at its end."""

    def read(self, size=-1):
        block = super().read(size)
        if not block:
            raise ConnectionResetError("reset")
        return block


@pytest.mark.parametrize("cut", [0, 1, 499, 1000 - 1])
def test_cut_at_any_byte_keeps_what_came(draft, folder, cut):
    data = os.urandom(1000)
    upload = receiving.begin(draft, "a.fits", 1000)
    with pytest.raises(receiving.Cut):
        receiving.append(upload, 0, Breaking(data[:cut]).read, 1000)
    assert receiving.progress(upload) == cut
    receiving.append(upload, cut, io.BytesIO(data[cut:]).read, 1000 - cut)
    assert (folder / "a.fits").read_bytes() == data


def test_hanging_request_does_not_hinder_the_next(draft, folder):
    """The old request still waits for bytes while a new one goes on; later it finds it is late."""
    data = os.urandom(3000)
    upload = receiving.begin(draft, "a.fits", 3000)

    class Hanging(io.BytesIO):
        def read(self, size=-1):
            block = super().read(1000)
            if block == data[1000:2000]:
                position = receiving.progress(upload)
                receiving.append(upload, position, io.BytesIO(data[1000:]).read, 2000)
            return block

    with pytest.raises(receiving.Gone):
        receiving.append(upload, 0, Hanging(data).read, 3000)
    assert (folder / "a.fits").read_bytes() == data


@pytest.mark.django_db(transaction=True)
def test_requests_at_once_never_mix(instance):
    """Threads send the same upload and others at once, until each file is there and whole."""
    users = [submitter("anna"), submitter("bert")]
    areas = [drafts.default(users[0]), drafts.create(users[0], "two"), drafts.default(users[1])]
    content = {area.pk: os.urandom(200_000) for area in areas}
    uploads = [receiving.begin(area, "a.fits", 200_000) for area in areas]
    faults = []

    def send(upload, data):
        try:
            upload = Upload.objects.select_related("draft__user").get(pk=upload.pk)
            while (offset := receiving.progress(upload)) < upload.size:
                try:
                    end = min(offset + 7000, upload.size)
                    receiving.append(
                        upload, offset, io.BytesIO(data[offset:end]).read, end - offset)
                except (receiving.Conflict, receiving.Gone):
                    upload.refresh_from_db()
        except BaseException as exc:
            faults.append(exc)
        finally:
            connection.close()

    threads = [threading.Thread(target=send, args=(upload, content[upload.draft_id]))
               for upload in uploads for _ in range(2)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert faults == []
    for area in areas:
        assert (drafts.folder(area) / "a.fits").read_bytes() == content[area.pk]
        assert [each.sha1sum for each in incoming.listing(area)] == [sha1(content[area.pk])]


def test_full_disk_keeps_what_came(draft, folder, monkeypatch):
    upload = receiving.begin(draft, "a.fits", 1000)
    receiving.append(upload, 0, io.BytesIO(b"x" * 400).read, 400)
    plain = os.pwrite

    def full(descriptor, data, offset):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "pwrite", full)
    with pytest.raises(receiving.ServiceError, match="disk of the server is full") as caught:
        receiving.append(upload, 400, io.BytesIO(b"x" * 600).read, 600)
    assert caught.value.status == 507
    monkeypatch.setattr(os, "pwrite", plain)
    assert receiving.progress(upload) == 400
    receiving.append(upload, 400, io.BytesIO(b"x" * 600).read, 600)
    assert (folder / "a.fits").stat().st_size == 1000


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("point", ["upload.whole", "upload.placed", "upload.finished"])
def test_killed_at_the_end_goes_on(user, draft, folder, tmp_path, point):
    data = os.urandom(5000)
    upload = receiving.begin(draft, "a.fits", 5000)
    receiving.append(upload, 0, io.BytesIO(data[:4000]).read, 4000)
    connection.close()
    pid = os.fork()
    if pid == 0:
        os.environ["CRDS_FAULT_POINT"] = point
        try:
            receiving.append(upload, 4000, io.BytesIO(data[4000:]).read, 1000)
        finally:
            os._exit(1)
    assert os.waitpid(pid, 0)[1] == 9
    again = receiving.get(user, upload.pk)
    assert receiving.progress(again) == 5000
    assert again.sha1sum == sha1(data)
    [taken] = taking.take(draft, tmp_path / "taken")
    assert taken.path.read_bytes() == data and taken.sha1sum == sha1(data)
    assert [each.complete for each in incoming.listing(draft)] == [True]
    removing.sweep(days=0)
    assert list(upload.part.parent.glob("*.part")) == []


def test_sweep_takes_only_what_is_old(draft, instance, capsys):
    old, young = (receiving.begin(draft, name, 10) for name in ("old.fits", "young.fits"))
    orphan = instance.uploads / "orphan.part"
    orphan.write_bytes(b"x")
    for path in (old.part, orphan):
        os.utime(path, (0, 0))
    Upload.objects.filter(pk=old.pk).update(created_at=timezone.now() - timedelta(days=30))
    call_command("clear_uploads")
    assert "1 unfinished" in capsys.readouterr().out
    assert not old.part.exists() and not orphan.exists() and young.part.exists()
    assert list(Upload.objects.all()) == [young]


def test_drafts_by_rest(program, user):
    assert program("POST", "drafts", b'{"name": "two"}').status_code == 201
    assert program("POST", "drafts", b'{"name": "two"}').status_code == 409
    for name in ("", "..", "a/b", "default", "x" * 65, ".x"):
        assert program("POST", "drafts", f'{{"name": "{name}"}}'.encode()).status_code == 400
    program.begin("a.fits", 0, draft="two")
    assert program("DELETE", "drafts/two").status_code == 409
    assert program("DELETE", "drafts/two?with_files=true").status_code == 204
    assert [each["name"] for each in program("GET", "drafts").json()] == ["default"]
    assert program("DELETE", "drafts/default").status_code == 400


