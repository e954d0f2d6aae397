"""Wake-up calls: tell idle workers that a job waits.

A call names no job.  Whoever hears it takes the oldest job that waits, then the
next, until none is left.  So a lost or a doubled call does no harm.
"""

from __future__ import annotations

from django.utils import timezone
from django_q.conf import Conf
from django_q.models import OrmQ
from django_q.tasks import async_task


def wake() -> None:
    """Call a worker; within a transaction the call is heard when that commits."""
    async_task("jobs.runner.drain", q_options={"save": False, "task_name": "jobs"})


def calls_pending() -> bool:
    """Whether there is a call that no worker has picked up yet."""
    return OrmQ.objects.filter(key=Conf.CLUSTER_NAME, lock__lte=timezone.now()).exists()
