"""Gives submissions copies of their own, and removes from drafts what was published.

A file that came through the server is linked: its inode is written by nobody any more, since
uploads gather under another name and take the place of a file by rename.  Whoever takes a file
must not write into it either; a changed form is a new file.  A file that was dropped into the
folder may still be open somewhere, so it is copied.
"""

from __future__ import annotations

import hashlib
import os
import stat
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings

from common.errors import BadRequest
from common.faultpoints import reach

from ..models import Draft, Received
from . import drafts, incoming, names, placing, space

#: What :func:`clear` calls a file while it looks whether it is the one that was published.
CLEARING = ".clearing."


class Unready(BadRequest):
    """A file is incomplete, changing, or cannot be taken."""

    status = 409


@dataclass(frozen=True)
class Taken:
    """A file that now belongs to who took it."""

    name: str
    path: Path
    sha1sum: str
    size: int


def take(draft: Draft, folder: Path, names: Iterable[str] | None = None) -> list[Taken]:
    """Put the files of ``draft`` into ``folder``; all of them unless ``names`` says which.

    The other half of a GEIS pair always comes along.  Raises :class:`Unready` if a file is
    incomplete, changes meanwhile, misses its other half or is something else than a file; then
    nothing is left in ``folder``.  The draft itself stays as it is.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    with space.explained(), drafts.opened(draft) as source:
        _put_back(draft, source)
        wanted = _wanted(draft, names)
        known = {row.name: row for row in Received.objects.filter(draft=draft)}
        taken: list[Taken] = []
        try:
            for name in wanted:
                taken.append(_take(draft, source, name, known.get(name), folder))
                reach("take.file")
            _sync(folder)
        except BaseException:
            for each in taken:
                each.path.unlink(missing_ok=True)
            raise
    return taken


def _wanted(draft: Draft, chosen: Iterable[str] | None) -> list[str]:
    files, strange = incoming.look(draft)
    chosen = None if chosen is None else set(chosen)
    if chosen is not None:
        chosen |= {other for name in chosen if (other := names.partner(name))}
    for each in strange:
        hidden = each.name.startswith(".")
        if chosen is None and each.removable and not hidden:
            raise Unready(
                f"{each.name!r} in the upload area is {each.reason}. Remove it from the upload"
                " area, then submit again. The other files stay.")
    arrived = {each.name for each in files if not each.upload}
    for each in files:
        if each.upload and (chosen is None or each.name in chosen):
            raise Unready(
                f"{each.name} is still being uploaded ({each.size:,} of {each.total:,} bytes)."
                " Finish or cancel that upload, then submit again. The other files stay.")
    for name in sorted(arrived if chosen is None else chosen):
        other = names.partner(name)
        if name not in arrived and other not in arrived:
            raise Unready(f"{names.shown(name)[:128]} is not in the upload area. Upload it first.")
        if other and not {name, other} <= arrived:
            present, missing = (name, other) if name in arrived else (other, name)
            raise Unready(
                f"{present} is one half of a GEIS pair and {missing} is missing. Upload"
                f" {missing} too, then submit again.")
    return sorted(arrived if chosen is None else chosen)


def _take(draft: Draft, source: int, name: str, known: Received | None, folder: Path) -> Taken:
    target = folder / name
    for _ in range(3):
        with _open(source, name) as stream:
            facts = os.fstat(stream.fileno())
            if not stat.S_ISREG(facts.st_mode):
                raise _changed(name)
            if known is not None and known.is_of(facts) and _is_ours(facts):
                if _link(source, name, target, facts):
                    return Taken(name, target, known.sha1sum, facts.st_size)
            else:
                return _copy(stream, name, target)
        # Another file took the place between opening and linking: look again.
        known = Received.objects.filter(draft=draft, name=name).first()
    raise _changed(name)


def _open(source: int, name: str):
    # Never wait for the other end of a pipe that somebody put there.
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    try:
        return open(os.open(name, flags, dir_fd=source), "rb")
    except OSError as exc:
        raise Unready(
            f"{name} cannot be read from the upload area ({exc.strerror})."
            " Upload it again.") from exc


def _is_ours(facts: os.stat_result) -> bool:
    """Whether nobody but the server itself may open the file for writing."""
    return facts.st_uid == os.geteuid() and not facts.st_mode & 0o022


def _link(source: int, name: str, target: Path, facts: os.stat_result) -> bool:
    """Link, and see that it is the file with ``facts``; false if another took its place."""
    partial = target.with_name(f".{name}.taking")
    partial.unlink(missing_ok=True)
    try:
        os.link(name, partial, src_dir_fd=source, follow_symlinks=False)
    except FileNotFoundError:
        return False
    if os.lstat(partial).st_ino != facts.st_ino:
        partial.unlink()
        return False
    os.rename(partial, target)
    # rename() of two links to one file does nothing and leaves both.
    partial.unlink(missing_ok=True)
    return True


def _copy(stream, name: str, target: Path) -> Taken:
    """Copy an open file of others, and see that it did not change meanwhile."""
    before = _settled(stream, name)
    partial = target.with_name(f".{name}.taking")
    digest = hashlib.sha1(usedforsecurity=False)
    try:
        with open(partial, "wb") as copy:
            while block := stream.read(placing.BLOCK):
                digest.update(block)
                copy.write(block)
            copy.flush()
            os.fsync(copy.fileno())
        reach("take.copied")
        after = os.fstat(stream.fileno())
        if (before.st_size, before.st_mtime_ns, before.st_ctime_ns) != (
                after.st_size, after.st_mtime_ns, after.st_ctime_ns):
            raise _changed(name)
        os.chmod(partial, placing.FILE_MODE)
        os.rename(partial, target)
    finally:
        partial.unlink(missing_ok=True)
    return Taken(name, target, digest.hexdigest(), before.st_size)


def _settled(stream, name: str) -> os.stat_result:
    """Facts of the file, once nobody wrote to it for a moment; that moment is waited for."""
    before = os.fstat(stream.fileno())
    if not incoming.is_changing(before):
        return before
    time.sleep(settings.UPLOAD_SETTLE_SECONDS)
    after = os.fstat(stream.fileno())
    if incoming.is_changing(after) and after.st_ctime_ns != before.st_ctime_ns:
        raise _changed(name)
    return after


def _changed(name: str) -> Unready:
    return Unready(
        f"{name} changes while it is taken: somebody still writes to it. Wait until it is"
        " complete, then submit again.")


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


# ---- removing what was published -----------------------------------------------------


def clear(draft: Draft, published: Mapping[str, str]) -> list[str]:
    """Remove each file of ``draft`` that still has the sha1 that ``published`` says.

    A file that is gone, or another one by now, is left alone.  May be repeated after a stop.
    Returns the names that were removed.
    """
    removed = []
    with space.explained(), drafts.opened(draft) as folder:
        _put_back(draft, folder)
        for name, sha1sum in published.items():
            if not names.problem(name) and _clear(draft, folder, name, sha1sum):
                removed.append(name)
        os.fsync(folder)
    return removed


def _clear(draft: Draft, folder: int, name: str, sha1sum: str) -> bool:
    known = Received.objects.filter(draft=draft, name=name).first()
    try:
        with _open(folder, name) as stream:
            facts = os.fstat(stream.fileno())
            if not stat.S_ISREG(facts.st_mode):
                return False
            is_known = known is not None and known.is_of(facts)
            if (known.sha1sum if is_known else placing.sha1_of(stream)) != sha1sum:
                return False
    except Unready:
        return False
    with drafts.locked(draft):
        hidden = CLEARING + name
        try:
            os.rename(name, hidden, src_dir_fd=folder, dst_dir_fd=folder)
        except FileNotFoundError:
            return False
        reach("clear.hidden")
        now = os.stat(hidden, dir_fd=folder, follow_symlinks=False)
        if incoming.identity(now) != incoming.identity(facts):
            _return(folder, hidden, name)
            return False
        os.unlink(hidden, dir_fd=folder)
        if is_known:
            Received.objects.filter(pk=known.pk, inode=known.inode).delete()
    return True


def _return(folder: int, hidden: str, name: str) -> None:
    """Give a file its name back, unless a newer one has it."""
    with suppress(FileExistsError):
        os.link(hidden, name, src_dir_fd=folder, dst_dir_fd=folder, follow_symlinks=False)
    os.unlink(hidden, dir_fd=folder)


def _put_back(draft: Draft, folder: int) -> None:
    """Undo what a :func:`clear` that was killed had begun."""
    left = [name for name in os.listdir(folder) if name.startswith(CLEARING)]
    if not left:
        return
    with drafts.locked(draft):
        for hidden in left:
            with suppress(FileNotFoundError):
                _return(folder, hidden, hidden.removeprefix(CLEARING))
