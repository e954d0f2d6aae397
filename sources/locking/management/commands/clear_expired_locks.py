"""Deletes locks whose time is over; cron runs it every five minutes."""

from __future__ import annotations

from django.core.management.base import BaseCommand

from locking.services import clear_expired_locks


class Command(BaseCommand):
    help = "Delete locks whose time is over. They count as free without that, too."

    def handle(self, *args, **options):
        count = clear_expired_locks()
        if count or options["verbosity"] > 1:
            self.stdout.write(f"{count} expired lock{'' if count == 1 else 's'} deleted.")
