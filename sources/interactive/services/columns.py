"""What lists select and sort by: columns of the whole catalogue as arrays.

A list of a catalogue of a million files may be narrowed by any of a dozen filters and sorted
by any of several columns.  No set of database indexes serves all of that; comparing arrays of
a million numbers takes milliseconds.  The arrays are made once for each state of the catalogue
and shared by all processes; the rows of the page that is shown come from the database.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from typing import NamedTuple

import numpy as np
from django.db import connections
from django.db.models import BigIntegerField, Func, TextField
from django.db.models.functions import Coalesce

from common import arrays, globs
from common.prepared import Prepared
from interactive.models import CatalogFile, FileState

from . import revision

#: Time that is not known; sorts before every other.
UNKNOWN = np.iinfo(np.int64).min

#: Rows that are read at a time.
CHUNK = 50_000

#: Bits of a sort key for the primary key, which makes it unique: 67 million files.
KEY_BITS = 26

#: Largest value beside the primary key in a sort key.
KEY_LIMIT = 2**(62 - KEY_BITS)

#: Bit of :attr:`Columns.order` that latest files have; all others are below.
LATEST_BIT = 55

#: Bytes of an uploaded name that are compared.
UPLOADED_LIMIT = 128

TIMES = ("delivery_date", "activation_date", "useafter_date")


class Group(NamedTuple):
    """Values that many files share: every combination has a number in :attr:`Columns.group`."""

    instrument: str
    filekind: str
    type: str
    extension: str
    state: str
    stored: bool
    rejected: bool
    blacklisted: bool


class Columns:
    """The published catalogue at one state, as arrays indexed by primary key.

    Masks are arrays of booleans of :attr:`length`, true for the files that are meant.
    Times are seconds since 1970, :data:`UNKNOWN` where there is none.  ``order`` rises from
    old files to new ones and to those that are latest.
    """

    def __init__(self, state: str, block: bytes | memoryview):
        self.state = state
        found, notes = arrays.unpack(block)
        self.groups = [Group(*values) for values in notes["groups"]]
        self.group: np.ndarray = found["group"]
        self.length = len(self.group)
        self.order: np.ndarray = found["order"]
        self._published = self.group > 0
        self.times = {name: found[name] for name in TIMES}
        self.size: np.ndarray = found["size"]
        self.name_rank: np.ndarray = found["name_rank"]
        self._names: np.ndarray = found["names"]
        self._by_name: np.ndarray = found["by_name"]
        self._uploaded: np.ndarray = found["uploaded"]
        self._uploaded_pk: np.ndarray = found["uploaded_pk"]

    # ---- masks -----------------------------------------------------------

    def all(self) -> np.ndarray:
        """Every published file.  Not to be changed."""
        return self._published

    def where(self, wanted: Callable[[Group], bool]) -> np.ndarray:
        """Files whose shared values are ``wanted``."""
        table = np.fromiter((False, *map(wanted, self.groups[1:])), bool, len(self.groups))
        return table[self.group]

    def between(self, column: str, start: datetime | None, end: datetime | None) -> np.ndarray:
        """Files whose time is known, not before ``start`` and before ``end``."""
        values = self.times[column]
        mask = values != UNKNOWN
        if start is not None:
            mask &= values >= seconds(start)
        if end is not None:
            mask &= values < seconds(end)
        return mask

    def ids(self, primary_keys) -> np.ndarray:
        """The mask of ``primary_keys``; those not published are left out."""
        mask = np.zeros(self.length, bool)
        keys = np.asarray(primary_keys, dtype=np.int64)
        mask[keys[(keys >= 0) & (keys < self.length)]] = True
        return mask & self.all()

    def named(self, pattern: str) -> np.ndarray:
        """Primary keys of the files whose name is, or matches, the shell ``pattern``."""
        return self._by_name[_matching(self._names, pattern)]

    def uploaded_as(self, pattern: str) -> np.ndarray:
        """As :meth:`named`, for the names under which files were uploaded."""
        return self._uploaded_pk[_matching(self._uploaded, pattern)]

    def keys_of(self, names: Sequence[str]) -> np.ndarray:
        """Primary keys of published files by name, -1 for names that are none."""
        wanted = np.array([name.encode() for name in names] or [b""])
        at = np.searchsorted(self._names, wanted)
        found = np.zeros(len(wanted), bool)
        inside = at < len(self._names)
        found[inside] = self._names[at[inside]] == wanted[inside]
        keys = np.full(len(wanted), -1, np.int64)
        keys[found] = self._by_name[at[found]]
        return keys[:len(names)]

    def name_of(self, primary_keys) -> list[str]:
        """Names of published files by primary key."""
        return [name.decode() for name in self._names[self.name_rank[primary_keys]].tolist()]

    # ---- order -------------------------------------------------------------

    def sort_keys(self, column: str, primary_keys: np.ndarray) -> np.ndarray:
        """Numbers, no two alike, in the order of ``column`` (a field name)."""
        if column == "name":
            return self.name_rank[primary_keys].astype(np.int64)
        if column in TIMES:
            values = self.times[column][primary_keys]
        elif column == "size":
            values = self.size[primary_keys]
        else:
            table = _ranks([getattr(group, column) for group in self.groups])
            values = table[self.group[primary_keys]]
        return (np.clip(values, -KEY_LIMIT, KEY_LIMIT) << KEY_BITS) | primary_keys

    def known(self, column: str, primary_keys: np.ndarray) -> np.ndarray:
        """Which of the files have a value of ``column``."""
        if column in TIMES:
            return self.times[column][primary_keys] != UNKNOWN
        if column == "size":
            return self.size[primary_keys] >= 0
        return np.ones(len(primary_keys), bool)


def _ranks(values: list) -> np.ndarray:
    order = {value: rank for rank, value in enumerate(sorted(set(values)))}
    return np.array([order[value] for value in values], np.int64)


def seconds(moment: datetime) -> int:
    """Whole seconds since 1970, as in the arrays."""
    return int(moment.astimezone(UTC).timestamp() // 1)


def _matching(names: np.ndarray, pattern: str) -> np.ndarray:
    """Positions in ``names`` (bytes, sorted) that match the shell ``pattern``."""
    width = names.dtype.itemsize
    wanted = pattern.encode()
    first = min((wanted.find(mark) for mark in (b"*", b"?") if mark in wanted), default=-1)
    prefix = wanted if first < 0 else wanted[:first]
    if len(prefix) > width or b"\0" in wanted or not len(names):
        return np.zeros(0, np.int64)
    start, end = 0, len(names)
    if prefix or first < 0:
        last = prefix if first < 0 else prefix + b"\xff" * (width - len(prefix))
        start = int(np.searchsorted(names, prefix))
        end = int(np.searchsorted(names, last, "right"))
    if first < 0:
        return np.arange(start, end)
    part = names[start:end]
    found = _in_order(part, len(prefix), wanted[first:])
    if b"?" in wanted:
        expression = re.compile(globs.expression(pattern).encode(), re.DOTALL)
        found = found[[expression.match(name) is not None for name in part[found].tolist()]]
    return start + found


def _in_order(names: np.ndarray, at: int, rest: bytes) -> np.ndarray:
    """Positions of the names that have the pieces of the pattern ``rest`` in its order.

    They begin at position ``at`` of the names.  That is exact if ``*`` alone stands between
    the pieces, and necessary where a ``?`` does.
    """
    *pieces, last = re.split(rb"[*?]+", rest)
    found = np.arange(len(names))
    place: np.ndarray | int = at
    if last:
        ends = np.strings.endswith(names, last)
        found, names = np.flatnonzero(ends), names[ends]
    for piece in filter(None, pieces):
        where = np.strings.find(names, piece, place)
        kept = where >= 0
        found, names, place = found[kept], names[kept], where[kept] + len(piece)
    if last:
        found = found[np.strings.str_len(names) - len(last) >= place]
    return found


def fits(name: str, pattern: str) -> bool:
    """Whether one ``name`` is, or matches, the shell ``pattern``."""
    return re.match(globs.expression(pattern), name, re.DOTALL) is not None


# ---- the rows of a list --------------------------------------------------------


class FileRows:
    """Files of the catalogue, narrowed and sorted by arrays, with what lists need of a queryset.

    Each slice takes one query: the rows of those files, by primary key.  Files without a
    value of the sorted column come last in either direction, sorted by their names: numbers in
    names rise, so the newest are first where the newest are wanted first.
    """

    model = CatalogFile

    def __init__(self, columns: Columns, mask: np.ndarray | None = None,
                 order: tuple[str, ...] = ("-delivery_date",), deferred: tuple[str, ...] = ()):
        self.columns = columns
        self.order = order
        self.deferred = deferred
        self._ids = np.flatnonzero(columns.all() if mask is None else mask)
        self._sorted: np.ndarray | None = None

    def all(self) -> FileRows:
        return self

    def none(self) -> FileRows:
        return FileRows(self.columns, np.zeros(self.columns.length, bool), self.order)

    def narrowed(self, mask: np.ndarray) -> FileRows:
        kept = np.zeros(self.columns.length, bool)
        kept[self._ids[mask[self._ids]]] = True
        return FileRows(self.columns, kept, self.order, self.deferred)

    def order_by(self, *names: str) -> FileRows:
        """Sorted by the first of ``names``; ties are sorted by primary key."""
        made = FileRows(self.columns, np.zeros(0, bool), names or self.order, self.deferred)
        made._ids = self._ids
        return made

    def count(self) -> int:
        return len(self._ids)

    __len__ = count

    def ids(self, start: int, stop: int) -> np.ndarray:
        """Primary keys of the rows ``start`` to ``stop`` in order."""
        stop = min(stop, len(self._ids))
        if stop <= start:
            return self._ids[:0]
        if self._sorted is not None:
            return self._sorted[start:stop]
        keys = self._keys()
        if stop < len(keys) // 4:
            first = np.argpartition(keys, stop)[:stop]
            return self._ids[first[np.argsort(keys[first])]][start:stop]
        self._sorted = self._ids[np.argsort(keys)]
        return self._sorted[start:stop]

    def _keys(self) -> np.ndarray:
        """Numbers in the order wanted, what is not known last."""
        descending = self.order[0].startswith("-")
        column = self.order[0].lstrip("-")
        keys = self.columns.sort_keys(column, self._ids)
        if descending:
            keys = -keys
        unknown = ~self.columns.known(column, self._ids)
        if unknown.any():
            by_name = self.columns.name_rank[self._ids].astype(np.int64)
            if descending:
                by_name = (1 << KEY_BITS) - 1 - by_name
            keys = np.where(unknown, np.iinfo(np.int64).max - (1 << KEY_BITS) + by_name, keys)
        return keys

    def __getitem__(self, key):
        if isinstance(key, slice):
            stop = len(self._ids) if key.stop is None else key.stop
            return self._rows(self.ids(key.start or 0, stop))
        return self._rows(self.ids(key, key + 1))[0]

    def __iter__(self) -> Iterator[CatalogFile]:
        return self.iterator()

    def iterator(self, chunk_size: int = 1000) -> Iterator[CatalogFile]:
        if self._sorted is None:
            self._sorted = self._ids[np.argsort(self._keys())]
        for start in range(0, len(self._sorted), chunk_size):
            yield from self._rows(self._sorted[start:start + chunk_size])

    def _rows(self, ids: np.ndarray) -> list[CatalogFile]:
        wanted = ids.tolist()
        found = CatalogFile.objects.defer(*self.deferred).in_bulk(wanted)
        return [found[key] for key in wanted if key in found]


# ---- making the arrays -----------------------------------------------------------


class Epoch(Func):
    """A time as whole seconds since 1970, :data:`UNKNOWN` for none: made by the database,
    which takes a tenth of the time of making Python's times."""

    output_field = BigIntegerField()

    def as_sqlite(self, compiler, connection, **more):
        return self.as_sql(compiler, connection, template=(
            f"COALESCE(CAST(strftime('%%%%s', %(expressions)s) AS INTEGER), {UNKNOWN})"), **more)

    def as_mysql(self, compiler, connection, **more):
        return self.as_sql(compiler, connection, template=(
            f"COALESCE(TIMESTAMPDIFF(SECOND, '1970-01-01', %(expressions)s), {UNKNOWN})"), **more)


class Joined(Func):
    """Columns joined to one text with :data:`MARK` between them."""

    output_field = TextField()

    def as_sqlite(self, compiler, connection, **more):
        return self.as_sql(compiler, connection, template="(%(expressions)s)",
                           arg_joiner=f" || '{MARK}' || ", **more)

    def as_mysql(self, compiler, connection, **more):
        return self.as_sql(compiler, connection,
                           template=f"CONCAT_WS('{MARK}', %(expressions)s)", **more)


#: Stands in no value of a group.
MARK = "|"


def _make() -> bytes:
    files = CatalogFile.objects.published()
    top = files.order_by("-pk").values_list("pk", flat=True).first() or 0
    made = {"group": np.zeros(top + 1, np.int32), "size": np.full(top + 1, -1, np.int64),
            **{name: np.full(top + 1, UNKNOWN, np.int64) for name in TIMES}}
    groups: dict[str, int] = {}
    names, keys, uploaded, uploaded_keys = [], [], [], []
    # A file published while this is read belongs to the next state.
    wanted = files.filter(pk__lte=top).order_by("pk").values_list(
        "pk", "name", "uploaded_as", Joined(*Group._fields),
        Coalesce("size", -1), *map(Epoch, TIMES))
    for rows in chunks(wanted):
        pk, name, upload, joined, size, *times = zip(*rows, strict=True)
        pk = np.array(pk, np.int64)
        made["size"][pk] = size
        for column, values in zip(TIMES, times, strict=True):
            made[column][pk] = values
        made["group"][pk] = [groups.setdefault(text, len(groups) + 1) for text in joined]
        names.append(np.array([text.encode() for text in name]))
        keys.append(pk)
        for key, text in zip(rows, upload, strict=True):
            if text:
                uploaded_keys.append(key[0])
                uploaded.append(text.encode()[:UPLOADED_LIMIT])
    made.update(_by_name(names, keys, top))
    texts = np.array(uploaded, dtype=f"S{max(map(len, uploaded), default=1)}")
    order = np.argsort(texts, kind="stable")
    made["uploaded"], made["uploaded_pk"] = texts[order], np.array(uploaded_keys, np.int64)[order]
    made["order"] = _order(made, groups)
    return arrays.pack(made, groups=[_group(MARK * 4 + "|0|0|0"), *map(_group, groups)])


def _order(made: dict[str, np.ndarray], groups: dict[str, int]) -> np.ndarray:
    """Numbers that rise from old files to new ones and to those that are latest; all differ."""
    known = made["delivery_date"]
    known = np.where(known == UNKNOWN, made["activation_date"], known)
    minutes = np.clip(known // 60, -(2**27), 2**28) + 2**27
    latest = np.array([False, *(_group(text).state == FileState.LATEST for text in groups)])
    return ((latest[made["group"]].astype(np.int64) << LATEST_BIT)
            | (minutes << KEY_BITS) | np.arange(len(known)))


def _group(joined: str) -> Group:
    *texts, stored, rejected, blacklisted = joined.split(MARK)
    return Group(*texts, stored == "1", rejected == "1", blacklisted == "1")


def chunks(queryset) -> Iterator[list[tuple]]:
    """Rows as the database returns them: a million conversions by Django take seconds."""
    compiler = queryset.query.get_compiler(using=queryset.db)
    with connections[queryset.db].chunked_cursor() as cursor:
        cursor.execute(*compiler.as_sql())
        while rows := cursor.fetchmany(CHUNK):
            yield list(rows)


def _by_name(names: list[np.ndarray], keys: list[np.ndarray], top: int) -> dict[str, np.ndarray]:
    all_names = np.concatenate(names) if names else np.zeros(0, "S1")
    all_keys = np.concatenate(keys) if keys else np.zeros(0, np.int64)
    order = np.argsort(all_names, kind="stable")
    rank = np.zeros(top + 1, np.int32)
    rank[all_keys[order]] = np.arange(len(order))
    return {"names": all_names[order], "by_name": all_keys[order], "name_rank": rank}


PREPARED = Prepared("columns", _make, revision.state, mapped=True)

_lock = threading.Lock()
_current: Columns | None = None


def current() -> Columns:
    """The columns of the catalogue as it is now; one query when it did not change."""
    global _current
    state, block = PREPARED.state_and_bytes()
    with _lock:
        if _current is None or _current.state != state:
            _current = Columns(state, block)
        return _current


def current_or_last() -> Columns:
    """The columns that this process used last, without a query: for parts of one page."""
    return _current or current()
