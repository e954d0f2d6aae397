"""Loads dataset parameters into the archive catalogue."""

from __future__ import annotations

import time
from itertools import chain
from pathlib import Path

from django.core.management.base import BaseCommand, CommandError

from archive import reading, services
from archive.ids import instrument_name
from common.errors import ServiceError

_SHOWN_PROBLEMS = 20
#: Seconds between two lines of progress where lines cannot be written over.
_PAUSE = 10


class Command(BaseCommand):
    help = ("Load dataset parameters from files of {id: header} objects (.json, .jsonl, also"
            " .gz, or a folder of them). Loading the same again changes nothing.")

    def add_arguments(self, parser):
        parser.add_argument("files", nargs="+", metavar="FILE", help="file or folder to load")
        parser.add_argument("--instrument", default="", help="for headers that name none")
        parser.add_argument("--source", default="",
                            help="what to give as the origin of the parameters (the file's name)")
        chosen = parser.add_mutually_exclusive_group()
        chosen.add_argument("--replace", dest="replace", action="store_true", default=True,
                            help="replace datasets that are there and differ (default)")
        chosen.add_argument("--keep", dest="replace", action="store_false",
                            help="leave datasets that are there as they are")

    def handle(self, *, files, instrument, source, replace, **options):
        total = services.LoadCount()
        self._shown = time.monotonic()
        self._started = self._shown
        try:
            instrument = instrument_name(instrument) if instrument else ""
            # All names first: a misspelt one should not be found after an hour of loading.
            for path in chain.from_iterable(reading.files(name) for name in files):
                if not path.exists():
                    raise CommandError(f"{path}: there is no such file.")
            for name in files:
                self._load(name, instrument, source, replace, total)
        except ServiceError as exc:
            self._summary(total)
            raise CommandError(exc.message) from exc
        except KeyboardInterrupt:
            self._summary(total)
            raise CommandError(
                "Stopped. What was loaded stays; run it again to load the rest.") from None
        self._summary(total)

    def _load(self, name, instrument, source, replace, total):
        done = services.LoadCount()

        def progress(count):
            nonlocal done
            _add(total, count, done)
            done = services.LoadCount(**{**vars(count), "problems": list(count.problems)})
            self._progress(total)

        services.load(reading.read(name, instrument), replace=replace,
                      source=source or Path(name).name, progress=progress)

    def _progress(self, total):
        terminal = self.stderr.isatty()
        now = time.monotonic()
        if terminal or now - self._shown >= _PAUSE:
            self._shown = now
            rate = total.read / max(now - self._started, 0.001)
            self.stderr.write(f"{total.read:,} datasets read, {rate:,.0f} a second",
                              ending="\r" if terminal else "\n")

    def _summary(self, total):
        for problem in total.problems[:_SHOWN_PROBLEMS]:
            self.stderr.write(f"not loaded: {problem}")
        more = total.invalid - min(len(total.problems), _SHOWN_PROBLEMS)
        if more:
            self.stderr.write(f"not loaded: {more:,} more")
        self.stdout.write(
            f"{total.read:,} read: {total.added:,} added, {total.replaced:,} replaced,"
            f" {total.unchanged:,} unchanged, {total.kept:,} kept as they were,"
            f" {total.invalid:,} not loaded")


def _add(total, count, before):
    for name in ("read", "added", "replaced", "kept", "unchanged", "invalid"):
        setattr(total, name, getattr(total, name) + getattr(count, name) - getattr(before, name))
    total.problems += count.problems[len(before.problems):]
