"""``manage bestrefs``: best references of a file of headers."""

from __future__ import annotations

import time
from pathlib import Path

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from bestrefs.services import runs
from common.errors import ServiceError
from interactive.services import contexts
from rules.bulk import compiled_folder
from rules.bulk.workers import Task

#: Seconds between two lines of progress where lines cannot be written over.
PAUSE = 10


class Command(BaseCommand):
    help = ("Best references of many headers. Reads .json or .jsonl (one object {id: header} in"
            " each line, or one big object; also .gz), .csv with a column 'id' (an empty cell is"
            " a missing keyword) or .parquet; writes a line of JSON for each header:"
            ' {"id": …, "references": {type: answer}}, or "error" in place of "references".'
            " Can be stopped and run again: it goes on where it was.")

    def add_arguments(self, parser):
        parser.add_argument("--context", required=True,
                            help="name of a rule file, date, or such as hst-latest")
        parser.add_argument("--headers", required=True, type=Path, metavar="FILE")
        parser.add_argument("--types", nargs="+", default=[], metavar="TYPE",
                            help="only these types (all of the instrument)")
        parser.add_argument("--output", required=True, type=Path, metavar="FILE")
        parser.add_argument("--restart", action="store_true",
                            help="write the output anew, whatever is there")
        parser.add_argument("--processes", type=int,
                            help="processes to use (one, or as many as cores for a big file)")

    def handle(self, *, context, headers, types, output, restart, processes, **options):
        self._started = self._shown = time.monotonic()
        self._before = None
        try:
            task = Task(settings.CRDS_OBSERVATORY, str(settings.INSTANCE.file_cache),
                        str(compiled_folder()), contexts.resolve(context), tuple(types))
            done = runs.run(task, headers, output, restart=restart, processes=processes,
                            progress=self._progress)
        except ServiceError as exc:
            raise CommandError(exc.message) from exc
        except OSError as exc:
            raise CommandError(f"{exc.filename or output}: {exc.strerror or exc}.") from exc
        except KeyboardInterrupt:
            raise CommandError(
                "Stopped. What is written stays; run it again to go on.") from None
        self._summary(done, output)

    def _progress(self, done):
        if self._before is None:
            self._before = done.headers
        terminal = self.stderr.isatty()
        now = time.monotonic()
        if terminal or now - self._shown >= PAUSE:
            self._shown = now
            rate = (done.headers - self._before) / max(now - self._started, 0.001)
            self.stderr.write(f"{done.headers:,} headers, {rate:,.0f} a second",
                              ending="\r" if terminal else "\n")

    def _summary(self, done, output):
        self.stdout.write(f"{done.headers:,} headers, {done.errors:,} without an answer,"
                          f" written to {output}")
        for (kind, rule, reason), rows in sorted(done.left.items()):
            self.stdout.write(f"the library itself answered {kind} for {rows:,}: {rule}, {reason}")
