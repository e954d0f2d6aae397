"""``manage index_catalogue``: make the index of the search anew."""

from __future__ import annotations

import sys

from django.core.management.base import BaseCommand

from interactive.services.importing import Progress
from interactive.services.search import rebuilding


class Command(BaseCommand):
    help = ("Make the index of the search anew from the catalogue and the stored rules. Searches"
            " go on meanwhile with the index as it was.")

    def add_arguments(self, parser):
        parser.add_argument("--no-rules", action="store_true",
                            help="do not read the rules: values of parameters are not found")
        parser.add_argument("--quiet", action="store_true", help="no progress")

    def handle(self, **options):
        progress = Progress(None if options["quiet"] or not options["verbosity"] else sys.stderr)
        found = rebuilding.rebuild(progress, rules=not options["no_rules"])
        progress.finish()
        if options["verbosity"]:
            self.stdout.write(f"Indexed {found.files:,} files: {found.words:,} words, with the"
                              f" cases of {found.rules:,} rules.")
        for problem in found.problems:
            self.stderr.write(problem)
