"""Datasets of an archive in columns on disk: some ten thousand in a file.

A file holds what :class:`Table` holds, for all keywords, with the ids and the times of
observation.  Single columns are read without the others.  No Django here.
"""

from __future__ import annotations

import json
import os
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path

import numpy as np

from .codes import MISSING, Column
from .table import Table

#: Of the form of the files; raise it whenever something else is written.
VERSION = 1

#: Datasets in a file.
ROWS = 50_000

#: Time of a dataset that is not known.
UNKNOWN = np.iinfo(np.int64).min

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Chunk:
    """A file of datasets; ``latest`` is the latest time of observation in it."""

    path: Path
    rows: int
    latest: int


def microseconds(moment: datetime | None) -> int:
    """A time as the files hold it; :data:`UNKNOWN` for None."""
    if moment is None:
        return int(UNKNOWN)
    span = moment - _EPOCH
    return (span.days * 86400 + span.seconds) * 10**6 + span.microseconds


def write(path: Path, ids: Sequence[str], headers: Sequence[Mapping[str, str]],
          observed: Iterable[int]) -> Chunk:
    """Write datasets to ``path``; the columns keep the order of the keywords."""
    table = Table.from_headers(headers)
    times = np.fromiter(observed, np.int64, len(ids))
    arrays = {"ids": np.array([name.encode("ascii", "replace") for name in ids] or [b""]),
              "observed": times}
    names = _ordered(headers)
    for number, name in enumerate(names):
        column = table.columns[name]
        arrays[f"c{number}"] = column.codes.astype(_small(len(column.values)))
        arrays[f"v{number}"] = _bytes(list(column.values))
    arrays["names"] = _bytes(names)
    temporary = path.with_suffix(".writing")
    with open(temporary, "wb") as file:
        np.savez(file, **arrays)
        file.flush()
        os.fsync(file.fileno())
    temporary.rename(path)
    return Chunk(path, len(ids), int(times.max(initial=UNKNOWN)))


def observed(path: Path) -> np.ndarray:
    """Times of observation in microseconds since 1970, (rows,) int64."""
    with np.load(path) as file:
        return file["observed"]


def read(path: Path, names: Collection[str] | None = None,
         rows: np.ndarray | None = None) -> tuple[Ids, Table]:
    """(ids, headers) of the datasets in ``path``.

    With ``names`` only these keywords are read, with ``rows`` only these datasets.
    """
    with np.load(path) as file:
        ids = file["ids"] if rows is None else file["ids"][rows]
        columns = {}
        for number, name in enumerate(_texts(file["names"])):
            if names is None or name in names:
                codes = file[f"c{number}"]
                codes = codes if rows is None else codes[rows]
                columns[name] = Column(codes.astype(np.int32), _texts(file[f"v{number}"]))
        count = len(file["observed"]) if rows is None else len(rows)
        return Ids(ids), Table(columns, count)


class Ids(Sequence):
    """Ids of datasets, as texts when they are asked for."""

    def __init__(self, names: np.ndarray):
        self._names = names

    def __getitem__(self, row) -> str:
        return self._names[row].decode("ascii")

    def __len__(self) -> int:
        return len(self._names)


def _ordered(headers: Sequence[Mapping[str, str]]) -> list[str]:
    """All keywords, in the order of the headers where these agree."""
    orders = dict.fromkeys(tuple(header) for header in headers)
    if all(list(order) == sorted(order) for order in orders):
        return sorted(set(chain.from_iterable(orders)))
    return list(dict.fromkeys(chain.from_iterable(orders)))


def _small(values: int):
    """The smallest type that has codes of so many values, and :data:`MISSING`."""
    assert MISSING == -1
    return np.int8 if values < 127 else np.int16 if values < 32767 else np.int32


def _bytes(values: list[str]) -> np.ndarray:
    return np.frombuffer(json.dumps(values).encode("utf-8"), np.uint8)


def _texts(data: np.ndarray) -> list[str]:
    return json.loads(data.tobytes())
