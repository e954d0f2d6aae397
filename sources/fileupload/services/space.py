"""Room for uploads: what a user may have, what the disk keeps free, and errors of disks."""

from __future__ import annotations

import errno
import os
from contextlib import contextmanager
from pathlib import Path

from django.conf import settings
from django.db.models import Sum

from common.errors import ServiceError, Unavailable

from ..models import Upload
from . import drafts

#: Unfinished uploads that a user may have.
MOST_UNFINISHED = 1000

GIGABYTE = 1_000_000_000


class TooLarge(ServiceError):
    """More than the user may have."""

    status = 413


class DiskFull(ServiceError):
    """The server has no room."""

    status = 507


class TooMany(ServiceError):
    """Too many uploads were begun and not finished."""

    status = 429


def used(user) -> int:
    """Bytes of all drafts of ``user``, with what unfinished uploads announced."""
    announced = Upload.objects.filter(draft__user=user, finished_at=None).aggregate(
        total=Sum("size"))["total"] or 0
    return announced + sum(_bytes_in(path) for path in drafts.existing_folders(user))


def _bytes_in(folder: Path) -> int:
    try:
        with os.scandir(folder) as entries:
            return sum(entry.stat(follow_symlinks=False).st_size for entry in entries
                       if entry.is_file(follow_symlinks=False))
    except OSError:
        return 0


def quota() -> int:
    """Bytes that one user may have; 0 for no limit."""
    return int(settings.UPLOAD_QUOTA_GB * GIGABYTE)


def require(user, size: int) -> None:
    """Raise unless ``user`` may bring ``size`` bytes more and the disk has room for them."""
    limit = quota()
    if Upload.objects.filter(draft__user=user, finished_at=None).count() >= MOST_UNFINISHED:
        raise TooMany(
            f"You have {MOST_UNFINISHED} unfinished uploads. Finish or cancel some of them first.")
    if limit and size + (taken := used(user)) > limit:
        raise TooLarge(
            f"This needs {human(size)}; you have {human(max(limit - taken, 0))} left of"
            f" {human(limit)}. Submit or delete files of your upload areas, or ask the team that"
            " runs this server for more.")
    place = os.statvfs(settings.INSTANCE.uploads)
    free = place.f_bavail * place.f_frsize
    if size + settings.UPLOAD_RESERVE_GB * GIGABYTE > free:
        raise DiskFull(
            f"The server has no room for {human(size)} now. Nothing was lost; the team that runs"
            " this server has to make room, then upload again.")


def human(size: float) -> str:
    """``size`` in bytes as a short text, units of a thousand."""
    for unit in ("bytes", "kB", "MB", "GB"):
        if size < 1000:
            return f"{size:.0f} {unit}" if unit == "bytes" else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} TB"


@contextmanager
def explained():
    """Errors of the disk as errors for people; what has arrived before stays."""
    try:
        yield
    except OSError as exc:
        if exc.errno in (errno.ENOSPC, errno.EDQUOT):
            raise DiskFull(
                "The disk of the server is full. What has arrived is kept; go on with the upload"
                " when the team that runs this server has made room.") from exc
        if exc.errno == errno.EISDIR:
            raise drafts.Conflict(
                "A folder in the upload area has the name of the file. Remove the folder, or"
                " rename the file and upload it again.") from exc
        if exc.errno in (errno.EACCES, errno.EPERM, errno.EROFS, errno.EIO, errno.ESTALE):
            raise Unavailable(
                f"The server cannot use your upload area ({exc.strerror}). What has arrived is"
                " kept; tell the team that runs this server.") from exc
        raise
