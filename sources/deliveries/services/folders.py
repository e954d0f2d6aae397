"""The folders ``catalogs`` and ``deliveries``: what lies there, and putting it there.

``catalogs/<obs>_<n>.cat`` lists the files of delivery n, one name per line, and stays for ever.
In ``deliveries`` lie hard links of it and of its files until the archive has taken them.  The
archive shows how far it is by renaming the catalog there, and removes all when it is done.
"""

from __future__ import annotations

import contextlib
import os
import re
import secrets
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings

from common.errors import NotFound, Unavailable
from interactive.services import store

#: ``hst_12.cat``; numbers are not padded.
CATALOG = re.compile(r"(?P<observatory>[a-z]+)_(?P<number>[1-9]\d*)\.cat")

#: Shows that the folder is the one this server delivers to: an empty mount point has none.
MARK = ".crds-deliveries"

#: Links under construction; removed when their process is gone.
TEMPORARY = ".linking-"

#: The archive must be able to rename and remove in ``deliveries``: group crdsoper, inherited.
FOLDER_MODE = 0o2775


def catalog_name(number: int) -> str:
    return f"{settings.CRDS_OBSERVATORY}_{number}.cat"


def number_of(catalog: str) -> int | None:
    """12 of ``hst_12.cat``; None for other names."""
    found = CATALOG.fullmatch(catalog)
    if not found or found["observatory"] != settings.CRDS_OBSERVATORY:
        return None
    return int(found["number"])


def receipt_name(catalog: str) -> str:
    """What an archive may leave in ``deliveries`` when it is done: lines ``<sha1>  <name>``."""
    return catalog.removesuffix(".cat") + ".receipt"


def highest_number() -> int:
    """The highest number of any catalog that lies in ``catalogs`` or ``deliveries``, or 0."""
    highest = 0
    for folder in (settings.INSTANCE.catalogs, settings.INSTANCE.deliveries):
        with contextlib.suppress(FileNotFoundError):
            for name in os.listdir(folder):
                catalog = name.partition(".cat")[0] + ".cat"
                highest = max(highest, number_of(catalog) or 0)
    return highest


# ---- catalogs --------------------------------------------------------------------


def write_catalog(catalog: str, names: list[str]) -> None:
    """Keep the list of ``names``; harmless when it is there already."""
    path = settings.INSTANCE.catalogs / catalog
    text = "".join(f"{name}\n" for name in names)
    if path.is_file() and path.read_text() == text:
        return
    store.write_text(path, text)


def read_catalog(catalog: str) -> list[str]:
    """Names that the kept ``catalog`` lists."""
    if number_of(catalog) is None:
        raise NotFound(f"'{catalog[:128]}' is not the name of a delivery; they are called"
                       f" {catalog_name(12)}.")
    try:
        text = (settings.INSTANCE.catalogs / catalog).read_text()
    except FileNotFoundError:
        raise NotFound(f"There is no {catalog} in the folder catalogs.") from None
    return text.split()


def kept_catalogs() -> list[str]:
    """Names of all kept catalogs, by number."""
    names = [name for name in os.listdir(settings.INSTANCE.catalogs) if number_of(name)]
    return sorted(names, key=number_of)


# ---- deliveries --------------------------------------------------------------------


@dataclass(frozen=True)
class Seen:
    """What lies in ``deliveries`` of one delivery.

    ``plain``, ``processing``, ``failed``: the catalog under its own name, renamed by the archive
    while it works, renamed because it failed.  ``missing``: files whose links are not there.
    """

    plain: bool
    processing: bool
    failed: bool
    receipt: bool
    missing: tuple[str, ...]
    renamed: str = ""

    @property
    def catalog(self) -> bool:
        return self.plain or self.processing or self.failed


def prepare() -> None:
    """Make the folder ready: writable for the group, with its mark."""
    folder = settings.INSTANCE.deliveries
    folder.mkdir(parents=True, exist_ok=True)
    if folder.stat().st_mode & 0o7777 != FOLDER_MODE:
        with contextlib.suppress(PermissionError):  # somebody else's; its owner set it up
            folder.chmod(FOLDER_MODE)
    mark = folder / MARK
    if not mark.exists():
        mark.write_text("Deliveries of this CRDS server. Do not remove this file.\n")


def is_prepared() -> bool:
    return (settings.INSTANCE.deliveries / MARK).exists()


def listing() -> set[str]:
    """Names of everything in ``deliveries``; Unavailable when the folder is not the right one."""
    folder = settings.INSTANCE.deliveries
    try:
        names = set(os.listdir(folder))
    except OSError as exc:
        raise Unavailable(f"The folder {folder} cannot be read ({exc.strerror}), so nothing is"
                          " known of deliveries. Is its file system mounted?") from exc
    if MARK not in names:
        raise Unavailable(
            f"The folder {folder} lacks the file {MARK}: it was emptied, or its file system is not"
            " mounted. Nothing is concluded from missing files. Mount it, or run"
            " ./manage follow_deliveries --prepare if it was emptied.")
    return names


def seen(catalog: str, names: list[str], present: set[str]) -> Seen:
    """How the delivery ``catalog`` with files ``names`` looks, of what is ``present``."""
    stem = catalog.removesuffix(".cat")
    renamed = sorted(name for name in present if _renames(name, stem))
    failed = [name for name in renamed if "_ERROR" in name.upper()]
    processing = [name for name in renamed if name not in failed]
    return Seen(
        plain=catalog in present, processing=bool(processing), failed=bool(failed),
        receipt=receipt_name(catalog) in present,
        missing=tuple(name for name in names if name not in present),
        renamed=(processing or failed or [""])[0])


def _renames(name: str, stem: str) -> bool:
    """Whether ``name`` is ``hst_12.cat`` renamed: ``hst_12.cat_PROC`` or ``hst_12_PROC.cat``."""
    return re.fullmatch(rf"{re.escape(stem)}(\.cat[_.]\w+|_[A-Za-z]\w*\.cat)", name) is not None


def link_files(names: list[str]) -> None:
    """Make every file of ``names`` available to the archive, as a hard link to its bytes."""
    for name in names:
        source = store.location(name)
        if source is None:
            raise NotFound(f"{name} cannot be delivered: its bytes are not stored here. Restore"
                           " the file from a backup, then deliver again.")
        link(source, settings.INSTANCE.deliveries / name)
    sync()


def link_catalog(catalog: str) -> None:
    """Offer the delivery: from here on the archive may take it.

    What an earlier attempt left, a receipt and renamed catalogs, goes.
    """
    folder = settings.INSTANCE.deliveries
    (folder / receipt_name(catalog)).unlink(missing_ok=True)
    link(settings.INSTANCE.catalogs / catalog, folder / catalog)
    for name in os.listdir(folder):
        if _renames(name, catalog.removesuffix(".cat")):
            (folder / name).unlink(missing_ok=True)
    sync()


def link(source: Path, target: Path) -> None:
    """Make ``target`` a hard link to ``source``, in place of whatever is there, in one step."""
    with contextlib.suppress(FileNotFoundError):
        if os.path.samefile(source, target):
            return
    temporary = target.with_name(f"{TEMPORARY}{os.getpid()}-{secrets.token_hex(6)}")
    try:
        os.link(source, temporary)
        os.replace(temporary, target)
    except OSError as exc:
        raise store.StoreError(
            f"{source.name} could not be linked into {target.parent}: {exc.strerror}. The folders"
            " file_cache, catalogs and deliveries must lie on one file system.") from exc
    finally:
        # Renaming one link of a file over another does nothing, the first one stays.
        temporary.unlink(missing_ok=True)


def unlink(catalog: str, names: list[str]) -> None:
    """Take away what is left of a delivery: only links to the bytes of this server."""
    folder = settings.INSTANCE.deliveries
    for name in names:
        source = store.location(name)
        with contextlib.suppress(FileNotFoundError):
            if source and os.path.samefile(source, folder / name):
                (folder / name).unlink(missing_ok=True)
    for name in os.listdir(folder):
        if name == catalog or _renames(name, catalog.removesuffix(".cat")):
            (folder / name).unlink(missing_ok=True)
    sync()


def read_receipt(catalog: str) -> dict[str, str]:
    """sha1 by name of what the archive says it stored; empty when it cannot be read."""
    path = settings.INSTANCE.deliveries / receipt_name(catalog)
    try:
        lines = path.read_text(errors="replace").splitlines()
    except OSError:
        return {}
    pairs = [line.split() for line in lines]
    return {pair[1]: pair[0].lower() for pair in pairs if len(pair) == 2}


def keep_receipt(catalog: str) -> None:
    """Move the receipt beside the kept catalog, as the proof of archiving."""
    name = receipt_name(catalog)
    with contextlib.suppress(FileNotFoundError):
        os.replace(settings.INSTANCE.deliveries / name, settings.INSTANCE.catalogs / name)


def sync() -> None:
    """Make changes of the folder survive a power cut."""
    descriptor = os.open(settings.INSTANCE.deliveries, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def remove_leftovers() -> None:
    """Remove links under construction of processes that are gone."""
    folder = settings.INSTANCE.deliveries
    for name in os.listdir(folder):
        if name.startswith(TEMPORARY):
            owner = name.removeprefix(TEMPORARY).partition("-")[0]
            if owner.isdigit() and not os.path.exists(f"/proc/{owner}"):
                (folder / name).unlink(missing_ok=True)
