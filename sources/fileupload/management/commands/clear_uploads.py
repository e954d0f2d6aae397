"""Removes uploads that nobody goes on with; for the nightly job."""

from __future__ import annotations

from django.core.management.base import BaseCommand, CommandError

from fileupload.services import removing


class Command(BaseCommand):
    help = "Remove unfinished uploads that nobody went on with, and parts that belong to none."

    def add_arguments(self, parser):
        parser.add_argument("--days", type=float, help="age (default: UPLOAD_KEEP_DAYS)")

    def handle(self, *args, days=None, **options):
        if days is not None and not days >= 0:
            raise CommandError("--days must be 0 or more.")
        swept = removing.sweep(days)
        self.stdout.write(
            f"Removed {swept.unfinished} unfinished uploads, {swept.records} records of finished"
            f" ones and {swept.parts} parts of none; {swept.size:,} bytes in all.")
