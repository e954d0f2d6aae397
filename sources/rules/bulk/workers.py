"""Selection for batches of headers, in this process or in several.  No Django here."""

from __future__ import annotations

import json
import os
from collections import Counter, deque
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from multiprocessing import get_context
from pathlib import Path

from rules import environment
from rules.parallel import begin_worker

#: Batches that wait for each worker, so that none is ever idle and memory stays flat.
AHEAD = 2


@dataclass(frozen=True)
class Task:
    """What is selected: types under a context, with the rules of a cache."""

    observatory: str
    cache: str
    folder: str
    context: str
    types: tuple[str, ...] = ()


@dataclass
class Selected:
    """Answers of a batch: ``text`` has a JSON object in each line.

    ``left`` counts headers that the library answered, by (type, rule, reason).
    """

    text: str
    headers: int = 0
    errors: int = 0
    left: Counter = field(default_factory=Counter)


@dataclass(frozen=True)
class Batch:
    """Headers: (id, header) pairs, or ``lines`` of JSON objects ``{id: header}``.

    ``first`` is the number of the first line, for messages.
    """

    pairs: list[tuple[str, Mapping]] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    first: int = 1


def select(task: Task, batches: Iterable[Batch], processes: int) -> Iterator[Selected]:
    """The answers of ``batches`` in their order.

    With more than one of ``processes`` workers do it.  Raises
    :class:`concurrent.futures.process.BrokenProcessPool` if one of them dies.
    """
    if processes <= 1:
        environment.prepare(task.observatory, task.cache)
        selector = _Selector(task)
        yield from map(selector.answer, batches)
        return
    with ProcessPoolExecutor(
        processes, mp_context=get_context("spawn"), initializer=_begin,
        initargs=(task, os.getpid()),
    ) as pool:
        waiting: deque = deque()
        try:
            for batch in batches:
                waiting.append(pool.submit(_answer, batch))
                if len(waiting) > AHEAD * processes:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


class _Selector:
    def __init__(self, task: Task):
        from rules.bulk import Engine, Source
        from rules.loading import RuleCache, silence_library

        silence_library()
        # The engine holds what it needs; this only loads.
        self._rules = RuleCache(0)
        self._engine = Engine(Source(self._rules.part, Path(task.folder)))
        self._task = task
        self._engine.context(task.context)

    def answer(self, batch: Batch) -> Selected:
        pairs, broken = (_parsed(batch) if batch.lines else (batch.pairs, []))
        headers = [header if isinstance(header, Mapping) else {} for _, header in pairs]
        table = self._engine.table(self._task.context, headers)
        found = self._engine.best_references(self._task.context, table, self._task.types)
        lines = []
        for row, ((name, header), references) in enumerate(zip(pairs, found, strict=True)):
            error = found.error(row)
            if not isinstance(header, Mapping):
                error = "The header is no object of keywords and values."
            lines.append({"id": name, "error": error} if error is not None
                         else {"id": name, "references": references})
        errors = sum("error" in line for line in lines) + len(broken)
        text = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in [*lines, *broken])
        left = Counter({(one.kind, one.rule, one.reason): one.rows
                        for one in found.left_to_library})
        return Selected(text, len(pairs) + len(broken), errors, left)


def _parsed(batch: Batch) -> tuple[list[tuple[str, object]], list[dict]]:
    """(id, header) pairs of the lines, and what to say about lines that are not JSON."""
    pairs, broken = [], []
    for number, line in enumerate(batch.lines, batch.first):
        if not line.strip():
            continue
        try:
            entry = json.loads(line)
            pairs.extend(entry.items())
        except (ValueError, AttributeError, RecursionError) as exc:
            broken.append({"line": number,
                           "error": f"This line is no object {{id: header}}: {exc}"})
    return pairs, broken


_selector: _Selector | None = None


def _begin(task: Task, parent: int) -> None:
    global _selector
    begin_worker(task.observatory, task.cache, parent)
    _selector = _Selector(task)


def _answer(batch: Batch) -> Selected:
    return _selector.answer(batch)
