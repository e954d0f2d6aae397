"""The file store: the CRDS cache of the server itself, under ``file_cache``.

Rules lie at ``mappings/<obs>/<name>`` and references, flat, at
``references/<obs>/<name>``; ``config/<obs>`` is kept so that the client library
can use the folder as ``CRDS_PATH``.  Bytes come in before their catalogue row,
are never written over and never removed.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import secrets
from collections.abc import Callable, Iterable
from pathlib import Path

from django.conf import settings
from django.utils import timezone

from common.errors import BadRequest, ServiceError
from rules.names import is_mapping
from rules.reading import is_catalog_name

from ..models import CatalogFile

#: Temporary files of copies in progress; names of the catalogue never begin so.
TEMPORARY = ".incoming-"

BLOCK = 1024 * 1024


class StoreError(ServiceError):
    """Bytes cannot be put into the store, for example because the disk is full."""

    status = 503


class ContentConflict(ServiceError):
    """Another content is already stored under this name."""

    status = 409


# ---- places --------------------------------------------------------------


def root() -> Path:
    return settings.INSTANCE.file_cache


def folder_for(name: str) -> Path:
    """The folder of the store in which the file ``name`` lies."""
    if not is_catalog_name(name):
        raise BadRequest(f"{name!r} is not a file name of the catalogue.")
    kind = "mappings" if is_mapping(name) else "references"
    return root() / kind / settings.CRDS_OBSERVATORY


def config_folder() -> Path:
    return root() / "config" / settings.CRDS_OBSERVATORY


def quarantine_folder() -> Path:
    """Where bytes go that must not be in the store; nothing is deleted."""
    return settings.INSTANCE.server_files / "quarantine"


def location(name: str) -> Path | None:
    """The path of the stored bytes of ``name``, published or not; None if there are none.

    Links are followed, and lead nowhere outside the store and the configured
    ``STORE_ROOTS``.
    """
    path = folder_for(name) / name
    try:
        target = path.resolve(strict=True)
    except (OSError, RuntimeError):
        return None
    roots = [root(), *settings.STORE_ROOTS]
    if not any(target.is_relative_to(place.resolve()) for place in roots):
        return None
    return target if target.is_file() else None


def path(name: str) -> Path | None:
    """The file of the published and stored ``name``; None when there is none to give out."""
    if not is_catalog_name(name):
        return None
    if not CatalogFile.objects.downloadable().filter(name=name).exists():
        return None
    return location(name)


def mapping_path(name: str) -> Path | None:
    """As :func:`path`, for rules only."""
    return path(name) if is_mapping(name) else None


# ---- bytes in ------------------------------------------------------------


def place(source: Path | str, name: str, *, sha1sum: str = "", link: bool = False,
          sync: bool = True) -> Path:
    """Put the bytes of ``source`` into the store under ``name`` and return their path.

    With ``link`` the bytes are shared with ``source`` by a hard link where the
    file system allows it: only for sources that nobody changes afterwards.
    ``sha1sum``, when given, is checked against what was written.  Placing the
    same content twice is harmless.

    Raises :class:`ContentConflict` if other content has the name, and
    :class:`StoreError` if the bytes cannot be read, written or do not fit
    ``sha1sum``.  With ``sync=False`` the bytes survive a power cut only after
    :func:`sync_files`, which is much faster for many files at once.
    """
    folder = folder_for(name)
    target = folder / name
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if target.exists():
            _same_or_conflict(target, Path(source), sha1sum)
        elif not (link and _linked(Path(source), target, sha1sum)):
            _copied(Path(source), target, sha1sum)
    except OSError as exc:
        raise StoreError(_explain(exc, name)) from exc
    if sync:
        sync_files([name])
    return target


def sync_files(names: Iterable[str], step: Callable[[int], None] | None = None) -> None:
    """Make the stored files ``names`` survive a power cut; ``step`` is told how many are done."""
    folders = set()
    try:
        for number, name in enumerate(names, 1):
            folder = folder_for(name)
            _sync(folder / name)
            folders.add(folder)
            if step:
                step(number)
        for folder in folders:
            _sync(folder)
    except OSError as exc:
        raise StoreError(_explain(exc, "A file")) from exc


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_text(path: Path, text: str) -> None:
    """Replace the configuration file ``path`` in one step: readers see the old or the new text."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = _temporary(path)
        try:
            with open(temporary, "w", encoding="utf-8") as stream:
                stream.write(text)
                stream.flush()
                os.fsync(stream.fileno())
            os.replace(temporary, path)
        finally:
            temporary.unlink(missing_ok=True)
        _sync(path.parent)
    except OSError as exc:
        raise StoreError(_explain(exc, path.name)) from exc


def remove_leftovers() -> int:
    """Remove temporary files of copies that a crash cut short; returns how many.

    Only files of processes that are gone: the name holds the process id.
    """
    count = 0
    for kind in ("mappings", "references", "config"):
        for leftover in (root() / kind / settings.CRDS_OBSERVATORY).glob(TEMPORARY + "*"):
            owner = leftover.name.removeprefix(TEMPORARY).partition("-")[0]
            if owner.isdigit() and not _alive(int(owner)):
                leftover.unlink(missing_ok=True)
                count += 1
    return count


def quarantine(path: Path) -> Path:
    """Move ``path`` out of the store, keep its bytes, and return where they are now."""
    folder = quarantine_folder()
    folder.mkdir(parents=True, exist_ok=True)
    moment = timezone.now().strftime("%Y-%m-%d-%H%M%S")
    target = folder / f"{moment}-{secrets.token_hex(4)}-{path.name}"
    os.rename(path, target)
    _sync(folder)
    return target


def checksum(path: Path) -> str:
    """sha1 of the file at ``path``, in hexadecimal."""
    with open(path, "rb") as stream:
        return hashlib.file_digest(stream, _sha1).hexdigest()


def _sha1():
    return hashlib.sha1(usedforsecurity=False)


def _temporary(target: Path) -> Path:
    return target.with_name(f"{TEMPORARY}{os.getpid()}-{secrets.token_hex(8)}")


def _same_or_conflict(target: Path, source: Path, sha1sum: str) -> None:
    if os.path.samefile(source, target):
        return
    wanted = sha1sum or checksum(source)
    if checksum(target) != wanted:
        raise ContentConflict(
            f"The store already holds a different file called {target.name}. Stored files are"
            f" never replaced; deliver the new content under a new name.")


def _linked(source: Path, target: Path, sha1sum: str) -> bool:
    """Whether ``target`` could be made as a hard link to ``source``."""
    if source.is_symlink():
        return False
    if sha1sum and checksum(source) != sha1sum:
        raise StoreError(_changed(source.name))
    try:
        os.link(source, target)
    except FileExistsError:
        _same_or_conflict(target, source, sha1sum)
    except OSError:  # another file system, or not allowed
        return False
    return True


def _copied(source: Path, target: Path, sha1sum: str) -> None:
    temporary = _temporary(target)
    digest = _sha1()
    try:
        with open(source, "rb") as incoming, open(temporary, "xb") as outgoing:
            while block := incoming.read(BLOCK):
                digest.update(block)
                outgoing.write(block)
            os.fchmod(outgoing.fileno(), 0o444)
        if sha1sum and digest.hexdigest() != sha1sum:
            raise StoreError(_changed(target.name))
        try:
            os.link(temporary, target)  # unlike a rename, never replaces what is there
        except FileExistsError:
            _same_or_conflict(target, source, digest.hexdigest())
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)


def _changed(name: str) -> str:
    return (f"The bytes of {name} are not those that were expected: the file was changed or"
            f" damaged while it was read. Nothing was stored; try again.")


def _alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _explain(exc: OSError, name: str) -> str:
    if exc.errno in (errno.ENOSPC, errno.EDQUOT):
        return (f"The disk of the file store ({root()}) is full; {name} was not stored."
                f" Free some space there and try again.")
    where = exc.filename or name
    return f"{name} could not be stored: {where}: {exc.strerror or exc}."
