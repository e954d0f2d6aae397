"""Takes records from requests and writes them in batches, from a thread of its own.

A request never waits for the database and never fails because of a record:
the buffer is bounded, and what does not fit is dropped and counted.
"""

from __future__ import annotations

import atexit
import logging
import os
import threading
import time
from collections import deque
from collections.abc import Callable

from django.conf import settings
from django.db import connections, transaction

from . import rotation
from .models import RequestRecord

log = logging.getLogger(__name__)

#: Records that wait at most; beyond, the newest are dropped.
CAPACITY = 20_000
#: Records written in one short transaction.
BATCH = 500
#: Waiting records that call the writer before its time.
HURRY = 2_000
#: Seconds between rounds of tidying up.
TIDY_SECONDS = 3600


class Recorder:
    """The buffer of one process and its writer thread, which starts with the first record."""

    def __init__(self):
        self._reset()
        # A forked worker must not write what its parent holds, and has no writer thread.
        os.register_at_fork(after_in_child=self._reset)
        atexit.register(self.close)

    def _reset(self) -> None:
        self.waiting: deque[RequestRecord] = deque()
        self.dropped = 0
        self._writer: threading.Thread | None = None
        self._starting = threading.Lock()
        self._writing = threading.Lock()
        self._wake = threading.Event()
        self._stopping = False
        self._tidied = 0.0

    # ---- in requests -----------------------------------------------------

    def add(self, describe: Callable[[], RequestRecord]) -> None:
        """Take the record that ``describe`` returns.  Never raises."""
        try:
            if len(self.waiting) >= CAPACITY:
                self.dropped += 1
                return
            self.waiting.append(describe())
            if settings.STATS_FLUSH_SECONDS == 0:
                self.flush()
                return
            if self._writer is None:
                self._start()
            if len(self.waiting) >= HURRY:
                self._wake.set()
        except Exception:
            self.dropped += 1
            log.exception("A request could not be recorded")

    def _start(self) -> None:
        with self._starting:
            if self._writer is None:
                self._writer = threading.Thread(target=self._run, name="stats", daemon=True)
                self._writer.start()

    # ---- in the writer thread --------------------------------------------

    def _run(self) -> None:
        while not self._stopping:
            self._wake.wait(settings.STATS_FLUSH_SECONDS or 1)
            self._wake.clear()
            try:
                self.flush()
                self._tidy()
            except Exception as exc:
                log.warning("%d request records wait, they could not be written: %s",
                            len(self.waiting), exc)
                time.sleep(settings.STATS_FLUSH_SECONDS or 1)
            finally:
                # Idle connections would outlive a restart of the database.
                connections.close_all()

    def flush(self) -> int:
        """Write what waits, in batches; returns how many.  Unwritten records go on waiting."""
        written = 0
        with self._writing:
            while batch := self._take():
                try:
                    with transaction.atomic():
                        RequestRecord.objects.bulk_create(batch)
                except Exception:
                    self.waiting.extendleft(reversed(batch))
                    raise
                written += len(batch)
        self._report_dropped()
        return written

    def _take(self) -> list[RequestRecord]:
        batch = []
        while self.waiting and len(batch) < BATCH:
            batch.append(self.waiting.popleft())
        return batch

    def _report_dropped(self) -> None:
        if self.dropped:
            dropped, self.dropped = self.dropped, 0
            log.warning("%d request records were dropped: the database did not keep up", dropped)

    def _tidy(self) -> None:
        if not self._tidied or time.monotonic() - self._tidied > TIDY_SECONDS:
            self._tidied = time.monotonic()
            rotation.tidy()

    # ---- at the end ------------------------------------------------------

    def stop(self) -> None:
        """End the writer thread."""
        self._stopping = True
        self._wake.set()
        if self._writer is not None:
            self._writer.join(30)

    def close(self) -> None:
        """Write what still waits when the process ends."""
        if not self.waiting:
            return
        try:
            self.flush()
        except Exception as exc:
            log.warning("%d request records are lost at exit: %s", len(self.waiting), exc)


recorder = Recorder()
