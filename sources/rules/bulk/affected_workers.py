"""Compares two contexts for files of datasets, in this process or in several.  No Django here."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

import numpy as np

from rules import environment
from rules.parallel import begin_worker

from . import columns
from .change import Change
from .effects import Comparer, Effects, keywords

#: Parts that wait for each worker, so that none is ever idle.
AHEAD = 2

#: Below so many datasets one process is faster: workers take seconds to start.
LITTLE = 400_000


@dataclass(frozen=True)
class Task:
    """What is compared, with the rules of a cache; ``folder`` keeps compiled rules."""

    cache: str
    folder: str
    change: Change
    bad_files: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Part:
    """A file of datasets of an instrument.

    ``since`` is the time (microseconds since 1970) that a dataset must have been observed at
    or after, as the server of the client says it.
    """

    instrument: str
    number: int
    path: Path
    since: int


def compare(task: Task, parts: Iterable[Part], processes: int,
            ) -> Iterator[tuple[Part, Effects]]:
    """The effects on each of ``parts``, in their order.

    Raises :class:`concurrent.futures.process.BrokenProcessPool` if a worker dies.
    """
    if processes <= 1:
        environment.prepare(task.change.observatory, task.cache)
        worker = _Worker(task)
        for part in parts:
            yield part, worker.effects(part)
        return
    with ProcessPoolExecutor(
        processes, mp_context=get_context("spawn"), initializer=_begin,
        initargs=(task, os.getpid()),
    ) as pool:
        waiting: deque = deque()
        try:
            for part in parts:
                waiting.append((part, pool.submit(_effects, part)))
                if len(waiting) > AHEAD * processes:
                    done, future = waiting.popleft()
                    yield done, future.result()
            while waiting:
                done, future = waiting.popleft()
                yield done, future.result()
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


class _Worker:
    def __init__(self, task: Task):
        from rules.bulk import Engine, Source
        from rules.loading import RuleCache, silence_library

        silence_library()
        # The engine holds what it needs; this only loads.
        rules = RuleCache(0)
        self._rules = rules
        self._engine = Engine(Source(rules.part, Path(task.folder)))
        self._comparer = Comparer(self._engine, task.change, task.bad_files)
        self._change = task.change
        self._names: dict[str, set[str] | None] = {}

    def effects(self, part: Part) -> Effects:
        rows = np.flatnonzero(columns.observed(part.path) >= part.since)
        if not len(rows):
            return Effects()
        ids, table = columns.read(part.path, self._keywords(part.instrument), rows)
        return self._comparer.effects(table, ids)

    def _keywords(self, instrument: str) -> set[str] | None:
        """The keywords that the rules of both contexts look at; None for all."""
        if instrument not in self._names:
            both = [keywords(self._engine, context, self._change.types, instrument)
                    for context in (self._change.old, self._change.new)]
            self._names[instrument] = None if None in both else both[0] | both[1]
        return self._names[instrument]


_worker: _Worker | None = None


def _begin(task: Task, parent: int) -> None:
    global _worker
    begin_worker(task.change.observatory, task.cache, parent)
    _worker = _Worker(task)


def _effects(part: Part) -> Effects:
    return _worker.effects(part)
