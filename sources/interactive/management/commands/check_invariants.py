"""``manage check_invariants``: whether catalogue and store are what they promise to be."""

from __future__ import annotations

import json

from django.core.management.base import BaseCommand

from interactive.services import invariants


class Command(BaseCommand):
    help = ("Check that catalogue and store fit together. Exit status 0 if all is well, 1 if"
            " something is wrong; notes alone are no fault.")

    def add_arguments(self, parser):
        parser.add_argument("--sha1", action="store_true",
                            help="also read every stored file and compare its sha1")
        parser.add_argument("--quick", action="store_true",
                            help="do not parse the rule files")
        parser.add_argument("--json", action="store_true", help="findings as JSON")

    def handle(self, **options):
        progress = None
        if options["verbosity"] > 1:
            progress = self.stderr.write
        found = invariants.check(
            sha1=options["sha1"], rules=not options["quick"], progress=progress)
        faults = invariants.faults(found)
        if options["json"]:
            self.stdout.write(json.dumps([violation._asdict() for violation in found], indent=1))
        else:
            for violation in found:
                self.stdout.write(f"{violation.severity}: {violation.check}: {violation.name}:"
                                  f" {violation.sentence}")
            self.stdout.write(f"{len(faults)} faults, {len(found) - len(faults)} notes")
        if faults:
            raise SystemExit(1)
