"""Affected datasets in the REST API."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from django.conf import settings
from django.http import HttpRequest
from ninja import Field, Path, Query, Router, Schema

from accounts.api_auth import signed_in
from accounts.services import roles
from common.errors import NotFound
from interactive.api import Limit, Offset
from interactive.services import contexts

from .models import AffectedRun, Reason, RunState
from .services import computing, results, runs

router = Router(tags=["Affected datasets"])

Name = Annotated[str, Field(
    max_length=128, examples=[f"{settings.CRDS_OBSERVATORY}_0001.pmap"],
    description="A context, or a role or date of one, such as"
                f" {settings.CRDS_OBSERVATORY}-latest.")]


class Run(Schema):
    id: int
    old_context: str
    new_context: str
    state: str = Field(description="waiting, running, done, failed or cancelled")
    reason: str = Field(description="latest, monitor, command or what-if")
    created: datetime
    finished: datetime | None
    datasets: int = Field(description="Datasets of the instruments whose rules changed.")
    compared: int = Field(description="Those of them that were selected for.")
    affected: int = Field(description="Datasets with another reference.")
    products: int = Field(description="Products to be reprocessed.")
    errors: int = Field(description="Errors as the client counts them.")
    counts: dict[str, dict[str, int]] = Field(
        description="Datasets with another reference by instrument and type.")
    seconds: float
    problem: str = Field(description="Why it failed, or empty.")
    progress: float | None = Field(description="Share that is done, null if nobody knows.")
    progress_text: str


class Pair(Schema):
    old_context: Name
    new_context: Name


class Update(Schema):
    id: str
    instrument: str
    filekind: str
    old: str = Field(description="File name, N/A, UNDEFINED or NOT FOUND with the reason.")
    new: str
    status: str = Field(description="affected, or left out: selection fails for another type.")


class Updates(Schema):
    run: Run
    total: int
    items: list[Update]


def shown(run: AffectedRun) -> dict:
    """A run as the API gives it."""
    values = {name: getattr(run, name) for name in Run.model_fields
              if name not in ("progress", "progress_text")}
    job = run.job if run.is_active else None
    return {**values, "progress": job.progress if job else None,
            "progress_text": job.progress_text if job else ""}


@router.get("/affected", response=list[Run], summary="Comparisons of contexts over the archive")
def listing(request: HttpRequest, limit: Limit = 50, offset: Offset = 0):
    """All comparisons, the newest first."""
    return [shown(run) for run in runs.listed()[offset:offset + limit]]


@router.post("/affected", response={202: Run}, auth=signed_in, summary="Begin a what-if")
def start(request: HttpRequest, pair: Pair):
    """Which datasets would get other references if one context took the place of another.

    The answer is the comparison as it stands; ask for its result until ``state`` is done.
    """
    roles.require(request.user, "submitter")
    old, new = runs.check_pair(pair.old_context, pair.new_context)
    return 202, shown(runs.get(runs.start(old, new, Reason.WHAT_IF, request.user).pk))


@router.get("/affected/{old}/{new}", response=Updates, summary="What a change affects")
def result(request: HttpRequest, old: Path[Name], new: Path[Name], limit: Limit = 50,
           offset: Offset = 0, instrument: Annotated[str, Query(max_length=32)] = "",
           filekind: Annotated[str, Query(max_length=32)] = "",
           text: Annotated[str, Query(max_length=128, description="Beginning of an id.")] = ""):
    """The newest result for two contexts: counts, and datasets with old and new references.

    While it is computed there are no items, and ``run`` says how far it is.
    """
    old, new = contexts.resolve(old), contexts.resolve(new)
    run = runs.newest(old, new)
    if run is None:
        raise NotFound(f"'{old}' and '{new}' were not compared. POST to /affected begins it.")
    folder = computing.folder_of(run)
    if run.state != RunState.DONE or not (folder / results.NAME).is_file():
        return {"run": shown(run), "total": 0, "items": []}
    found = results.Updates(folder, instrument, filekind, text)
    return {"run": shown(run), "total": len(found), "items": found[offset:offset + limit]}


@router.post("/affected/runs/{pk}/cancel", response=Run, auth=signed_in, summary="Cancel")
def cancel(request: HttpRequest, pk: int):
    """End a comparison; what it has done stays for the next one."""
    return shown(runs.cancel(runs.get(pk), request.user))
