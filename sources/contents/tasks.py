"""The job that looks into a file."""

from __future__ import annotations

import os

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
    # The library of pictures keeps its list of fonts there; without, it makes it each time.
    os.environ.setdefault("MPLCONFIGDIR", str(settings.INSTANCE.shared_cache / "matplotlib"))
    from . import looking, services
    from .drawing.gallery import Gallery
    from .parts import Workshop

    reading, path, data = services.paths(name)
    if path is None:
        raise NotFound(f"The bytes of '{reading}' are not stored here, so nothing can be shown.")
    shop = Workshop(Gallery(folder), context.progress)
    description = looking.describe(path, reading, shop, data)
    for part in description["parts"]:
        kept.write_json(folder / f"part-{part['number']}.json", part)
    kept.write_json(folder / "result.json",
                    {**description, "parts": [looking.summary(part) for part in
                                              description["parts"]]})
