"""Copies of a submission's own, and removal of what was published, whatever happens meanwhile."""

from __future__ import annotations

import hashlib
import os
import uuid

import pytest
from django.conf import settings

from common.errors import ServiceError
from fileupload.services import drafts, incoming, names, placing, taking


def sha1(data: bytes) -> str:
    return hashlib.sha1(data).hexdigest()


def arrive(draft, name: str, data: bytes):
    """A file that came through the server."""
    part = settings.INSTANCE.uploads / f"{uuid.uuid4()}.part"
    part.write_bytes(data)
    return placing.place(draft, name, part, sha1(data))


@pytest.fixture
def target(tmp_path):
    return tmp_path / "submission"


def test_uploaded_file_is_linked_and_stays_what_it_was(draft, folder, target):
    arrive(draft, "a.fits", b"first")
    [taken] = taking.take(draft, target)
    assert os.stat(taken.path).st_ino == os.stat(folder / "a.fits").st_ino
    arrive(draft, "a.fits", b"second, longer")
    assert taken.path.read_bytes() == b"first"
    assert (taken.sha1sum, taken.size) == (sha1(b"first"), 5)
    assert sorted(os.listdir(target)) == ["a.fits"]


def test_dropped_file_is_copied(draft, folder, target):
    (folder / "a.fits").write_bytes(b"dropped")
    [taken] = taking.take(draft, target)
    with open(folder / "a.fits", "r+b") as still_open:
        still_open.write(b"DAMAGED")
    assert taken.path.read_bytes() == b"dropped"
    assert taken.sha1sum == sha1(b"dropped")


def test_file_put_in_place_of_an_uploaded_one_is_copied(draft, folder, target):
    arrive(draft, "a.fits", b"uploaded")
    (folder / "other").write_bytes(b"dropped!")
    os.rename(folder / "other", folder / "a.fits")
    [taken] = taking.take(draft, target)
    assert taken.sha1sum == sha1(b"dropped!")
    assert os.stat(taken.path).st_ino != os.stat(folder / "a.fits").st_ino


def test_file_that_others_may_write_is_copied(draft, folder, target):
    arrive(draft, "a.fits", b"uploaded")
    os.chmod(folder / "a.fits", 0o666)
    [taken] = taking.take(draft, target)
    assert os.stat(taken.path).st_ino != os.stat(folder / "a.fits").st_ino


def test_file_replaced_between_look_and_link(draft, target, monkeypatch):
    arrive(draft, "a.fits", b"first")
    plain, calls = os.link, []

    def link(*args, **options):
        if not calls:
            calls.append(1)
            arrive(draft, "a.fits", b"second")
        return plain(*args, **options)

    monkeypatch.setattr(os, "link", link)
    [taken] = taking.take(draft, target)
    assert taken.path.read_bytes() == b"second" and taken.sha1sum == sha1(b"second")


def test_growing_file_is_refused_and_nothing_left(draft, folder, target, monkeypatch):
    arrive(draft, "a.fits", b"whole")
    (folder / "b.fits").write_bytes(b"growing")
    plain = os.fsync

    def grows(descriptor):
        with open(folder / "b.fits", "ab") as stream:
            stream.write(b" more")
        return plain(descriptor)

    monkeypatch.setattr(os, "fsync", grows)
    with pytest.raises(taking.Unready, match=r"b\.fits changes"):
        taking.take(draft, target)
    assert os.listdir(target) == []
    assert (folder / "a.fits").read_bytes() == b"whole"


def test_file_written_a_moment_ago_is_waited_for(draft, folder, target, settings):
    settings.UPLOAD_SETTLE_SECONDS = 0.2
    (folder / "a.fits").write_bytes(b"fresh")
    assert [each.complete for each in incoming.listing(draft)] == [False]
    assert [each.name for each in taking.take(draft, target)] == ["a.fits"]
    assert [each.complete for each in incoming.listing(draft)] == [True]


@pytest.mark.parametrize("make, words", [
    (lambda path: os.symlink("/etc/passwd", path), "symbolic link"),
    (os.mkfifo, "pipe"),
    (lambda path: path.with_name("o\udcffdd;.fits").write_bytes(b"x"), "characters"),
])
def test_odd_things_are_said_and_never_followed(draft, folder, target, make, words):
    make(folder / "x.fits")
    assert incoming.listing(draft) == []
    assert [words in each.reason for each in incoming.odd(draft)] == [True]
    with pytest.raises(taking.Unready, match=words):
        taking.take(draft, target)


def test_folders_and_hidden_files_are_left_alone(draft, folder, target):
    (folder / "inner").mkdir()
    (folder / ".DS_Store").write_bytes(b"x")
    arrive(draft, "a.fits", b"1")
    assert [each.name for each in taking.take(draft, target)] == ["a.fits"]
    assert [each.name for each in incoming.odd(draft)] == [".DS_Store", "inner"]


def test_link_in_place_of_a_draft_is_not_followed(user, folder, tmp_path):
    other = drafts.create(user, "other")
    os.symlink(tmp_path, folder / "other")
    with pytest.raises(ServiceError, match="does not follow"):
        incoming.listing(other)


def test_pairs_are_one_unit(draft, target):
    arrive(draft, "x.r3h", b"header")
    units = incoming.units(incoming.listing(draft))
    assert [(unit.name, unit.missing) for unit in units] == [("x.r3h", "x.r3d")]
    with pytest.raises(taking.Unready, match=r"x\.r3d is missing"):
        taking.take(draft, target)
    arrive(draft, "x.r3d", b"data")
    units = incoming.units(incoming.listing(draft))
    assert [[each.name for each in unit.files] for unit in units] == [["x.r3h", "x.r3d"]]
    taken = taking.take(draft, target, names=["x.r3h"])
    assert [each.name for each in taken] == ["x.r3d", "x.r3h"]


def test_chosen_file_that_is_absent(draft, target):
    arrive(draft, "a.fits", b"1")
    with pytest.raises(taking.Unready, match=r"b\.fits is not in the upload area"):
        taking.take(draft, target, names=["a.fits", "b.fits"])


def test_clear_removes_what_was_published(draft, folder):
    arrive(draft, "a.fits", b"1")
    (folder / "b.fits").write_bytes(b"2")
    assert taking.clear(draft, {"a.fits": sha1(b"1"), "b.fits": sha1(b"2"), "c": "0"}) == [
        "a.fits", "b.fits"]
    assert os.listdir(folder) == []
    assert taking.clear(draft, {"a.fits": sha1(b"1")}) == []


def test_clear_leaves_what_is_another_file_by_now(draft, folder):
    arrive(draft, "a.fits", b"2")
    (folder / "b.fits").write_bytes(b"3")
    assert taking.clear(draft, {"a.fits": sha1(b"1"), "b.fits": sha1(b"1")}) == []
    assert sorted(os.listdir(folder)) == ["a.fits", "b.fits"]


def test_clear_gives_back_what_took_the_place_at_the_last_moment(draft, folder, monkeypatch):
    arrive(draft, "a.fits", b"1")
    plain, calls = os.rename, []

    def rename(*args, **options):
        if not calls:
            calls.append(1)
            (folder / "by hand").write_bytes(b"other")
            plain(folder / "by hand", folder / "a.fits")
        return plain(*args, **options)

    monkeypatch.setattr(os, "rename", rename)
    assert taking.clear(draft, {"a.fits": sha1(b"1")}) == []
    assert (folder / "a.fits").read_bytes() == b"other"
    assert os.listdir(folder) == ["a.fits"]


def test_clear_that_was_killed_is_gone_on_with(draft, folder, target):
    arrive(draft, "a.fits", b"1")
    arrive(draft, "b.fits", b"2")
    for name in ("a.fits", "b.fits"):
        os.rename(folder / name, folder / (taking.CLEARING + name))
    arrive(draft, "b.fits", b"newer")
    assert taking.clear(draft, {"a.fits": sha1(b"1"), "b.fits": sha1(b"2")}) == ["a.fits"]
    assert [each.name for each in taking.take(draft, target)] == ["b.fits"]
    assert (target / "b.fits").read_bytes() == b"newer"


@pytest.mark.parametrize("name", [
    "anna", "jdoe@example.invalid", "../..", "..", ".", ".hidden", "a/b", "a%2Fb", "\u00e9t\u00e9",
    "e\u0301", "%%", "", "x" * 150, "\u00e9" * 150, "\u00e9" * 149, "a b", "-rf", "a\0b"])
def test_folders_of_users_are_safe_and_their_own(name):
    made = names.user_folder(name)
    assert made not in (".", "..") and not made.startswith(".")
    assert not set(made) & {"/", "\0", " "} and 0 < len(made.encode()) <= 255
    others = {"anna", "a/b", "a%2Fb", "\u00e9" * 150, "\u00e9" * 149, "", "%%", "..", "."} - {name}
    assert made not in {names.user_folder(other) for other in others}
