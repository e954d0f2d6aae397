"""Datasets that are generated so that the rules match them, for demonstration and tests."""

from __future__ import annotations

from django.conf import settings

from interactive.models import ContextHistory
from rules import environment

SEED = 2026


def load_generated(context: str, per_instrument: int) -> int:
    """Fill the archive with about ``per_instrument`` datasets of each instrument of ``context``.

    They are no real observations.  Datasets that are there stay as they are.
    Returns how many were added.
    """
    environment.prepare(settings.CRDS_OBSERVATORY, settings.INSTANCE.file_cache)
    from archive.loading import load
    from rules import loading
    from rules.headers import generate_archive

    older = _older_context(context)
    rows = generate_archive(
        loading.load(context), settings.CRDS_OBSERVATORY, per_instrument, SEED,
        historical_context=loading.load(older) if older else None)
    return load(rows, replace=False, source=f"generated from {context}").added


def _older_context(context: str) -> str:
    """A context that was latest some time before ``context``; empty when there is none."""
    from interactive.models import CatalogFile

    history = list(ContextHistory.objects.order_by("start_date").values_list("context", flat=True))
    published = set(CatalogFile.objects.downloadable().filter(name__in=set(history))
                    .values_list("name", flat=True))
    names = [name for name in history if name in published and name != context]
    return names[len(names) * 3 // 4] if names else ""
