"""Archived datasets: ids, matching parameters, and which of them a rules change affects."""

from __future__ import annotations

from datetime import datetime

from django.conf import settings

from affected.services import computing
from archive import services as archive
from common import dates
from common.errors import NotFound
from interactive.models import AffectedDatasets
from jsonapi import checks
from jsonapi.errors import InvalidParams
from jsonapi.registry import rpc
from rules.loading import load

from . import common


@rpc
def get_dataset_ids(request, context, instrument, datasets_since=None):
    """``PRODUCT:EXPOSURE`` ids of the archived datasets of an instrument, since a date if given."""
    return archive.dataset_ids(_instrument(common.context(context), instrument),
                               since=_since(datasets_since))


@rpc
def get_dataset_headers_by_id(request, context, dataset_ids, datasets_since=None):
    """Matching parameters of archived datasets: ``{PRODUCT:EXPOSURE: header or error text}``.

    Ids may be those of products, exposures, or both joined by a colon, in any
    case.  A product answers with all its exposures.
    """
    common.context(context)
    return archive.headers_by_id(checks.dataset_ids(dataset_ids), since=_since(datasets_since))


@rpc
def get_dataset_headers_by_instrument(request, context, instrument, datasets_since=None):
    """Matching parameters of all datasets of an instrument, if they fit in one call.

    For clients of former years: use ``get_dataset_ids`` and ask by id.
    """
    ids = get_dataset_ids(request, context, instrument, datasets_since)
    if len(ids) > settings.MAX_IDS_PER_RPC:
        raise InvalidParams(
            f"{instrument} has {len(ids)} datasets; at most {settings.MAX_IDS_PER_RPC} are given in"
            " one call. Ask for ids with get_dataset_ids and for headers by id.")
    return archive.headers_by_id(ids)


@rpc
def get_affected_datasets(request, observatory=None, old_context=None, new_context=None):
    """Which datasets the change from one context to another affects, as computed and stored.

    Without contexts, the result computed last.
    """
    common.observatory(observatory)
    rows = AffectedDatasets.objects.filter(observatory=settings.CRDS_OBSERVATORY)
    if old_context is not None:
        rows = rows.filter(old_context=checks.text(old_context, "old_context"))
    if new_context is not None:
        rows = rows.filter(new_context=checks.text(new_context, "new_context"))
    row = rows.order_by("-computed_at", "-id").first()
    if row is None:
        raise NotFound(
            f"No precomputed affected datasets results exist for old_context='{old_context}'"
            f" and new_context='{new_context}'")
    return {
        "observatory": row.observatory,
        "old_context": row.old_context,
        "new_context": row.new_context,
        "computed_at": dates.show(row.computed_at),
        "affected_ids": computing.ids_of(row),
        "bestrefs_status": row.status,
        "bestrefs_err_summary": row.error_summary,
        "computation_dir": row.directory,
    }


def _instrument(context: str, value) -> str:
    name = checks.text(value, "instrument").lower()
    known = _instruments(context)
    if name not in known:
        raise InvalidParams(
            f"Unknown instrument '{name}' for context '{context}'."
            f" It is one of {', '.join(known)}.")
    return name


def _instruments(context: str) -> list[str]:
    rule = load(context)
    if context.endswith(".pmap"):
        return sorted(key.lower() for key in rule.selections)
    return [rule.instrument.lower()]


def _since(value) -> datetime | None:
    value = checks.optional_text(value, "datasets_since")
    return None if value is None else dates.parse(value)
