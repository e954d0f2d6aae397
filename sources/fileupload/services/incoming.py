"""What lies in a draft: files that arrived, files on their way, and what is left alone."""

from __future__ import annotations

import os
import stat
import time
from dataclasses import dataclass
from datetime import UTC, datetime

from django.conf import settings

from ..models import Draft, Received, Upload
from . import drafts, names


@dataclass(frozen=True)
class Incoming:
    """A file of a draft.

    ``sha1sum`` is known for files that came through the server.  ``complete`` is false while an
    upload is on its way (``upload`` is its id, ``size`` what has arrived of ``total``) and while
    a file that was dropped into the folder still changes.  ``identity`` tells this file from
    another of the same name.
    """

    name: str
    size: int
    sha1sum: str
    complete: bool
    received: datetime
    identity: str = ""
    total: int = 0
    upload: str = ""
    fingerprint: str = ""

    @property
    def percent(self) -> int:
        return int(100 * self.size / self.total) if self.total else 100


@dataclass(frozen=True)
class Odd:
    """Something in a draft that is not taken, and why.  ``raw`` is its name as bytes."""

    name: str
    reason: str
    raw: bytes
    size: int = 0
    identity: str = ""
    removable: bool = True


@dataclass(frozen=True)
class Unit:
    """Files that belong together: one, or the halves of a GEIS pair; ``missing`` is a half."""

    files: tuple[Incoming, ...]
    missing: str = ""

    @property
    def name(self) -> str:
        return self.files[0].name

    @property
    def size(self) -> int:
        return sum(each.size for each in self.files)


def identity(facts: os.stat_result) -> str:
    """Tells the file with ``facts`` from one that takes its place."""
    return f"{facts.st_ino:x}-{facts.st_size:x}-{facts.st_mtime_ns:x}"


def is_changing(facts: os.stat_result) -> bool:
    """Whether a file was written so lately that more may come."""
    return abs(time.time() - facts.st_ctime) < settings.UPLOAD_SETTLE_SECONDS


def listing(draft: Draft) -> list[Incoming]:
    """The files of ``draft`` by name, with those on their way."""
    return look(draft)[0]


def odd(draft: Draft) -> list[Odd]:
    """What in the folder of ``draft`` is no file that can be taken."""
    return look(draft)[1]


def look(draft: Draft) -> tuple[list[Incoming], list[Odd]]:
    """Both :func:`listing` and :func:`odd`."""
    known = {row.name: row for row in Received.objects.filter(draft=draft)}
    files, strange = {}, []
    inner = set(Draft.objects.filter(user=draft.user).values_list("name", flat=True))
    with drafts.opened(draft) as folder, os.scandir(folder) as entries:
        for entry in entries:
            if not draft.name and entry.name in inner:
                continue
            try:
                facts = entry.stat(follow_symlinks=False)
            except FileNotFoundError:
                continue
            if reason := _reason(entry.name, facts, folder):
                strange.append(_odd(entry.name, facts, reason))
            else:
                files[entry.name] = _file(entry.name, facts, known.get(entry.name))
    found = [*files.values(), *on_their_way(draft, known)]
    return (sorted(found, key=lambda each: (each.name, not each.complete)),
            sorted(strange, key=lambda each: each.name))


def on_their_way(draft: Draft, known: dict[str, Received] | None = None) -> list[Incoming]:
    """Unfinished uploads, without those whose file arrived in another way since."""
    if known is None:
        known = {row.name: row for row in Received.objects.filter(draft=draft)}
    found = []
    for upload in Upload.objects.filter(draft=draft, finished_at=None):
        try:
            facts = os.stat(upload.part)
        except FileNotFoundError:
            continue
        later = known.get(upload.name)
        if later and later.received_at.timestamp() > facts.st_mtime:
            continue
        found.append(Incoming(
            upload.name, facts.st_size, "", False, _moment(facts.st_mtime), total=upload.size,
            upload=str(upload.pk), fingerprint=upload.fingerprint))
    return found


def units(files: list[Incoming]) -> list[Unit]:
    """``files`` with the halves of GEIS pairs together, header first."""
    whole = {each.name: each for each in files if not each.upload}
    found, done = [], set()
    for each in files:
        other = names.partner(each.name)
        if each.upload or not other:
            found.append(Unit((each,)))
        elif each.name not in done:
            pair = [each, whole[other]] if other in whole else [each]
            pair.sort(key=lambda one: one.name.lower(), reverse=True)
            done.update(one.name for one in pair)
            found.append(Unit(tuple(pair), "" if len(pair) == 2 else other))
    return found


def _file(name: str, facts: os.stat_result, known: Received | None) -> Incoming:
    if known is not None and known.is_of(facts):
        return Incoming(name, facts.st_size, known.sha1sum, True, known.received_at,
                        identity(facts), facts.st_size)
    return Incoming(name, facts.st_size, "", not is_changing(facts), _moment(facts.st_mtime),
                    identity(facts), facts.st_size)


def _reason(name: str, facts: os.stat_result, folder: int) -> str:
    """Why the server leaves an entry alone; empty for a file that can be taken."""
    kinds = ((stat.S_ISLNK, "a symbolic link; copy the file itself here"),
             (stat.S_ISDIR, "a folder; only files count, or create an upload area of this name"),
             (stat.S_ISFIFO, "a pipe, not a file"), (stat.S_ISSOCK, "a socket, not a file"),
             (stat.S_ISCHR, "a device, not a file"), (stat.S_ISBLK, "a device, not a file"))
    for test, reason in kinds:
        if test(facts.st_mode):
            return reason
    if reason := names.problem(name):
        return reason
    if not os.access(name, os.R_OK, dir_fd=folder):
        return "not readable for the server; give its group the right to read (chmod g+r)"
    return ""


def _odd(name: str, facts: os.stat_result, reason: str) -> Odd:
    removable = not stat.S_ISDIR(facts.st_mode)
    return Odd(names.shown(name), reason, os.fsencode(name), facts.st_size, identity(facts),
               removable)


def _moment(seconds: float) -> datetime:
    """``seconds`` since 1970 as a time; what no calendar has becomes its first day."""
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (OverflowError, ValueError, OSError):
        return datetime.fromtimestamp(0, UTC)
