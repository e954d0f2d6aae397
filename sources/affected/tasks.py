"""The job that computes a run."""

from __future__ import annotations

from jobs.kinds import job_kind


@job_kind("affected_datasets", title="Affected datasets", max_attempts=5,
          time_limit=8 * 3600, memory_limit=4096)
def affected_datasets(context, run):
    """Compute run number ``run``; an attempt goes on behind the last part of the one before."""
    from .services import computing, finishing, runs

    found = runs.get(run)
    computing.compute(found, computing.Hooks(context.progress, context.transaction))
    finishing.finish(found)
    context.log(f"{found.products} products are affected")
    return {"run": found.pk, "products": found.products, "errors": found.errors}
