"""What happened to the catalogue: the audit log, and what is known of the time before it.

Files that came with an import were submitted elsewhere, so nobody here recorded it; their
delivery date and the context history tell when it was.  The list is kept as arrays for each
state of catalogue and log, as in :mod:`interactive.services.columns`; the records of the page
that is shown come from the database.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime

import numpy as np
from django.db.models import Max

from common import arrays
from common.prepared import Prepared
from interactive.models import AuditRecord, CatalogFile, ContextHistory, FileState

from . import audit, columns, revision
from .columns import Columns, Epoch, FileRows, chunks, seconds
from .file_lists import FileFilter

SUBMIT, SET_CONTEXT = "submit file", "set default context"

#: Where an entry comes from.
LOG, DELIVERED, HISTORY = 0, 1, 2

#: Seconds between a turn in the history and its record in the log that make them one act.
SAME = 60


@dataclass(frozen=True)
class Activity:
    """One act.  ``details`` are plain values by name."""

    date: datetime
    file: str
    action: str
    why: str = ""
    details: dict = field(default_factory=dict)


class Log:
    """Every act, oldest first, as arrays of equal length.

    ``file`` is the primary key of a published file, 0 for none, or negative: the position of
    another name in :attr:`others`.  ``key`` is that of the row in the table of ``source``.
    """

    def __init__(self, state: str, block: bytes | memoryview):
        self.state = state
        found, notes = arrays.unpack(block)
        self.actions: list[str] = notes["actions"]
        self.others: list[str] = notes["others"]
        self.files: int = notes["files"]
        self.date: np.ndarray = found["date"]
        self.action: np.ndarray = found["action"]
        self.file: np.ndarray = found["file"]
        self.key: np.ndarray = found["key"]
        self.source: np.ndarray = found["source"]

    def files_in(self, files: np.ndarray, others: list[bool]) -> np.ndarray:
        """Acts on the files of a mask, or on names of :attr:`others` that are wanted."""
        # The catalogue may have changed between the making of the log and of the mask.
        known = np.zeros(self.files, bool)
        known[:len(files)] = files[:self.files]
        table = np.concatenate([known, np.array(others[::-1], bool)])
        # A negative index counts from the end, where the other names are in reverse.
        return table[self.file]


@dataclass(frozen=True)
class ActivityFilter:
    """What acts are wanted; None means any.  ``until`` is the first moment not wanted."""

    action: str | None = None
    extension: str | None = None
    instrument: str | None = None
    filekind: str | None = None
    name: str | None = None
    since: datetime | None = None
    until: datetime | None = None

    def mask(self, log: Log, found: Columns) -> np.ndarray:
        mask = np.ones(len(log.date), bool)
        if self.action is not None:
            wanted = [action == self.action for action in log.actions]
            mask &= np.array(wanted, bool)[log.action]
        if self.since is not None:
            mask &= log.date >= seconds(self.since)
        if self.until is not None:
            mask &= log.date < seconds(self.until)
        if self.extension or self.instrument or self.filekind or self.name:
            files = FileFilter(extension=self.extension, instrument=self.instrument,
                               filekind=self.filekind, name=self.name).mask(found)
            files[0] = False
            mask &= log.files_in(files, [self._fits(name) for name in log.others])
        return mask

    def _fits(self, name: str) -> bool:
        """Names that are no published files have no instrument and no type."""
        if self.instrument or self.filekind:
            return False
        if self.extension and not name.endswith(self.extension):
            return False
        return not self.name or columns.fits(name, self.name)


class ActivityRows:
    """Acts, newest first, with what lists need of a queryset; a slice takes three queries."""

    model = AuditRecord

    def __init__(self, log: Log, found: Columns, positions: np.ndarray):
        self.log, self.columns, self.positions = log, found, positions

    def all(self) -> ActivityRows:
        return self

    def none(self) -> ActivityRows:
        return ActivityRows(self.log, self.columns, self.positions[:0])

    def order_by(self, *names: str) -> ActivityRows:
        """By date only."""
        # The log is sorted, oldest first.
        ordered = np.sort(self.positions)
        if names and names[0].startswith("-"):
            ordered = ordered[::-1]
        return ActivityRows(self.log, self.columns, ordered)

    def count(self) -> int:
        return len(self.positions)

    __len__ = count

    def __getitem__(self, key):
        if isinstance(key, slice):
            return self._rows(self.positions[key])
        return self._rows(self.positions[key:key + 1])[0]

    def __iter__(self) -> Iterator[Activity]:
        return self.iterator()

    def iterator(self, chunk_size: int = 1000) -> Iterator[Activity]:
        for start in range(0, len(self.positions), chunk_size):
            yield from self._rows(self.positions[start:start + chunk_size])

    def _rows(self, positions: np.ndarray) -> list[Activity]:
        keys = self.log.key[positions].tolist()
        sources = self.log.source[positions].tolist()
        wanted = {source: [key for key, of in zip(keys, sources, strict=True) if of == source]
                  for source in (LOG, DELIVERED, HISTORY)}
        known = {LOG: _logged(wanted[LOG]), DELIVERED: _delivered(wanted[DELIVERED]),
                 HISTORY: _turned(wanted[HISTORY])}
        return [known[source][key] for key, source in zip(keys, sources, strict=True)
                if key in known[source]]


def rows(wanted: ActivityFilter) -> ActivityRows:
    """The acts that ``wanted`` means, newest first."""
    found, log = columns.current(), current()
    positions = np.flatnonzero(wanted.mask(log, found))[::-1]
    return ActivityRows(log, found, positions)


def actions() -> list[str]:
    """Actions that the log had when this process looked last, sorted."""
    return sorted((_current or current()).actions)


def not_yet_latest(limit: int = 20) -> list[CatalogFile]:
    """Contexts that were submitted after the latest one and never were latest, newest first."""
    found = columns.current()
    contexts = found.where(lambda group: group.extension == ".pmap")
    latest = np.flatnonzero(contexts & found.where(
        lambda group: group.extension == ".pmap" and group.state == FileState.LATEST))
    waiting = contexts & (found.times["activation_date"] == columns.UNKNOWN) & found.where(
        lambda group: group.state != FileState.LATEST)
    if len(latest):
        # Serial numbers of contexts grow; names sort as they do.
        waiting &= found.name_rank > found.name_rank[latest].max()
    return FileRows(found, waiting, ("-name",))[:limit]


# ---- records -------------------------------------------------------------------


def _logged(keys: list[int]) -> dict[int, Activity]:
    rows_ = AuditRecord.objects.filter(pk__in=keys) if keys else ()
    return {row.pk: Activity(
        row.date, row.file, row.action, row.why,
        row.details if isinstance(row.details, dict) else {"details": row.details})
        for row in rows_}


def _delivered(keys: list[int]) -> dict[int, Activity]:
    if not keys:
        return {}
    files = CatalogFile.objects.filter(pk__in=keys).only(
        "name", "delivery_date", "description", "catalog_link", "uploaded_as")
    return {row.pk: Activity(
        row.delivery_date, row.name, SUBMIT, row.description,
        {name: value for name, value in (("delivery", row.catalog_link),
                                         ("uploaded_as", row.uploaded_as)) if value})
        for row in files}


def _turned(keys: list[int]) -> dict[int, Activity]:
    if not keys:
        return {}
    wanted, before, found = set(keys), "", {}
    # The whole history: some hundred rows, and each tells what the next one replaced.
    for row in ContextHistory.objects.order_by("start_date", "pk"):
        if row.pk in wanted:
            found[row.pk] = Activity(
                row.start_date, row.context, SET_CONTEXT, row.description,
                {"context": "latest", **({"from": before} if before else {}), "to": row.context})
        before = row.context
    return found


# ---- making the arrays -----------------------------------------------------------


class _Making:
    """Gathers the acts of all sources."""

    def __init__(self, found: Columns):
        self.found = found
        self.actions: dict[str, int] = {}
        self.others: dict[str, int] = {}
        self.parts: list[tuple[np.ndarray, ...]] = []

    def add(self, date: np.ndarray, action: np.ndarray, file: np.ndarray, key: np.ndarray,
            source: int) -> None:
        self.parts.append((date, action, file, key, np.full(len(date), source, np.int8)))

    def codes(self, actions) -> np.ndarray:
        return np.array([self.actions.setdefault(action, len(self.actions))
                         for action in actions], np.int16)

    def files(self, names) -> np.ndarray:
        """Primary keys of published files; other names get negative numbers."""
        keys = self.found.keys_of(names)
        for position in np.flatnonzero(keys < 0).tolist():
            name = names[position]
            keys[position] = -self.others.setdefault(name, len(self.others) + 1) if name else 0
        return keys

    def block(self) -> bytes:
        kinds = (np.int64, np.int16, np.int64, np.int64, np.int8)
        joined = [np.concatenate([part[number] for part in self.parts] or [np.zeros(0)])
                  .astype(kind) for number, kind in enumerate(kinds)]
        order = np.lexsort((joined[3], joined[4] == LOG, joined[0]))
        names = ("date", "action", "file", "key", "source")
        return arrays.pack(
            {name: values[order] for name, values in zip(names, joined, strict=True)},
            actions=list(self.actions), others=list(self.others), files=self.found.length)


def _make() -> bytes:
    making = _Making(columns.current())
    records = AuditRecord.objects.exclude(action__in=audit.PRIVATE).order_by("pk").values_list(
        "pk", Epoch("date"), "action", "file")
    submitted, turns = [], []
    for part in chunks(records):
        key, date, action, file = zip(*part, strict=True)
        dates, files, codes = np.array(date, np.int64), making.files(file), making.codes(action)
        making.add(dates, codes, files, np.array(key, np.int64), LOG)
        submitted.append(files[codes == making.actions.get(SUBMIT, -1)])
        turned = codes == making.actions.get(SET_CONTEXT, -1)
        turns += zip(files[turned].tolist(), dates[turned].tolist(), strict=True)
    _add_deliveries(making, np.concatenate(submitted) if submitted else np.zeros(0, np.int64))
    _add_history(making, turns)
    return making.block()


def _add_deliveries(making: _Making, submitted: np.ndarray) -> None:
    """Files with a delivery date whose submission is not in the log."""
    found = making.found
    known = found.all() & (found.times["delivery_date"] != columns.UNKNOWN)
    known[submitted[submitted > 0]] = False
    keys = np.flatnonzero(known)
    if len(keys):
        codes = np.repeat(making.codes([SUBMIT]), len(keys))
        making.add(found.times["delivery_date"][keys], codes, keys, keys, DELIVERED)


def _add_history(making: _Making, turns: list[tuple[int, int]]) -> None:
    """Turns of the context history that are not in the log."""
    rows_ = list(ContextHistory.objects.order_by("pk").values_list("pk", "start_date", "context"))
    if not rows_:
        return
    keys = np.array([pk for pk, _, _ in rows_], np.int64)
    dates = np.array([seconds(date) for _, date, _ in rows_], np.int64)
    files = making.files([context for _, _, context in rows_])
    new = [not any(file == other and abs(date - when) <= SAME for other, when in turns)
           for file, date in zip(files.tolist(), dates.tolist(), strict=True)]
    codes = np.repeat(making.codes([SET_CONTEXT]), len(keys))
    making.add(dates[new], codes[new], files[new], keys[new], HISTORY)


def state() -> str:
    """Names the state of catalogue and log; two queries."""
    last = AuditRecord.objects.order_by().aggregate(last=Max("pk"))["last"] or 0
    return f"{revision.state()}.{last}"


PREPARED = Prepared("activity", _make, state, mapped=True)

_lock = threading.Lock()
_current: Log | None = None


def current() -> Log:
    """All acts up to now; two queries when nothing happened."""
    global _current
    now, block = PREPARED.state_and_bytes()
    with _lock:
        if _current is None or _current.state != now:
            _current = Log(now, block)
        return _current
