"""Lanes: how many jobs of a sort one host runs side by side.

Work that anybody can ask for must not hold up submissions, and neither may hold up somebody
who waits in front of a page.  So each host keeps processes free for the faster lanes::

    quick        somebody waits for the answer: confirming, changing rules
    submission   checks of what was submitted
    background   everything else: pictures, differences, sweeps
"""

from __future__ import annotations

from django.db.models import Count
from django_q.conf import Conf

from .models import Job, JobState, Lane

#: The lanes, fastest first, and how many processes of a host each leaves to faster ones.
_LEFT_FREE = {Lane.QUICK: 0, Lane.SUBMISSION: 1, Lane.BACKGROUND: 2}


def limit(lane: str) -> int:
    """How many jobs of ``lane`` and slower ones a host runs at a time; at least one."""
    return max(1, Conf.WORKERS - _LEFT_FREE[Lane(lane)])


def open_lanes(host: str) -> list[str]:
    """Lanes in which ``host`` may take up another job, the fastest first.

    Two processes that ask in the same moment may both take the last place: a job more for a
    while does no harm.
    """
    running = dict(
        Job.objects.filter(state=JobState.RUNNING, worker__startswith=f"{host}:")
        .order_by().values_list("lane").annotate(Count("pk")))
    lanes = list(_LEFT_FREE)
    found = []
    for place, lane in enumerate(lanes):
        # A job counts in its own lane and in all faster ones: one that is full closes the rest.
        if sum(running.get(slower, 0) for slower in lanes[place:]) >= limit(lane):
            break
        found.append(lane.value)
    return found
