"""What workers do for deliveries beside their jobs."""

from __future__ import annotations

from jobs.rounds import every


@every(10)
def follow_deliveries():
    """See what the archive did; one query where nothing is under way."""
    from .services import watching

    if watching.anything_to_do():
        watching.follow()
