"""Bytes in the store: in, never over, never out of the allowed folders."""

from __future__ import annotations

import errno
import hashlib
import os

import pytest
from django.db import transaction

from common.errors import BadRequest
from interactive.models import AuditRecord, CatalogFile, CatalogRevision
from interactive.services import audit, revision, store

pytestmark = pytest.mark.django_db

NAME = "v8q14451j_idc.fits"


@pytest.fixture
def source(tmp_path, instance):
    path = tmp_path / "source"
    path.write_bytes(b"content")
    return path


def catalog(name: str = NAME, **fields) -> None:
    fields = {"state": "archived", "stored": True, "type": "reference", "extension": ".fits",
              "observatory": "hst", **fields}
    CatalogFile.objects.create(name=name, **fields)


def left() -> list[str]:
    """Everything in the folder of references."""
    return sorted(os.listdir(store.folder_for(NAME)))


def test_folders(instance):
    assert store.folder_for("hst_0001.pmap") == instance.file_cache / "mappings" / "hst"
    assert store.folder_for(NAME) == instance.file_cache / "references" / "hst"


@pytest.mark.parametrize("name", ["", "..", "../x", "a/b.fits", ".x", "a\0b", "/etc/passwd"])
def test_names_that_lead_elsewhere(instance, name):
    with pytest.raises(BadRequest):
        store.folder_for(name)
    assert store.path(name) is None


@pytest.mark.parametrize("link", [False, True])
def test_bytes_are_there_and_read_only_or_shared(source, link):
    placed = store.place(source, NAME, link=link)
    assert placed.read_bytes() == b"content"
    assert placed.samefile(source) == link
    assert link or placed.stat().st_mode & 0o777 == 0o444
    assert left() == [NAME]


def test_only_published_stored_files_are_given_out(source):
    store.place(source, NAME)
    assert store.path(NAME) is None
    catalog(state="uploaded")
    assert store.path(NAME) is None
    CatalogFile.objects.update(state="archived", stored=False)
    assert store.path(NAME) is None
    CatalogFile.objects.update(stored=True)
    assert store.path(NAME).read_bytes() == b"content"
    assert store.mapping_path(NAME) is None


def test_the_same_again_is_harmless(source):
    store.place(source, NAME)
    first = store.location(NAME).stat()
    store.place(source, NAME)
    assert store.location(NAME).stat().st_ino == first.st_ino


@pytest.mark.parametrize("link", [False, True])
def test_other_content_is_refused(source, tmp_path, link):
    store.place(source, NAME)
    other = tmp_path / "other"
    other.write_bytes(b"other")
    with pytest.raises(store.ContentConflict):
        store.place(other, NAME, link=link)
    assert store.location(NAME).read_bytes() == b"content"
    assert left() == [NAME]


@pytest.mark.parametrize("link", [False, True])
def test_the_checksum_is_checked(source, link):
    good = hashlib.sha1(b"content").hexdigest()
    with pytest.raises(store.StoreError, match="not those that were expected"):
        store.place(source, NAME, sha1sum="0" * 40, link=link)
    assert left() == []
    assert store.place(source, NAME, sha1sum=good, link=link)


@pytest.mark.parametrize(("number", "part"), [(errno.ENOSPC, "is full"), (errno.EIO, "error")])
def test_a_failing_disk_leaves_nothing(source, monkeypatch, number, part):
    def fail(*_, **__):
        raise OSError(number, os.strerror(number))

    with monkeypatch.context() as patch, pytest.raises(store.StoreError, match=part):
        patch.setattr(store.os, "link", fail)
        store.place(source, NAME)
    assert left() == []


def test_a_missing_source(instance, tmp_path):
    with pytest.raises(store.StoreError, match="No such file"):
        store.place(tmp_path / "nothing", NAME)


def test_links_lead_to_allowed_folders_only(source, tmp_path, settings):
    catalog()
    outside = tmp_path / "archive"
    outside.mkdir()
    (outside / "bytes").write_bytes(b"content")
    folder = store.folder_for(NAME)
    folder.mkdir(parents=True)
    (folder / NAME).symlink_to(outside / "bytes")
    assert store.path(NAME) is None
    settings.STORE_ROOTS = [outside]
    assert store.path(NAME) == (outside / "bytes").resolve()
    (folder / NAME).unlink()
    (folder / NAME).symlink_to(folder / NAME)
    assert store.path(NAME) is None


def test_leftovers_of_dead_processes_only_are_removed(instance):
    folder = store.folder_for(NAME)
    folder.mkdir(parents=True)
    dead = folder / f"{store.TEMPORARY}999999999-ab"
    alive = folder / f"{store.TEMPORARY}{os.getpid()}-ab"
    for path in (dead, alive):
        path.touch()
    assert store.remove_leftovers() == 1
    assert alive.exists() and not dead.exists()


def test_text_is_replaced_in_one_step(instance, monkeypatch):
    path = store.config_folder() / "bad_files.txt"
    store.write_text(path, "one")

    def fail(*_):
        raise OSError(errno.ENOSPC, "full")

    with monkeypatch.context() as patch, pytest.raises(store.StoreError):
        patch.setattr(store.os, "replace", fail)
        store.write_text(path, "two")
    assert path.read_text() == "one"
    assert [entry.name for entry in path.parent.iterdir()] == ["bad_files.txt"]


# ---- revision and audit ---------------------------------------------------------


def test_revision_counts_changes():
    first = revision.current()
    with transaction.atomic():
        assert revision.bump() == first + 1
    assert revision.current() == first + 1


def test_revision_without_its_row():
    CatalogRevision.objects.all().delete()
    assert revision.current() == 0
    CatalogRevision.objects.all().delete()
    assert revision.bump() == 1


def test_audit(django_user_model):
    user = django_user_model.objects.create(username="somebody")
    audit.record("set context", user=user, file="hst_0001.pmap", why="a test", old="x")
    row = AuditRecord.objects.get()
    assert (row.user, row.action, row.file, row.why, row.details) == (
        "somebody", "set context", "hst_0001.pmap", "a test", {"old": "x"})
    audit.record("import", user="system")
    assert AuditRecord.objects.count() == 2
