"""Removes files and drafts for their owners, and what nobody goes on with."""

from __future__ import annotations

import os
import stat
import time
import uuid
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta

from django.conf import settings
from django.utils import timezone

from common.errors import BadRequest, NotFound

from ..models import Draft, Received, Upload
from . import drafts, incoming, names, receiving, space

#: Seconds for which a part without a row is left alone: its row may be about to come.
YOUNG = 3600


def remove(draft: Draft, name: str | bytes, identity: str = "") -> bool:
    """Remove a file, link or other odd thing from ``draft``, never what a link leads to.

    With ``identity`` (see :func:`.incoming.identity`) only if it is still that one, else
    Conflict.  False if there is nothing of that name.
    """
    try:
        raw = os.fsencode(name)
    except UnicodeEncodeError:
        return False
    if raw in (b"", b".", b"..") or b"/" in raw or b"\0" in raw:
        raise BadRequest("This is not the name of a file in an upload area.")
    with space.explained(), drafts.opened(draft) as folder, drafts.locked(draft):
        try:
            facts = os.stat(raw, dir_fd=folder, follow_symlinks=False)
        except FileNotFoundError:
            return False
        if stat.S_ISDIR(facts.st_mode):
            raise BadRequest(
                f"{names.shown(os.fsdecode(raw))!r} is a folder. The server removes files only.")
        if identity and identity != incoming.identity(facts):
            raise drafts.Conflict(
                f"{names.shown(os.fsdecode(raw))!r} is another file by now."
                " Look at the list again.")
        os.unlink(raw, dir_fd=folder)
        Received.objects.filter(draft=draft, name=names.shown(os.fsdecode(raw))).delete()
    return True


def remove_file(draft: Draft, name: str) -> None:
    """Remove ``name`` and unfinished uploads of it; NotFound if there is neither."""
    found = []
    if not names.problem(name):
        found = list(Upload.objects.filter(draft=draft, name=name, finished_at=None))
    for upload in found:
        receiving.cancel(upload)
    if not remove(draft, name) and not found:
        raise NotFound(f"{names.shown(name)[:128]!r} is not in the upload area {draft}.")


def delete_draft(draft: Draft, *, with_files: bool = False) -> None:
    """Delete a named draft; with its files only if ``with_files``."""
    if not draft.name:
        raise BadRequest("The default upload area stays. Delete its files instead.")
    files, strange = incoming.look(draft)
    if (files or strange) and not with_files:
        raise drafts.Conflict(
            f"The upload area {draft} still holds files. Delete them, or confirm that they go too.")
    for upload in Upload.objects.filter(draft=draft):
        receiving.cancel(upload)
    for each in files:
        if not each.upload:
            remove(draft, each.name)
    for each in strange:
        if each.removable:
            remove(draft, each.raw)
    with drafts.opened(drafts.default(draft.user)) as folder:
        try:
            os.rmdir(draft.name, dir_fd=folder)
        except FileNotFoundError:
            pass
        except OSError as exc:
            raise drafts.Conflict(
                f"The folder of the upload area {draft} cannot be removed ({exc.strerror}): it"
                " holds folders that were made by hand. Remove those first.") from exc
    draft.delete()


@dataclass
class Swept:
    """What :func:`sweep` removed."""

    unfinished: int = 0
    records: int = 0
    parts: int = 0
    size: int = 0


def sweep(days: float | None = None) -> Swept:
    """Remove uploads nobody went on with for ``days``, and parts that belong to none."""
    age = 86400 * (settings.UPLOAD_KEEP_DAYS if days is None else days)
    swept, now = Swept(), time.time()
    for upload in Upload.objects.filter(finished_at=None):
        if now - max(receiving.touched(upload.part), upload.created_at.timestamp()) >= age:
            with suppress(FileNotFoundError):
                swept.size += os.stat(upload.part).st_size
            receiving.cancel(upload)
            swept.unfinished += 1
    old = Upload.objects.filter(finished_at__lt=timezone.now() - timedelta(seconds=age))
    swept.records = old.delete()[0]
    _sweep_parts(swept, now)
    _sweep_received()
    return swept


def _sweep_parts(swept: Swept, now: float) -> None:
    for path in settings.INSTANCE.uploads.glob("*.part"):
        with suppress(FileNotFoundError):
            facts = os.lstat(path)
            if now - facts.st_mtime < YOUNG or _is_known(path.stem):
                continue
            path.unlink()
            swept.parts += 1
            swept.size += facts.st_size


def _is_known(stem: str) -> bool:
    try:
        return Upload.objects.filter(pk=uuid.UUID(stem), finished_at=None).exists()
    except ValueError:
        return False


def _sweep_received() -> None:
    """Forget records of files that are there no more."""
    for draft in Draft.objects.filter(received__isnull=False).distinct():
        there = {each.name for each in incoming.listing(draft) if not each.upload}
        Received.objects.filter(draft=draft).exclude(name__in=there).delete()
