"""What names this software in caches that outlive a process."""

from __future__ import annotations

import hashlib
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

SOURCES = Path(__file__).resolve().parent.parent


def _fingerprint() -> str:
    """Short text that changes with this software and with the client library.

    Made of the modules themselves: a number that somebody has to raise would be forgotten, and
    what another version had left would be taken for what this one understands.
    """
    found = hashlib.sha1(_library().encode(), usedforsecurity=False)
    for path in sorted(SOURCES.rglob("*.py")):
        if "tests" not in path.parts:
            found.update(f"\n{path.relative_to(SOURCES)}\n".encode())
            found.update(path.read_bytes())
    return found.hexdigest()[:12]


def _library() -> str:
    try:
        return version("crds")
    except PackageNotFoundError:
        return "none"


#: Taken when the process starts: the files may be replaced by newer ones while it runs.
FINGERPRINT = _fingerprint()
