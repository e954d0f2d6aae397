"""Looks after submissions that nobody looks after; workers do it every ten minutes."""

from __future__ import annotations

from django.core.management.base import BaseCommand

from submissions.services import sweeping


class Command(BaseCommand):
    help = ("Remind of submissions that wait for a decision, cancel abandoned ones, finish"
            " confirmations that were cut short, remove folders and send mails that wait.")

    def handle(self, *args, **options):
        done = sweeping.sweep()
        for what, count in done.items():
            if count or options["verbosity"] > 1:
                self.stdout.write(f"{what}: {count}")
