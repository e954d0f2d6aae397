"""Large answers made once for each state of the catalogue and shared by all processes.

Kept in memory by the process and in a file by the machine: memcached would
refuse them for their size, and making them twice costs seconds.
"""

from __future__ import annotations

import fcntl
import mmap
import os
import threading
from collections.abc import Callable
from pathlib import Path

from django.conf import settings

from .software import FINGERPRINT

#: Revisions may overtake a maker that reads for seconds; then it reads again.
ATTEMPTS = 3


class Prepared:
    """The bytes that ``make`` returns for the current catalogue, made anew when that changes.

    And when this software does: what another version left has perhaps another form.

    ``revision`` returns the name of the catalogue's state.  The folder is
    that of the instance's shared cache, one for each machine.  ``mapped`` answers are
    views of the file: all processes share one copy of the bytes.
    """

    def __init__(self, name: str, make: Callable[[], bytes], revision: Callable[[], str],
                 mapped: bool = False):
        self.name = name
        self.mapped = mapped
        self.make = make
        self.revision = revision
        self._lock = threading.Lock()
        self._held: tuple[str, bytes | memoryview] | None = None

    def get(self) -> bytes | memoryview:
        return self.state_and_bytes()[1]

    def state_and_bytes(self) -> tuple[str, bytes | memoryview]:
        """The answer and the name of the state that it was made for."""
        wanted = self.revision()
        held = self._held
        if held and held[0] == wanted:
            return held
        with self._lock:
            if not (self._held and self._held[0] == wanted):
                self._held = self._from_file_or_made(wanted)
            return self._held

    def _path(self, revision: str) -> Path:
        return settings.INSTANCE.shared_cache / f"{self.name}-{FINGERPRINT}-{revision}"

    def _read(self, revision: str) -> bytes | memoryview:
        if not self.mapped:
            content = self._path(revision).read_bytes()
            if not content:
                raise ValueError("an empty file")
            return content
        with open(self._path(revision), "rb") as stream:
            # Stays readable when the file is removed for a newer one.
            return memoryview(mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ))

    def _from_file_or_made(self, wanted: str) -> tuple[str, bytes | memoryview]:
        folder = settings.INSTANCE.shared_cache
        folder.mkdir(parents=True, exist_ok=True)
        with open(folder / f"{self.name}.lock", "w") as lock:
            # Another process may be making it at this moment: wait and take it over.
            fcntl.flock(lock, fcntl.LOCK_EX)
            try:
                return wanted, self._read(wanted)
            except (FileNotFoundError, ValueError):  # none, or an empty one, left by a crash
                return self._made(wanted)

    def _made(self, wanted: str) -> tuple[str, bytes | memoryview]:
        for _ in range(ATTEMPTS):
            before, content = wanted, self.make()
            wanted = self.revision()
            if wanted == before:
                break
        # Under the name of the state before it was read: never taken for a newer one.
        self._save(before, content)
        return before, self._read(before) if self.mapped else content

    def _save(self, revision: str, content: bytes) -> None:
        target = self._path(revision)
        temporary = target.with_suffix(f".{os.getpid()}.tmp")
        temporary.write_bytes(content)
        temporary.replace(target)
        for old in target.parent.glob(f"{self.name}-*"):
            if old != target and not old.name.endswith(".tmp"):
                old.unlink(missing_ok=True)
