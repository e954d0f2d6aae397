"""Shows what the archive catalogue holds."""

from __future__ import annotations

from django.core.management.base import BaseCommand, CommandError

from archive import services
from archive.backends import is_external
from common.errors import ServiceError


class Command(BaseCommand):
    help = ("Show the number of datasets and the span of their times for each instrument."
            " With ARCHIVE_SCHEMA, also read one dataset of each, which proves the mapping.")

    def handle(self, **options):
        try:
            counts = services.counts()
            if is_external():
                for count in counts:
                    next(services.entries(count.instrument), None)
        except ServiceError as exc:
            raise CommandError(exc.message) from exc
        kind = "an existing archive's tables, read only" if is_external() else "own tables"
        self.stdout.write(f"Source: {kind}")
        self.stdout.write(f"{'instrument':<12} {'datasets':>10}  {'earliest':<19}  latest")
        for count in counts:
            self.stdout.write(f"{count.instrument:<12} {count.datasets:>10,}"
                              f"  {_show(count.earliest):<19}  {_show(count.latest)}")
        self.stdout.write(f"{'total':<12} {sum(c.datasets for c in counts):>10,}")


def _show(moment) -> str:
    return moment.strftime("%Y-%m-%d %H:%M:%S") if moment else "-"
