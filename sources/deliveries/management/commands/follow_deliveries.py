"""What the archive did with deliveries since the last look; for cron and by hand."""

from __future__ import annotations

from django.core.management.base import BaseCommand, CommandError

from common.errors import ServiceError
from deliveries.services import folders, switch, watching


class Command(BaseCommand):
    help = (
        "Look into the folder deliveries and bring the state of each delivery and its files up"
        " to date. A running worker does this by itself every few seconds."
    )

    def add_arguments(self, parser):
        parser.add_argument("--prepare", action="store_true",
                            help="first set the folder up: after it was emptied or replaced")
        parser.add_argument("--archiving", choices=("on", "off", "site"),
                            help="turn the hand-over to the archive on or off, or leave it to the"
                                 " site configuration")

    def handle(self, *args, **options):
        try:
            if options["archiving"]:
                switch.turn(options["archiving"])
                folders.prepare()
            if options["prepare"]:
                folders.prepare()
            changes = watching.follow()
        except ServiceError as exc:
            raise CommandError(exc.message) from exc
        for change in changes:
            note = f": {change.problem}" if change.problem else ""
            self.stdout.write(f"{change.catalog} is {change.state}{note}")
