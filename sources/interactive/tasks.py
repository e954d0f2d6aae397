"""Jobs of the catalogue."""

from __future__ import annotations

from jobs import kept
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


@kept.maker("file_history", version=1, title="History of a reference in its rules",
            memory_limit=1500)
def file_history(context, folder, name: str) -> None:
    """Follow the reference ``name`` through all rules of its type."""
    from .models import CatalogFile
    from .services.file_page import history

    reference = CatalogFile.objects.published().get(name=name)

    def step(done: int, total: int) -> None:
        context.progress(done, total, f"{done} of {total} rules read")

    kept.write_json(folder / "result.json", history.write(history.compute(reference, step)))
