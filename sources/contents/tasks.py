"""The job that looks into a file."""

from __future__ import annotations

import os
from pathlib import Path

from django.conf import settings

from common.errors import NotFound
from jobs import kept

from .services import KIND, VERSION

#: Seconds and megabytes that looking into one file may take.  Files are read in sections, so
#: their size does not matter for memory.
TIME, MEMORY = 1200, 1500


@kept.maker(KIND, version=VERSION, title="Look into a reference", time_limit=TIME,
            memory_limit=MEMORY)
def look(context, folder, name: str) -> None:
    """Describe the stored file ``name`` and draw what is in it.

    Writes ``result.json`` with an overview, ``part-<number>.json`` for each part, and pictures.
    """
    from . import services

    reading, path, data = services.paths(name)
    if path is None:
        raise NotFound(f"The bytes of '{reading}' are not stored here, so nothing can be shown.")
    write(path, reading, folder, context.progress, data)


def write(path: Path, name: str, folder: Path, report=lambda done, total, text: None,
          data: Path | None = None) -> None:
    """Look into the file at ``path``, known as ``name``, and write what is found to ``folder``."""
    # The library of pictures keeps its list of fonts there; without, it makes it each time.
    os.environ.setdefault("MPLCONFIGDIR", str(settings.INSTANCE.shared_cache / "matplotlib"))
    from . import looking
    from .drawing.gallery import Gallery
    from .parts import Workshop

    description = looking.describe(path, name, Workshop(Gallery(folder), report), data)
    for part in description["parts"]:
        kept.write_json(folder / f"part-{part['number']}.json", part)
    parts = [looking.summary(part) for part in description["parts"]]
    kept.write_json(folder / "result.json", {**description, "parts": parts})
