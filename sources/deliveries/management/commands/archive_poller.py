"""Plays the archive on a laptop: the whole way of a delivery without one."""

from __future__ import annotations

import time
from pathlib import Path

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from common.errors import ServiceError
from deliveries.services import folders, playing, switch, watching


class Command(BaseCommand):
    help = (
        "Turn archiving on for this instance and play the archive: take deliveries from the folder"
        " deliveries, copy their files into a folder, compare, and report by the renames of the"
        " real one. Ctrl-C ends it; --off turns archiving off again."
    )
    requires_system_checks = []

    def add_arguments(self, parser):
        parser.add_argument("--once", action="store_true", help="one pass, then end")
        parser.add_argument("--interval", type=float, default=10, metavar="SECONDS",
                            help="between two passes (default 10)")
        parser.add_argument("--storage", metavar="FOLDER",
                            help="where the archive keeps its copies (default: archive_storage"
                                 " below CRDS_ROOT)")
        parser.add_argument("--fail", action="append", default=[], metavar="PATTERN",
                            help="let deliveries or files of this name fail; may be repeated")
        parser.add_argument("--slow", type=float, default=0, metavar="SECONDS",
                            help="take so long for each step of a delivery")
        parser.add_argument("--no-receipts", action="store_true",
                            help="tell the server by renames alone")
        state = parser.add_mutually_exclusive_group()
        state.add_argument("--on", action="store_true",
                           help="only turn archiving on (as an archive of its own works here)")
        state.add_argument("--off", action="store_true", help="only turn archiving off")
        state.add_argument("--site", action="store_true",
                           help="only leave it to the site configuration again")

    def handle(self, *args, **options):
        only = next((name for name in ("on", "off", "site") if options[name]), "")
        try:
            switch.turn(only or "on")
            if only:
                self.stdout.write(f"Archiving is {'on' if switch.is_on() else 'off'} now.")
                return
            if not folders.is_prepared():
                folders.prepare()
            self._poll(options)
        except ServiceError as exc:
            raise CommandError(exc.message) from exc
        except KeyboardInterrupt:
            self.stdout.write("Archiving stays on; --off turns it off.")

    def _poll(self, options) -> None:
        if options["interval"] < 0.1 or options["slow"] < 0:
            raise CommandError("--interval is at least 0.1 and --slow at least 0 seconds.")
        storage = Path(options["storage"] or settings.INSTANCE.root / "archive_storage")

        def working():
            # So that the server sees the renames, also where no worker runs.
            watching.follow()
            time.sleep(options["slow"])

        archive = playing.Archive(
            settings.INSTANCE.deliveries, storage, failing=tuple(options["fail"]),
            receipts=not options["no_receipts"], working=working)
        self.stdout.write(f"Archiving is on. Copies go to {storage}.")
        while True:
            for catalog, result in archive.pass_once():
                self.stdout.write(f"{catalog}: {result}")
            watching.follow()
            self.stdout.flush()
            if options["once"]:
                return
            time.sleep(options["interval"])
