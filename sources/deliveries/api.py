"""Deliveries in the REST API."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from ninja import Field, Path, Router, Schema

from accounts.api_auth import signed_in
from accounts.models import Role
from accounts.services import roles
from interactive.models import Delivery

from . import lists
from .services import acting, watching

router = Router(tags=["deliveries"])

Catalog = Annotated[str, Field(max_length=128, examples=["hst_12.cat"])]
Limit = Annotated[int, Field(ge=1, le=1000)]
Offset = Annotated[int, Field(ge=0, le=10_000_000)]


class DeliverySummary(Schema):
    catalog: str = Field(description="Name of the .cat file.")
    state: str = Field(
        description="submitted, delivered, archiving, archived or archiving-failed.")
    created_at: datetime
    changed_at: datetime = Field(description="Since when it is in this state.")
    user: str
    description: str
    files: int
    problem: str = Field(description="What an operator has to decide; empty if nothing.")
    stuck: bool = Field(description="It has not moved for long.")


class DeliveryPage(Schema):
    total: int
    limit: int
    offset: int
    items: list[DeliverySummary]


class DeliveredFile(Schema):
    name: str
    state: str
    size: int | None
    sha1sum: str


class DeliveryDetails(DeliverySummary):
    contents: list[DeliveredFile]


class Act(Schema):
    act: Literal["retry", "regenerate", "accept"] = Field(examples=["retry"])
    reason: str = Field("", max_length=4000, description="Needed to accept.")


@router.get("/deliveries", response=DeliveryPage, auth=signed_in, summary="Deliveries")
def deliveries(request, limit: Limit = 100, offset: Offset = 0):
    """What was handed to the archive, newest first; needs the role submitter."""
    roles.require(request.user, Role.SUBMITTER)
    rows = lists.rows()
    return {"total": rows.count(), "limit": limit, "offset": offset,
            "items": [_summary(row) for row in rows[offset:offset + limit]]}


@router.get("/deliveries/{catalog}", response=DeliveryDetails, auth=signed_in,
            summary="One delivery")
def delivery(request, catalog: Path[Catalog]):
    """A delivery with its files and their states; needs the role submitter."""
    roles.require(request.user, Role.SUBMITTER)
    return _details(acting.get(catalog))


@router.post("/deliveries/{catalog}", response=DeliveryDetails, auth=signed_in,
             summary="Deliver again, or count as archived")
def act(request, catalog: Path[Catalog], body: Act):
    """Acts of operators: retry a failed one, regenerate an archived one, accept as archived."""
    if body.act == "regenerate":
        return _details(acting.regenerate(catalog, request.user, body.reason))
    found = acting.get(catalog)
    if body.act == "retry":
        return _details(acting.retry(found, request.user, body.reason))
    return _details(acting.accept(found, request.user, body.reason))


def _summary(row: Delivery) -> dict:
    return {"catalog": row.catalog, "state": row.state, "created_at": row.created_at,
            "changed_at": row.changed_at, "user": row.user, "description": row.description,
            "files": row.file_count or 0, "problem": row.problem or "",
            "stuck": watching.is_stuck(row)}


def _details(found: Delivery) -> dict:
    row = lists.rows().get(pk=found.pk)
    return {**_summary(row), "contents": list(
        found.files.order_by("name").values("name", "state", "size", "sha1sum"))}
