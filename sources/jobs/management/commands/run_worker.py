"""The process that works on jobs; what ``./run`` starts beside the web server."""

from __future__ import annotations

import logging

from django.core.management.base import BaseCommand

from jobs import cluster


class Command(BaseCommand):
    help = (
        "Work on jobs, in the foreground, until told to stop (SIGTERM). Jobs that run then may"
        " finish for some seconds; after that they are stopped and queued again."
    )

    #: Most checks concern pages, and importing those takes time and memory.
    requires_system_checks = []

    def handle(self, *args, **options):
        # A line for each wake-up call says nothing that the runner's own lines do not.
        logging.getLogger("django-q").setLevel(logging.WARNING)
        self.stdout.write(cluster.settings_note())
        self.stdout.flush()
        cluster.run()
