"""Headers in files, batch by batch: JSON, CSV and Parquet."""

from __future__ import annotations

import csv
import gzip
import json
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from archive import reading
from common.errors import BadRequest
from rules.bulk.workers import Batch

#: Headers of a batch: large enough for the engine, small enough to show progress.
AT_ONCE = 10_000

#: The column with the dataset id in tables.
ID = "id"

TABLES = (".csv", ".csv.gz", ".parquet")


def batches(path: Path, skip: int = 0) -> Iterator[tuple[Batch, int]]:
    """(batch, number of entries or lines of the file it covers) from entry ``skip`` on.

    Entries are lines of a file with an object in each line, else headers; a file is always
    cut the same way, so that work that stopped can go on.  Raises :class:`BadRequest` for
    files that cannot be read.
    """
    if not path.is_file():
        raise BadRequest(f"{path}: there is no such file.")
    if path.name.endswith(".parquet"):
        yield from _of_pairs(_parquet(path), skip)
    elif path.name.endswith((".csv", ".csv.gz")):
        yield from _of_pairs(_csv(path), skip)
    elif path.name.endswith(reading.ENDINGS) and _has_lines(path):
        yield from _of_lines(path, skip)
    elif path.name.endswith(reading.ENDINGS):
        yield from _of_pairs(((name, header) for name, header, _ in reading.entries(path)), skip)
    else:
        raise BadRequest(f"{path}: the name must end in"
                         f" {', '.join((*reading.ENDINGS, *TABLES))}.")


def _of_pairs(pairs, skip: int) -> Iterator[tuple[Batch, int]]:
    pairs = islice(pairs, skip, None)
    while part := list(islice(pairs, AT_ONCE)):
        yield Batch(pairs=part), len(part)


def _of_lines(path: Path, skip: int) -> Iterator[tuple[Batch, int]]:
    with _open(path) as stream:
        lines = islice(stream, skip, None)
        while part := list(islice(lines, AT_ONCE)):
            yield Batch(lines=part, first=skip + 1), len(part)
            skip += len(part)


def _open(path: Path):
    opener = gzip.open if path.name.endswith(".gz") else open
    # What is not UTF-8 cannot match anything; it must not stop the run.
    return opener(path, "rt", encoding="utf-8", errors="replace", newline="")


def _has_lines(path: Path) -> bool:
    """Whether the first line is a whole object of headers."""
    try:
        with _open(path) as stream:
            first = stream.readline(reading.LONGEST)
            return all(isinstance(header, dict) for header in json.loads(first).values())
    except (OSError, EOFError) as exc:
        raise BadRequest(f"{path}: cannot be read ({exc}).") from exc
    except (ValueError, AttributeError, RecursionError):
        return False


def _csv(path: Path) -> Iterator[tuple[str, dict[str, str]]]:
    csv.field_size_limit(1 << 24)
    try:
        with _open(path) as stream:
            rows = csv.DictReader(stream)
            column = _id_column(path, rows.fieldnames or [])
            for row in rows:
                yield row[column] or "", {
                    key: value for key, value in row.items()
                    if key not in (None, column) and value not in (None, "")}
    except (OSError, EOFError, csv.Error) as exc:
        raise BadRequest(f"{path}: cannot be read ({exc}).") from exc


def _parquet(path: Path) -> Iterator[tuple[str, dict]]:
    try:
        from pyarrow import ArrowException, parquet
    except ImportError as exc:
        raise BadRequest(f"{path}: reading Parquet needs the package pyarrow, which is not"
                         " installed. Install it, or give the headers as .json or .csv.") from exc
    try:
        file = parquet.ParquetFile(path)
        column = _id_column(path, file.schema_arrow.names)
        for batch in file.iter_batches(batch_size=AT_ONCE):
            for row in batch.to_pylist():
                yield str(row.pop(column)), {
                    key: value for key, value in row.items() if value is not None}
    except (OSError, ArrowException) as exc:
        raise BadRequest(f"{path}: cannot be read ({exc}).") from exc


def _id_column(path: Path, names) -> str:
    for name in names:
        if name.lower() == ID:
            return name
    raise BadRequest(f"{path}: a column {ID!r} with the ids of the datasets is needed;"
                     f" the columns are {', '.join(map(str, names)) or 'none'}.")
