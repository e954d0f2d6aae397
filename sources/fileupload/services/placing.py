"""Puts a file that has arrived whole into its draft, under its name, at once."""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
from contextlib import suppress
from pathlib import Path

from django.utils import timezone

from common.faultpoints import reach

from ..models import Draft, Received
from . import drafts

#: The server may write, the group of crds read; nobody else has any access.
FILE_MODE = 0o640

BLOCK = 1024 * 1024


def sha1_of(stream) -> str:
    """The sha1 of an open binary file from where it stands, in pieces."""
    digest = hashlib.sha1(usedforsecurity=False)
    while block := stream.read(BLOCK):
        digest.update(block)
    return digest.hexdigest()


def place(draft: Draft, name: str, part: Path, sha1sum: str) -> Received:
    """Move ``part``, a file of the server's own, to ``name`` in ``draft``; note what it is.

    A file of that name before stays whole for whoever has linked or opened it.  The caller has
    checked ``name`` and computed ``sha1sum``.  Bytes first, then the row: a stop in between
    leaves a file that is treated as if it had been dropped into the folder.
    """
    with open(part, "rb+") as stream:
        os.fsync(stream.fileno())
    with drafts.opened(draft) as folder, drafts.locked(draft):
        _give(part, os.fstat(folder).st_gid)
        reach("upload.whole")
        _rename(part, name, folder)
        os.fsync(folder)
        reach("upload.placed")
        return note(draft, name, sha1sum, os.stat(name, dir_fd=folder, follow_symlinks=False))


def note(draft: Draft, name: str, sha1sum: str, facts: os.stat_result) -> Received:
    """Record that the file with ``facts`` arrived through the server."""
    return Received.objects.update_or_create(draft=draft, name=name, defaults={
        "sha1sum": sha1sum, "size": facts.st_size, "inode": f"{facts.st_ino:x}",
        "mtime_ns": facts.st_mtime_ns, "received_at": timezone.now()})[0]


def _give(part: Path, group: int) -> None:
    os.chmod(part, FILE_MODE)
    with suppress(PermissionError):
        os.chown(part, -1, group)


def _rename(part: Path, name: str, folder: int) -> None:
    """Rename; on another file system copy under a hidden name first."""
    try:
        os.rename(part, name, dst_dir_fd=folder)
        return
    except OSError as exc:
        if exc.errno != errno.EXDEV:
            raise
    hidden = f".{part.stem}.arriving"
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
    try:
        with open(part, "rb") as source, open(
                os.open(hidden, flags, FILE_MODE, dir_fd=folder), "wb") as target:
            shutil.copyfileobj(source, target, BLOCK)
            target.flush()
            os.fsync(target.fileno())
        os.rename(hidden, name, src_dir_fd=folder, dst_dir_fd=folder)
    except BaseException:
        with suppress(FileNotFoundError):
            os.unlink(hidden, dir_fd=folder)
        raise
    part.unlink()
