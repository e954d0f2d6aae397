"""``manage import_cache DIR``: add a CRDS cache to the catalogue."""

from __future__ import annotations

from django.conf import settings

from interactive.management.datasets import load_generated
from interactive.management.importing import ImportCommand
from interactive.services.importing import CacheSource


class Command(ImportCommand):
    help = ("Add the CRDS cache in DIR (a client's CRDS_PATH) to this catalogue. Doing it again"
            " changes nothing; stopped at any time, the catalogue is as it was.")

    def add_arguments(self, parser):
        super().add_arguments(parser)
        parser.add_argument("folder", metavar="DIR")
        parser.add_argument("--link", action="store_true",
                            help="share the bytes of the files by hard links instead of copying"
                                 " them; only for a cache that nobody changes afterwards")
        parser.add_argument("--with-datasets", metavar="N", type=int, default=0,
                            help="also fill the archive with N datasets for each instrument,"
                                 " generated so that they match the rules; not real observations")

    def handle(self, **options):
        source = CacheSource(options["folder"], settings.CRDS_OBSERVATORY, link=options["link"])
        summary = self.run_import(source, **options)
        if options["with_datasets"] > 0:
            count = load_generated(summary.latest, options["with_datasets"])
            self.stdout.write(f"Generated {count} datasets for the archive (no real observations)")
