"""What a run has found, in a file of its own beside the run's other files.

``results.sqlite`` grows with each part of the archive: its datasets and the note that the part
is done are one transaction, so a run that was killed goes on behind the last part.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

NAME = "results.sqlite"

_TABLES = """
CREATE TABLE IF NOT EXISTS sources (instrument TEXT PRIMARY KEY, revision TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS parts (
    instrument TEXT NOT NULL, number INTEGER NOT NULL, summary TEXT NOT NULL,
    PRIMARY KEY (instrument, number));
CREATE TABLE IF NOT EXISTS datasets (
    row INTEGER PRIMARY KEY, source TEXT NOT NULL, id TEXT NOT NULL, product TEXT NOT NULL,
    instrument TEXT NOT NULL, failed INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS updates (
    dataset INTEGER NOT NULL, filekind TEXT NOT NULL, old TEXT NOT NULL, new TEXT NOT NULL,
    PRIMARY KEY (dataset, filekind)) WITHOUT ROWID;
"""

_INDEXES = """
CREATE INDEX IF NOT EXISTS datasets_product ON datasets (failed, product);
CREATE UNIQUE INDEX IF NOT EXISTS datasets_id ON datasets (id, instrument, row);
CREATE INDEX IF NOT EXISTS updates_filekind ON updates (filekind, dataset);
"""


@dataclass(frozen=True)
class Row:
    """Another reference of a dataset.

    ``failed`` means that selection fails for another of its types, so that the client leaves
    the dataset out.
    """

    id: str
    instrument: str
    failed: bool
    filekind: str
    old: str
    new: str

    @property
    def status(self) -> str:
        return "left out" if self.failed else "affected"


class Writer:
    """Takes what parts of the archive give; use as a context manager."""

    def __init__(self, folder: Path):
        self._database = sqlite3.connect(folder / NAME, isolation_level=None)
        self._database.executescript(f"PRAGMA journal_mode=WAL;{_TABLES}")

    def __enter__(self) -> Writer:
        return self

    def __exit__(self, *_) -> None:
        self._database.close()

    def begin(self, instrument: str, revision: str) -> set[int]:
        """Numbers of the parts that are done; none if the archive has changed since."""
        with self._transaction() as database:
            known = database.execute(
                "SELECT revision FROM sources WHERE instrument = ?", [instrument]).fetchone()
            if known != (revision,):
                self._forget(instrument)
                database.execute("INSERT INTO sources VALUES (?, ?)", [instrument, revision])
            return {number for (number,) in database.execute(
                "SELECT number FROM parts WHERE instrument = ?", [instrument])}

    def put(self, instrument: str, number: int, effects) -> None:
        """Keep the :class:`rules.bulk.effects.Effects` on one part."""
        with self._transaction() as database:
            (row,) = database.execute("SELECT COALESCE(MAX(row), 0) FROM datasets").fetchone()
            numbered = list(enumerate(effects.affected, row + 1))
            database.executemany(
                "INSERT INTO datasets VALUES (?, ?, ?, ?, ?, ?)",
                ((row, instrument, one.id, one.product, one.instrument.lower(), one.failed)
                 for row, one in numbered))
            database.executemany(
                "INSERT INTO updates VALUES (?, ?, ?, ?)",
                ((row, update.filekind, update.old, update.new)
                 for row, one in numbered for update in one.updates))
            database.execute("INSERT INTO parts VALUES (?, ?, ?)",
                             [instrument, number, json.dumps(summary(effects))])

    def finish(self) -> None:
        """Make it fast to read."""
        self._database.executescript(
            f"{_INDEXES} PRAGMA optimize; PRAGMA journal_mode=DELETE;")

    def _forget(self, instrument: str) -> None:
        self._database.execute(
            "DELETE FROM updates WHERE dataset IN (SELECT row FROM datasets WHERE source = ?)",
            [instrument])
        for table, column in (
                ("datasets", "source"), ("parts", "instrument"), ("sources", "instrument")):
            self._database.execute(f"DELETE FROM {table} WHERE {column} = ?", [instrument])

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        self._database.execute("BEGIN IMMEDIATE")
        try:
            yield self._database
        except BaseException:
            self._database.execute("ROLLBACK")
            raise
        self._database.execute("COMMIT")


def summary(effects) -> dict:
    """The counts of ``effects`` as JSON has them."""
    return {
        "datasets": effects.datasets, "compared": effects.compared,
        "counts": [[*key, count] for key, count in effects.counts.items()],
        "errors": [[*key, count, effects.examples[key]]
                   for key, count in effects.errors.items()],
        "left": [[*key, count] for key, count in effects.left.items()],
        "seen": sorted(effects.seen),
    }


def total(folder: Path):
    """The :class:`rules.bulk.effects.Effects` of all parts, without the datasets."""
    from rules.bulk.effects import Effects

    whole = Effects()
    with _open(folder) as database:
        for (text,) in database.execute("SELECT summary FROM parts ORDER BY instrument, number"):
            one = json.loads(text)
            part = Effects(datasets=one["datasets"], compared=one["compared"],
                           seen=set(one["seen"]))
            part.counts.update({tuple(key): count for *key, count in one["counts"]})
            part.left.update({tuple(key): count for *key, count in one["left"]})
            for *key, count, example in one["errors"]:
                part.errors[tuple(key)] = count
                part.examples[tuple(key)] = example
            whole.add(part)
    return whole


def products(folder: Path) -> Iterator[str]:
    """What is to be reprocessed, as the client prints it: sorted, each once."""
    with _open(folder) as database:
        for (name,) in database.execute(
                "SELECT DISTINCT product FROM datasets WHERE failed = 0 ORDER BY product"):
            yield name


def numbers(folder: Path) -> tuple[int, int]:
    """(affected datasets, products to be reprocessed)."""
    with _open(folder) as database:
        return database.execute(
            "SELECT COUNT(*), COUNT(DISTINCT CASE WHEN failed = 0 THEN product END)"
            " FROM datasets").fetchone()


def changes(folder: Path, limit: int = 200) -> list[tuple[str, str, str, str, int]]:
    """(instrument, type, old, new, datasets), the most frequent first."""
    with _open(folder) as database:
        return database.execute(
            "SELECT instrument, filekind, old, new, COUNT(*) AS number FROM updates"
            " JOIN datasets ON row = dataset GROUP BY instrument, filekind, old, new"
            " ORDER BY number DESC, instrument, filekind, old, new LIMIT ?", [limit]).fetchall()


class Updates(Sequence):
    """Other references, one of one dataset after the other, sorted by id and type.

    ``instrument``, ``filekind`` and ``text`` (the beginning of product or exposure, any case)
    choose among them; empty texts take all.
    """

    def __init__(self, folder: Path, instrument: str = "", filekind: str = "", text: str = ""):
        self._folder = folder
        self._where, self._values = _where(instrument, filekind, text)

    def __len__(self) -> int:
        with _open(self._folder) as database:
            return database.execute(
                f"SELECT COUNT(*) FROM updates JOIN datasets ON row = dataset{self._where}",
                self._values).fetchone()[0]

    def __getitem__(self, place):
        if not isinstance(place, slice):
            return self[place:place + 1][0]
        start, stop = place.start or 0, place.stop
        return list(self._read(-1 if stop is None else stop - start, start))

    def __iter__(self) -> Iterator[Row]:
        return self._read(-1, 0)

    def _read(self, limit: int, start: int) -> Iterator[Row]:
        with _open(self._folder) as database:
            found = database.execute(
                "SELECT id, instrument, failed, filekind, old, new FROM datasets JOIN updates"
                f" ON row = dataset{self._where} ORDER BY id, instrument, row, filekind"
                " LIMIT ? OFFSET ?", [*self._values, limit, start])
            while some := found.fetchmany(1000):
                yield from (Row(one[0], one[1], bool(one[2]), *one[3:]) for one in some)


def _where(instrument: str, filekind: str, text: str) -> tuple[str, list]:
    conditions, values = [], []
    if instrument:
        conditions.append("instrument = ?")
        values.append(instrument.lower())
    if filekind:
        conditions.append("filekind = ?")
        values.append(filekind.lower())
    if text:
        plain = text.upper()
        for character in ("\\", "%", "_"):
            plain = plain.replace(character, "\\" + character)
        conditions.append("(id LIKE ? ESCAPE '\\' OR id LIKE ? ESCAPE '\\')")
        values += [f"{plain}%", f"%:{plain}%"]
    return (f" WHERE {' AND '.join(conditions)}" if conditions else ""), values


@contextmanager
def _open(folder: Path) -> Iterator[sqlite3.Connection]:
    path = (folder / NAME).absolute()
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as database:
        yield database
