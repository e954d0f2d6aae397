"""Jobs of the catalogue."""

from __future__ import annotations

from jobs.kinds import job_kind


@job_kind("check_invariants", title="Check the catalogue", time_limit=6 * 3600)
def check_invariants(context, sha1: bool = False) -> dict:
    """Compare catalogue, rule graph and store; with ``sha1`` read every file.

    Only reads, so it may be cut off and run again at any point.
    """
    from .services import invariants

    found = invariants.check(sha1=sha1)
    return {
        "faults": len(invariants.faults(found)),
        "findings": [violation._asdict() for violation in found],
        "sha1": sha1,
    }
