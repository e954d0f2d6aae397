"""The Unix user that serves dev, test and ops: crds when root starts them, else whoever does."""

from __future__ import annotations

import grp
import os
import pwd
import shutil
import stat
import subprocess
from pathlib import Path

from .console import CommandError, say

USER, GROUP = "crds", "crdsoper"


def serving(instance) -> str | None:
    """Name of the user that root's processes turn into; None when they stay who they are."""
    return USER if instance.usecase != "django" and os.geteuid() == 0 else None


def ensure() -> None:
    """Make the user and the group if they are missing; only root is asked to."""
    if not _known(grp.getgrnam, GROUP):
        say(f"Making the group {GROUP} ...")
        _run("groupadd", "--system", GROUP)
    if not _known(pwd.getpwnam, USER):
        say(f"Making the user {USER} ...")
        _run("useradd", "--system", "--no-create-home", "--home-dir", "/nonexistent",
             "--shell", "/usr/sbin/nologin", "--gid", GROUP, USER)


def _known(find, name: str) -> bool:
    try:
        find(name)
    except KeyError:
        return False
    return True


def _run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise CommandError(f"{' '.join(command)} failed: {done.stderr.strip()}"
                           f" Make the user {USER} with the group {GROUP} by hand.")


def identity(user: str | None) -> dict:
    """Arguments of :class:`subprocess.Popen` that run a program as ``user``."""
    if user is None:
        return {}
    entry = pwd.getpwnam(user)
    return {"user": entry.pw_uid, "group": grp.getgrnam(GROUP).gr_gid,
            "extra_groups": [entry.pw_gid]}


def give(instance, user: str | None) -> None:
    """Give all folders of ``instance`` to ``user``; what submitters may write stays theirs."""
    if user is None:
        return
    theirs = {instance.ingest, instance.ingest_ssb, instance.deliveries}
    for folder in (instance.root, instance.server_files, instance.file_cache):
        for path, folders, files in os.walk(folder):
            here = Path(path)
            _own(here, user)
            if here in theirs:
                folders.clear()
                continue
            for name in files:
                _own(here / name, user)


def share(instance) -> None:
    """Deliveries and ingest belong to the group, and what is made in them does, too."""
    for folder in (instance.deliveries, instance.ingest):
        try:
            if os.geteuid() == 0:
                shutil.chown(folder, group=GROUP)
            folder.chmod(0o2775 if folder == instance.deliveries else 0o2770)
        except (OSError, LookupError):
            continue


def _own(path: Path, user: str) -> None:
    entry, group = pwd.getpwnam(user), grp.getgrnam(GROUP).gr_gid
    status = path.lstat()
    if status.st_uid != entry.pw_uid or status.st_gid != group:
        os.lchown(path, entry.pw_uid, group)


def require_readable(user: str | None, path: Path, what: str, advice: str) -> None:
    """Raise CommandError if ``user`` cannot get to ``path``."""
    closed = closed_part(user, path)
    if closed:
        raise CommandError(
            f"{what} ({path}) cannot be read by the user {user}, who serves: {closed} is closed"
            f" to others. {advice}")


def closed_part(user: str | None, path: Path) -> Path | None:
    """The part of ``path`` (links followed) that ``user`` may not enter or read, else None."""
    if user is None:
        return None
    for place in {Path(os.path.abspath(path)), path.resolve()}:
        for part in [*reversed(place.parents), place]:
            if part.exists() and not _open_to(user, part):
                return part
    return None


def _open_to(user: str, path: Path) -> bool:
    entry, status = pwd.getpwnam(user), path.stat()
    need = 0o1 if path.is_dir() else 0o4
    mode = stat.S_IMODE(status.st_mode)
    if status.st_uid == entry.pw_uid:
        return (mode >> 6) & need == need
    if status.st_gid in {entry.pw_gid, grp.getgrnam(GROUP).gr_gid}:
        return (mode >> 3) & need == need
    return mode & need == need
