"""Bytes of uploads: they gather in a part file and become the file of a draft when all are there.

Pieces are appended where the part ends, block by block, each under a lock and only if the part
still ends there.  So an old request whose connection hangs never blocks a new one, two requests
at once never mix what they bring, and what has arrived before a cut is kept.
"""

from __future__ import annotations

import fcntl
import hashlib
import logging
import os
import re
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from django.conf import settings
from django.db import transaction
from django.http import UnreadablePostError
from django.utils import timezone

from common.errors import BadRequest, NotFound, ServiceError
from common.faultpoints import reach

from ..models import Draft, Received, Upload
from . import drafts, names, placing, space

#: Bytes read and written at a time: what may be lost when a connection is reset.
BLOCK = 256 * 1024

#: Largest size of an upload that makes sense.
LARGEST = 1 << 50

#: Seconds without a byte after which an unfinished upload gives way to a finished one.
IDLE = 60

SHA1 = re.compile(r"[0-9a-f]{40}")

log = logging.getLogger(__name__)


class Conflict(ServiceError):
    """The upload is elsewhere than the request thinks, or another request goes on with it."""

    status = 409


class Cut(BadRequest):
    """The connection ended before the announced bytes had come."""


class Gone(ServiceError):
    """The upload does not exist any more."""

    status = 410


class WrongDigest(ServiceError):
    """What has arrived is not what was announced."""

    status = 422


class WrongPiece(ServiceError):
    """A piece differs from its checksum: the status of the tus protocol."""

    status = 460


# ---- uploads that resume ---------------------------------------------------------------


def begin(draft: Draft, name: str, size: int, *, sha1sum: str = "", session: str = "",
          fingerprint: str = "") -> Upload:
    """Announce the file ``name`` of ``size`` bytes; checked against ``sha1sum`` at the end."""
    names.check(name)
    drafts.require_no_folder(draft, name)
    if not 0 <= size < LARGEST:
        raise BadRequest("The size of an upload is a number of bytes, 0 or more.")
    sha1sum = sha1sum.strip().lower()
    if sha1sum and not SHA1.fullmatch(sha1sum):
        raise BadRequest("A sha1 has 40 hexadecimal digits.")
    space.require(draft.user, size)
    upload = Upload(draft=draft, name=name, size=size, expected_sha1sum=sha1sum, session=session,
                    fingerprint=names.shown(fingerprint)[:128])
    with space.explained():
        descriptor = os.open(upload.part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        upload.inode = f"{os.fstat(descriptor).st_ino:x}"
        os.close(descriptor)
    try:
        upload.save(force_insert=True)
    except BaseException:
        upload.part.unlink(missing_ok=True)
        raise
    if size == 0:
        progress(upload)
    return upload


def get(user, identifier: uuid.UUID) -> Upload:
    """The upload of ``user``; NotFound, also if it is somebody else's."""
    found = Upload.objects.select_related("draft__user").filter(
        pk=identifier, draft__user=user).first()
    if found is None:
        raise NotFound("You have no upload of this id; it was cancelled or removed. Begin again.")
    return found


def unfinished(user) -> list[Upload]:
    """Uploads of ``user`` that wait for bytes."""
    return list(Upload.objects.filter(draft__user=user, finished_at=None).select_related("draft"))


def progress(upload: Upload) -> int:
    """Bytes that have arrived; finishes an upload of which all have."""
    if upload.finished_at:
        return upload.size
    try:
        arrived = os.stat(upload.part).st_size
    except FileNotFoundError:
        return _recovered(upload)
    if arrived >= upload.size:
        with space.explained(), _part(upload) as descriptor:
            _finish(upload, descriptor)
        return upload.size
    return arrived


def append(upload: Upload, offset: int, read: Callable[[int], bytes], length: int,
           checksum: bytes | None = None) -> int:
    """Add ``length`` bytes from ``read(size)`` at ``offset``; the number of bytes that are there.

    What came before a cut stays (:class:`Cut`).  ``checksum`` is the sha1 of the piece; one
    that differs is taken back (:class:`WrongPiece`).  Raises :class:`Conflict` if the upload
    does not end at ``offset``.
    """
    if upload.finished_at:
        raise Conflict("This upload is complete already.")
    if offset + length > upload.size:
        raise BadRequest(
            f"The piece goes beyond the announced size of {upload.size} bytes. Nothing of it was"
            " kept.")
    whole = hashlib.sha1(usedforsecurity=False) if offset == 0 and length == upload.size else None
    piece = hashlib.sha1(usedforsecurity=False) if checksum is not None else None
    with space.explained(), _part(upload) as descriptor:
        position = offset
        # An empty piece has to be in the right place too.
        _write(upload, descriptor, position, b"")
        while position < offset + length:
            block = _read(read, min(BLOCK, offset + length - position))
            for digest in (whole, piece):
                if digest is not None:
                    digest.update(block)
            _write(upload, descriptor, position, block)
            position += len(block)
        if piece is not None and piece.digest() != checksum:
            _take_back(upload, descriptor, offset, position)
            raise WrongPiece(
                "The piece arrived with another checksum than announced. It was not kept; send it"
                " again.")
        if position == upload.size:
            _finish(upload, descriptor, whole.hexdigest() if whole else "")
    return position


def cancel(upload: Upload) -> None:
    """Forget an upload and what has arrived of it; a file that is complete stays."""
    part = upload.part
    Upload.objects.filter(pk=upload.pk).delete()
    part.unlink(missing_ok=True)


# ---- whole files and pieces of the command-line client -----------------------------------


def whole(draft: Draft, name: str, content) -> Received:
    """Take ``content``, an uploaded file of Django, as the file ``name``."""
    names.check(name)
    drafts.require_no_folder(draft, name)
    path = getattr(content, "part", None)
    sha1sum = getattr(content, "sha1sum", "")
    with space.explained():
        if path is None:
            path = settings.INSTANCE.uploads / f"{uuid.uuid4()}.part"
            digest = hashlib.sha1(usedforsecurity=False)
            with open(path, "xb") as part:
                for block in content.chunks():
                    digest.update(block)
                    part.write(block)
            sha1sum = digest.hexdigest()
        try:
            received = placing.place(draft, name, path, sha1sum)
        finally:
            path.unlink(missing_ok=True)
    _give_way(draft, name)
    return received


def piece(draft: Draft, session: str, name: str, first: int, total: int, content) -> Upload:
    """Take ``content`` as bytes ``first`` to … of ``total`` of the file ``name``.

    The client sends no id: its session and the name say which upload is meant.  A piece that
    starts at 0 starts it anew; one that was sent before takes its own place again.
    """
    names.check(name)
    mine = Upload.objects.filter(draft=draft, session=session, name=name, finished_at=None)
    if first == 0:
        for former in mine:
            cancel(former)
        upload = begin(draft, name, total, session=session)
    else:
        upload = mine.order_by("-created_at").first()
        if upload is None:
            raise Conflict(
                f"No upload of {name} is on its way in this session. Start it with its first byte.")
        if upload.size != total:
            raise Conflict(
                f"{name} was announced with {upload.size} bytes, not {total}. Start again.")
        with space.explained(), _part(upload) as descriptor, _alone(upload, descriptor):
            if first < os.fstat(descriptor).st_size:
                os.ftruncate(descriptor, first)
    content.seek(0)
    append(upload, first, content.read, content.size)
    upload.refresh_from_db()
    return upload


# ---- inside -----------------------------------------------------------------------------


@contextmanager
def _part(upload: Upload) -> Iterator[int]:
    try:
        descriptor = os.open(upload.part, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError as exc:
        raise Gone("This upload was cancelled or is complete. Look at the upload area.") from exc
    try:
        yield descriptor
    finally:
        os.close(descriptor)


@contextmanager
def _alone(upload: Upload, descriptor: int) -> Iterator[None]:
    """No other request writes meanwhile, and the part is still one."""
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    try:
        try:
            there = os.stat(upload.part).st_ino
        except FileNotFoundError:
            there = None
        if there != os.fstat(descriptor).st_ino:
            raise Gone("This upload was cancelled or is complete. Look at the upload area.")
        yield
    finally:
        fcntl.flock(descriptor, fcntl.LOCK_UN)


def _read(read: Callable[[int], bytes], size: int) -> bytes:
    try:
        block = read(size)
    except (UnreadablePostError, OSError) as exc:
        raise Cut("The connection broke. What has arrived is kept.") from exc
    if not block:
        raise Cut("Fewer bytes came than announced. What has arrived is kept.")
    return block


def _write(upload: Upload, descriptor: int, position: int, block: bytes) -> None:
    with _alone(upload, descriptor):
        end = os.fstat(descriptor).st_size
        if end != position:
            raise Conflict(
                f"The upload is at byte {end}, not {position}. Another request may go on with it;"
                " ask for the offset and continue there.")
        view = memoryview(block)
        while view:
            written = os.pwrite(descriptor, view, position)
            position += written
            view = view[written:]


def _take_back(upload: Upload, descriptor: int, offset: int, position: int) -> None:
    with _alone(upload, descriptor):
        if os.fstat(descriptor).st_size == position:
            os.ftruncate(descriptor, offset)


def _finish(upload: Upload, descriptor: int, sha1sum: str = "") -> None:
    """Check the whole and put it in its place; whoever comes second finds it done."""
    try:
        with _alone(upload, descriptor):
            if not sha1sum:
                with open(upload.part, "rb") as stream:
                    sha1sum = placing.sha1_of(stream)
            if upload.expected_sha1sum not in ("", sha1sum):
                cancel(upload)
                raise WrongDigest(
                    f"{upload.name} arrived with the sha1 {sha1sum}, not"
                    f" {upload.expected_sha1sum}. It was not kept; upload it again.")
            placing.place(upload.draft, upload.name, upload.part, sha1sum)
            _mark_finished(upload, sha1sum)
    except Gone:
        upload.refresh_from_db()
        if not upload.finished_at:
            raise
    _give_way(upload.draft, upload.name)


def _mark_finished(upload: Upload, sha1sum: str) -> None:
    upload.sha1sum, upload.finished_at = sha1sum, timezone.now()
    upload.save(update_fields=["sha1sum", "finished_at"])
    reach("upload.finished")


def _recovered(upload: Upload) -> int:
    """Go on after a stop between the file's arrival in its place and its rows."""
    upload.refresh_from_db()
    if upload.finished_at:
        return upload.size
    with drafts.opened(upload.draft) as folder, drafts.locked(upload.draft):
        try:
            descriptor = os.open(upload.name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK,
                                 dir_fd=folder)
        except OSError:
            descriptor = None
        if descriptor is not None:
            with open(descriptor, "rb") as stream:
                facts = os.fstat(descriptor)
                if (f"{facts.st_ino:x}", facts.st_size) == (upload.inode, upload.size):
                    sha1sum = placing.sha1_of(stream)
                    with transaction.atomic():
                        placing.note(upload.draft, upload.name, sha1sum, facts)
                        _mark_finished(upload, sha1sum)
                    return upload.size
    cancel(upload)
    raise Gone("What had arrived of this upload is gone. Begin again.")


def _give_way(draft: Draft, name: str) -> None:
    """Drop what a former, cut upload of the same name left."""
    for former in Upload.objects.filter(draft=draft, name=name, finished_at=None):
        if time.time() - touched(former.part) > IDLE:
            cancel(former)


def touched(part: Path) -> float:
    """When a byte came last, in seconds since 1970; minus infinity if the part is gone."""
    try:
        return os.stat(part).st_mtime
    except FileNotFoundError:
        return float("-inf")
