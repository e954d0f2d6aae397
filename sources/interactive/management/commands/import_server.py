"""``manage import_server URL``: add the catalogue of a running CRDS server."""

from __future__ import annotations

import hashlib

from django.conf import settings

from interactive.management.importing import ImportCommand
from interactive.services.importing import ServerSource


class Command(ImportCommand):
    help = ("Add the catalogue of the CRDS server at URL: all its rules, and its references as"
            " known by name or with their bytes. Doing it again goes on where it stopped.")

    def add_arguments(self, parser):
        super().add_arguments(parser)
        parser.add_argument("url", metavar="URL", help="such as http://localhost:8000")
        parser.add_argument("--references", choices=ServerSource.CHOICES, default="none",
                            help="reference files to download: none (they are known by name),"
                                 " those of the latest context, or all")

    def handle(self, **options):
        url = options["url"]
        key = hashlib.sha1(url.encode(), usedforsecurity=False).hexdigest()[:12]
        # Beside the store, so that files move into it without being copied.
        staging = settings.INSTANCE.file_cache / ".staging" / key
        source = ServerSource(url, settings.CRDS_OBSERVATORY, staging,
                              references=options["references"])
        self.run_import(source, **options)
