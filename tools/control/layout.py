"""The folders of an instance: made, closed to others where needed, checked."""

from __future__ import annotations

import errno
import os
import secrets
import shutil
import stat
from pathlib import Path

from .console import CommandError, warn

#: Permissions that a folder has at most (maintenance guide: database effectively 700, the
#: cache holds unconfirmed files and is closed to others).
CLOSED = {"database_dir": 0o700, "file_cache": 0o750, "db_backups": 0o700, "logs": 0o750,
          "conf": 0o750, "run": 0o750}

#: Bytes that must be free before anything is installed.
LEAST_FREE = 100 * 1024 * 1024


def make(instance) -> None:
    """Make every folder of ``instance``; raises CommandError naming the one that fails."""
    for folder in instance.folders():
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as exc:
            raise CommandError(
                f"The folder {folder} cannot be made: {exc.strerror}. Make it, give it to this"
                f" user, or set CRDS_ROOT (CRDS_SERVER_FILES, CRDS_FILE_CACHE) to another place."
            ) from exc
        if not os.access(folder, os.W_OK | os.X_OK):
            raise CommandError(
                f"The folder {folder} is not writable for this user. Give it to this user, or set"
                f" CRDS_ROOT (CRDS_SERVER_FILES, CRDS_FILE_CACHE) to another place.")
    for name, mode in CLOSED.items():
        _close(getattr(instance, name), mode)


def _close(folder: Path, most: int) -> None:
    """Take permissions beyond ``most`` away; set-group-id and the like stay."""
    status = folder.stat()
    mode = stat.S_IMODE(status.st_mode)
    wanted = mode & (most | 0o7000)
    if wanted == mode:
        return
    try:
        folder.chmod(wanted)
    except PermissionError:
        warn(f"{folder} is open to others and belongs to another user; its owner should run"
             f" chmod {wanted:o} on it.")


def check(instance) -> None:
    """Raise CommandError when the folders cannot hold a working instance."""
    for folder in (instance.root, instance.file_cache):
        free = shutil.disk_usage(folder).free
        if free < LEAST_FREE:
            raise CommandError(
                f"Only {free // 2**20} MB are free on the disk of {folder}; at least"
                f" {LEAST_FREE // 2**20} MB are needed. Free some space and run this again.")
    for other in (instance.deliveries, instance.catalogs):
        _check_link(instance.file_cache, other)


def _check_link(first: Path, second: Path) -> None:
    """Deliveries and catalogs share files with the cache by hard links: try one."""
    name = f".link-test-{secrets.token_hex(8)}"
    source, target = first / name, second / name
    try:
        source.touch()
        os.link(source, target)
    except OSError as exc:
        if exc.errno == errno.EXDEV:
            raise CommandError(
                f"{first} and {second} are on different file systems. Files are published by"
                f" hard links between them: set CRDS_FILE_CACHE and CRDS_SERVER_FILES to folders"
                f" of one file system.") from exc
        if exc.errno in (errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS):
            raise CommandError(
                f"The file system of {first} does not allow hard links ({exc.strerror}), by which"
                f" files are published. Set CRDS_ROOT to a folder of another file system."
            ) from exc
        raise
    finally:
        source.unlink(missing_ok=True)
        target.unlink(missing_ok=True)


def make_secret(path: Path, value: str | None = None) -> bool:
    """Write a secret into the new file ``path``, readable by its owner only.

    False if the file is there already: a secret is never replaced.
    """
    if path.exists() and path.stat().st_size:
        return False
    partial = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write((value or secrets.token_urlsafe(48)) + "\n")
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)
    return True
