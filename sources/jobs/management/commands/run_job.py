"""The child process of one attempt at one job; workers start it, not people."""

from __future__ import annotations

import os
import sys

from django.core.management.base import BaseCommand

from jobs import execution
from jobs.models import Job, JobState


class Command(BaseCommand):
    help = "Run one attempt at a job. For workers; use the job's page or service to start jobs."
    requires_system_checks = []

    def add_arguments(self, parser):
        parser.add_argument("job")
        parser.add_argument("attempt", type=int)
        parser.add_argument("--worker", type=int, default=os.getppid(), help="pid of the worker")

    def handle(self, *args, **options):
        execution.guard(options["worker"])
        job = Job.objects.select_related("user").filter(
            pk=options["job"], attempt=options["attempt"], state=JobState.RUNNING).first()
        if job is None:
            sys.exit(execution.GIVEN_UP)
        execution.set_limits(job)
        sys.exit(execution.run(job))
