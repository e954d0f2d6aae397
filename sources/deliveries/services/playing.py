"""An archive to play with: what the archive's own program does on its side of ``deliveries``.

It needs nothing of the server but the folder.  A catalog that lies there is renamed ``_PROC``, its
files are copied into a folder and compared by sha1, a receipt is left, and links and catalog
are removed; on any failure the catalog is renamed ``_ERROR``.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path

from . import folders

PROCESSING, FAILED = "_PROC", "_ERROR"
BLOCK = 1024 * 1024


class Failure(Exception):
    """A file could not be archived; the message says why."""


@dataclass
class Archive:
    """``storage`` keeps the copies.  Deliveries or files that fit ``failing`` fail.

    ``working`` is called between the steps of each delivery, so that the time that a real
    archive takes can be played, too.  Without ``receipts`` only the protocol's renames tell.
    """

    deliveries: Path
    storage: Path
    failing: tuple[str, ...] = ()
    receipts: bool = True
    working: Callable[[], None] = lambda: None

    def pass_once(self) -> list[tuple[str, str]]:
        """Take every delivery that waits; returns (catalog, what became of it)."""
        return [(catalog, self.take(catalog)) for catalog in self._waiting()]

    def _waiting(self) -> list[str]:
        """Catalogs that wait, and those that were begun when this program was killed."""
        names = {name.removesuffix(PROCESSING) for name in os.listdir(self.deliveries)}
        return sorted((name for name in names if folders.number_of(name)
                       and not (self.deliveries / (name + FAILED)).exists()),
                      key=folders.number_of)

    def take(self, catalog: str) -> str:
        """Archive one delivery: ``archived``, or why it failed."""
        begun = self.deliveries / (catalog + PROCESSING)
        if not begun.exists():
            os.rename(self.deliveries / catalog, begun)
        self.working()
        names = begun.read_text().split()
        try:
            sums = {name: self._copy(catalog, name) for name in names}
        except (Failure, OSError) as exc:
            os.rename(begun, self.deliveries / (catalog + FAILED))
            return f"failed: {exc}"
        self.working()
        if self.receipts:
            receipt = self.deliveries / folders.receipt_name(catalog)
            receipt.write_text("".join(f"{sha1}  {name}\n" for name, sha1 in sums.items()))
        for name in names:
            (self.deliveries / name).unlink(missing_ok=True)
        begun.unlink()
        return "archived"

    def _copy(self, catalog: str, name: str) -> str:
        """Copy a file into the storage and return its sha1, read back from the copy."""
        if any(fnmatch(catalog, pattern) or fnmatch(name, pattern) for pattern in self.failing):
            raise Failure(f"{name} was told to fail")
        target = self.storage / name
        if not target.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            partial = self.storage / f".{name}.partial"
            wanted = _copied(self.deliveries / name, partial)
            if _sha1(partial) != wanted:
                raise Failure(f"the copy of {name} differs from it")
            os.replace(partial, target)
        elif _sha1(target) != _sha1(self.deliveries / name):
            raise Failure(f"another file called {name} is in the archive")
        return _sha1(target)


def _copied(source: Path, target: Path) -> str:
    digest = hashlib.sha1(usedforsecurity=False)
    with open(source, "rb") as incoming, open(target, "wb") as outgoing:
        while block := incoming.read(BLOCK):
            digest.update(block)
            outgoing.write(block)
        outgoing.flush()
        os.fsync(outgoing.fileno())
    return digest.hexdigest()


def _sha1(path: Path) -> str:
    with open(path, "rb") as stream:
        return hashlib.file_digest(
            stream, lambda: hashlib.sha1(usedforsecurity=False)).hexdigest()
