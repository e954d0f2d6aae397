"""``manage monitor_reprocessing``: what host/monitor_reprocessing calls every few minutes."""

from __future__ import annotations

from django.core.management.base import BaseCommand, CommandError

from affected.services import computing, monitoring
from common.errors import ServiceError


class Command(BaseCommand):
    help = ("Compares the latest context with old_context.txt in the folder monitor_reprocessing;"
            " if they differ, finds out which datasets that affects, writes a dated folder, sends"
            " the mail and brings old_context.txt up to date. Safe to call at any time.")

    def add_arguments(self, parser):
        parser.add_argument("--processes", type=int, help="processes to use")

    def handle(self, *, processes, **options):
        try:
            found = monitoring.watch(processes=processes)
        except computing.AlreadyRunning as exc:
            self.stdout.write(exc.message)
            return
        except ServiceError as exc:
            raise CommandError(exc.message) from exc
        except KeyboardInterrupt:
            raise CommandError("Stopped. The next call goes on with it.") from None
        if found.run or options["verbosity"] > 1:
            self.stdout.write(found.text)
        if found.run:
            self.stdout.write(str(computing.folder_of(found.run)))
