"""The archive's datasets in columns, made once for each state of the archive.

Reading a million headers from a database takes longer than comparing two contexts for all of
them.  So they are kept in files of columns (:mod:`rules.bulk.columns`), in a folder named by
the archive's revision of the instrument.  The folder appears when it is complete; that of the
revision before stays, since somebody may still read it.
"""

from __future__ import annotations

import json
import shutil
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from django.conf import settings

from archive import services as archive

#: Written last into a folder: what it holds.
CONTENTS = "contents.json"

#: Folders of makers that were killed go after this many seconds.
STALE = 24 * 3600


@dataclass(frozen=True)
class Columns:
    """The datasets of an instrument: ``chunks`` are files, see :class:`rules.bulk.columns.Chunk`.

    ``revision`` names the state of the archive.
    """

    instrument: str
    revision: str
    chunks: tuple

    @property
    def datasets(self) -> int:
        return sum(chunk.rows for chunk in self.chunks)


def current(instrument: str) -> Columns | None:
    """The columns of the archive as it is now; None if they are not made."""
    revision = archive.revision(instrument)
    return None if revision is None else _read(_place(instrument) / revision, instrument)


def obtain(instrument: str, own: Path, progress: Callable[[int], None] = lambda done: None,
           ) -> Columns:
    """The columns of the archive as it is now, made if need be.

    ``own`` is a folder of the caller: an archive that does not tell when it changes is read
    into it, once.  ``progress`` is told the number of datasets read, and may raise.
    """
    revision = archive.revision(instrument)
    place = own / instrument.upper() if revision is None else _place(instrument) / revision
    found = _read(place, instrument)
    return _make(instrument, place, progress) if found is None else found


def _place(instrument: str) -> Path:
    from rules.bulk.columns import VERSION

    return (settings.INSTANCE.shared_cache / f"archive_columns-{VERSION}"
            / instrument.upper()).absolute()


def _read(folder: Path, instrument: str) -> Columns | None:
    from rules.bulk.columns import Chunk

    try:
        chunks = json.loads((folder / CONTENTS).read_text(encoding="ascii"))
    except FileNotFoundError:
        return None
    return Columns(instrument.upper(), folder.name, tuple(
        Chunk(folder / name, rows, latest) for name, rows, latest in chunks))


def _make(instrument: str, place: Path, progress) -> Columns:
    from rules.bulk.columns import write

    place.parent.mkdir(parents=True, exist_ok=True)
    _clear(place.parent)
    folder = place.parent / f".making-{uuid.uuid4().hex}"
    folder.mkdir()
    try:
        chunks, done = [], 0
        for number, part in enumerate(_parts(instrument)):
            name = f"{number:06d}.npz"
            chunk = write(folder / name, *part)
            chunks.append([name, chunk.rows, chunk.latest])
            done += chunk.rows
            progress(done)
        (folder / CONTENTS).write_text(json.dumps(chunks), encoding="ascii")
        try:
            folder.rename(place)
        except OSError:  # somebody else made it meanwhile
            if not (place / CONTENTS).is_file():
                raise
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    _drop_older(place)
    return _read(place, instrument)


def _parts(instrument: str) -> Iterator[tuple[list[str], list[dict], list[int]]]:
    """(ids, headers, times of observation) of some datasets at a time."""
    from rules.bulk.columns import ROWS, microseconds

    entries = archive.entries(instrument)
    while some := list(islice(entries, ROWS)):
        yield ([entry.key for entry in some], [entry.header for entry in some],
               [microseconds(entry.date_obs) for entry in some])


def _clear(folder: Path) -> None:
    for left in folder.glob(".making-*"):
        if time.time() - left.stat().st_mtime > STALE:
            shutil.rmtree(left, ignore_errors=True)


def _drop_older(place: Path) -> None:
    """Remove all but ``place`` and the folder made before it."""
    others = sorted((path for path in place.parent.iterdir()
                     if path != place and not path.name.startswith(".")),
                    key=lambda path: path.stat().st_mtime)
    for path in others[:-1]:
        shutil.rmtree(path, ignore_errors=True)
