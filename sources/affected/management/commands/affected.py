"""``manage affected``: which datasets a change from one context to another affects."""

from __future__ import annotations

import shutil
import time
from pathlib import Path

from django.core.management.base import BaseCommand, CommandError

from affected.models import Reason
from affected.services import computing, foreground, runs
from common.errors import ServiceError

#: Seconds between two lines of progress where lines cannot be written over.
PAUSE = 10


class Command(BaseCommand):
    help = ("Which datasets of the archive get other references when context OLD is replaced by"
            " NEW; the answer is stored for get_affected_datasets. Prints the products, as"
            " 'crds bestrefs --affected-datasets' does. Can be stopped and run again: it goes on"
            " where it was.")

    def add_arguments(self, parser):
        parser.add_argument("old", help="name of a context, date, or such as hst-latest")
        parser.add_argument("new")
        parser.add_argument("--output", type=Path, metavar="FILE",
                            help="write the products there instead of printing them")
        parser.add_argument("--restart", action="store_true",
                            help="begin anew, whatever an earlier run has done")
        parser.add_argument("--processes", type=int,
                            help="processes to use (one, or as many as cores for a big archive)")

    def handle(self, *, old, new, output, restart, processes, **options):
        self._shown = time.monotonic()
        try:
            pair = runs.check_pair(old, new)
            run = foreground.run(*pair, Reason.COMMAND, processes=processes, anew=restart,
                                 progress=self._progress)
        except ServiceError as exc:
            raise CommandError(exc.message) from exc
        except KeyboardInterrupt:
            raise CommandError("Stopped. The same command goes on with it.") from None
        folder = computing.folder_of(run)
        try:
            if output:
                shutil.copyfile(folder / computing.IDS, output)
            else:
                self.stdout.write((folder / computing.IDS).read_text(), ending="")
        except OSError as exc:
            raise CommandError(f"{exc.filename}: {exc.strerror}.") from exc
        self.stderr.write((folder / "bestrefs.log").read_text())

    def _progress(self, done, total, text):
        terminal = self.stderr.isatty()
        now = time.monotonic()
        if terminal or now - self._shown >= PAUSE:
            self._shown = now
            self.stderr.write(text, ending="\r" if terminal else "\n")
