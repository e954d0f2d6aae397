"""Runs a function over many files in worker processes.  No Django here: workers start fresh."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import TypeVar

from . import environment

WORKERS = 2

#: Less than this many bytes are read by the process itself: workers take seconds to start.
LITTLE = 16 * 1024 * 1024

#: Seconds between looks whether the parent still lives.
WATCH = 1.0

Result = TypeVar("Result")


def over_files(observatory: str, cache: Path | str, task: Callable[[Path], Result],
               paths: list[Path]) -> Iterator[Result]:
    """``task`` of every path, in their order; ``task`` must be a function of a module.

    ``cache`` is the folder that the client library has as its cache meanwhile.
    Raises :class:`concurrent.futures.process.BrokenProcessPool` if a worker dies.
    """
    environment.prepare(observatory, cache)
    if sum(map(_size, paths)) < LITTLE:
        yield from map(task, paths)
        return
    with ProcessPoolExecutor(
        WORKERS, mp_context=get_context("spawn"), initializer=begin_worker,
        initargs=(observatory, str(cache), os.getpid()),
    ) as pool:
        try:
            yield from pool.map(task, paths, chunksize=16)
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:  # the task says what is wrong with it
        return 0


def begin_worker(observatory: str, cache: str, parent: int) -> None:
    """Prepare a worker process, which ends when the process ``parent`` does."""
    environment.prepare(observatory, cache)
    threading.Thread(target=_end_with_parent, args=(parent,), daemon=True).start()


def _end_with_parent(parent: int) -> None:
    """A killed parent cannot end its workers; they notice and go."""
    while os.getppid() == parent:
        time.sleep(WATCH)
    os._exit(1)
