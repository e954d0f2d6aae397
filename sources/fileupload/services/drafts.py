"""Upload areas: their rows and folders.

Other Unix users of the group may work in a user's folder, so nothing in it is trusted: the
folder of a draft is opened without following links, and files are reached through that.
"""

from __future__ import annotations

import errno
import fcntl
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from django.conf import settings

from common.errors import BadRequest, NotFound, ServiceError, Unavailable

from ..models import Draft
from . import names

#: Name of the draft without a name, in addresses.
DEFAULT = "default"

#: The group of crds may write, and what is made inside belongs to the group too.
FOLDER_MODE = 0o2770


class Conflict(ServiceError):
    """Something else is there already, or is not empty."""

    status = 409


def default(user) -> Draft:
    """The draft of ``user`` that the command-line client uses."""
    return Draft.objects.get_or_create(user=user, name="")[0]


def get(user, name: str = "") -> Draft:
    """The draft called ``name``; the default one for ``""`` and ``default``.  NotFound."""
    if name in ("", DEFAULT):
        return default(user)
    found = None
    if names.DRAFT.fullmatch(name):
        found = Draft.objects.filter(user=user, name=name).first()
    if found is None:
        raise NotFound(f"You have no upload area {names.shown(name)[:64]!r}. Create it first.")
    return found


def of(user) -> list[Draft]:
    """All drafts of ``user``, the default one first."""
    default(user)
    return list(Draft.objects.filter(user=user).order_by("name"))


def create(user, name: str) -> Draft:
    """A new draft; a folder of that name which is there already becomes its folder.

    BadRequest for a name that cannot be, Conflict for one that exists.
    """
    name = name.strip()
    if not names.DRAFT.fullmatch(name) or name.lower() == DEFAULT:
        raise BadRequest(
            "The name of an upload area has up to 64 letters, digits, dots, dashes and underscores,"
            f" begins with a letter or digit, and is not {DEFAULT!r}.")
    path = root(user) / name
    if path.is_symlink() or (path.exists() and not path.is_dir()):
        raise Conflict(
            f"A file or link in your upload folder is called {name!r}. Choose another name.")
    draft, made = Draft.objects.get_or_create(user=user, name=name)
    if not made:
        raise Conflict(f"You have an upload area {name!r} already.")
    return draft


def root(user) -> Path:
    """``ingest/<user>``, where the user's default draft lies."""
    return settings.INSTANCE.ingest / names.user_folder(user.get_username())


def folder(draft: Draft) -> Path:
    """The folder of ``draft``, made if it is missing; Unavailable if something else is there."""
    with opened(draft):
        pass
    return _path(draft)


def _path(draft: Draft) -> Path:
    return root(draft.user) / draft.name if draft.name else root(draft.user)


def existing_folders(user) -> list[Path]:
    """Folders of the drafts of ``user`` that exist."""
    paths = [_path(draft) for draft in Draft.objects.filter(user=user)]
    return [path for path in paths if path.is_dir() and not path.is_symlink()]


@contextmanager
def opened(draft: Draft) -> Iterator[int]:
    """A descriptor of the folder of ``draft``, for calls with ``dir_fd``."""
    try:
        settings.INSTANCE.ingest.mkdir(parents=True, exist_ok=True)
        descriptor = _enter(root(draft.user), None)
        if draft.name:
            outer = descriptor
            try:
                descriptor = _enter(draft.name, outer)
            finally:
                os.close(outer)
    except OSError as exc:
        raise _unusable(draft, exc) from exc
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _enter(path: Path | str, within: int | None) -> int:
    """Open the folder, making it if it is missing; links are not followed below ``ingest``."""
    with suppress(FileExistsError):
        os.mkdir(path, dir_fd=within)
        with suppress(PermissionError):
            os.chmod(path, FOLDER_MODE, dir_fd=within)
    flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
    return os.open(path, flags, dir_fd=within)


def _unusable(draft: Draft, exc: OSError) -> ServiceError:
    if exc.errno in (errno.ELOOP, errno.ENOTDIR):
        return Unavailable(
            f"The folder of the upload area {draft} is a link or a file, which the server does"
            " not follow. Remove it, then try again.")
    if exc.errno in (errno.ENOSPC, errno.EDQUOT):
        return Unavailable(
            "The disk of the server is full. Tell the team that runs this server.")
    return Unavailable(
        f"The server cannot use the folder of the upload area {draft} ({exc.strerror})."
        " Tell the team that runs this server.")


def require_no_folder(draft: Draft, name: str) -> None:
    """Conflict if a folder, such as that of another draft, has the name of a file to come."""
    with opened(draft) as descriptor, suppress(FileNotFoundError):
        if stat.S_ISDIR(os.stat(name, dir_fd=descriptor, follow_symlinks=False).st_mode):
            raise Conflict(
                f"A folder in the upload area is called {name!r}. Rename the file and upload it"
                " again, or use another upload area.")


@contextmanager
def locked(draft: Draft) -> Iterator[None]:
    """Nobody else puts files of ``draft`` in place, takes or removes them meanwhile."""
    place = settings.INSTANCE.uploads / "locks"
    place.mkdir(parents=True, exist_ok=True)
    with open(place / str(draft.pk), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
