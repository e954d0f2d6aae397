"""REST API: searches, and what happened to the catalogue."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from django.http import HttpRequest
from django.views.decorators.http import condition
from ninja import Field, Query, Router, Schema
from ninja.decorators import decorate_view

from interactive.api import File, Limit, Offset, by_revision, etag_of, utc
from interactive.models import FileState, FileType
from interactive.services import activity
from interactive.services.search import MAX_LENGTH, search

router = Router()

by_log = decorate_view(condition(
    etag_func=lambda request, *args, **kwargs: etag_of(request, activity.state())))


# ---- searches ----------------------------------------------------------------


class Match(Schema):
    field: str = Field(description="Where the file matches; rules means values of parameters.")
    text: str


class Hit(File):
    matches: list[Match]


class FacetValue(Schema):
    value: str
    count: int


class SearchPage(Schema):
    query: str
    total: int = Field(description="Files that match, on all pages.")
    limit: int
    offset: int
    exact: str | None = Field(
        description="The file that the query names by its whole name or checksum.")
    remarks: list[str] = Field(description="What of the query was left out, and why.")
    facets: dict[str, list[FacetValue]] = Field(
        description="How the files that match divide by type, instrument, filekind and state.")
    items: list[Hit] = Field(description="Exact names first, then latest and newest files.")


class SearchFilter(Schema):
    type: FileType | None = None
    instrument: str | None = Field(None, max_length=32)
    filekind: str | None = Field(None, max_length=64)
    state: FileState | None = None


SearchText = Annotated[str, Field(
    max_length=MAX_LENGTH, min_length=1, examples=["F606W acs", 'filter:F606W "flat field"'],
    description="Words, names, patterns, sha1 sums; field:value for one field or parameter.")]
HitLimit = Annotated[int, Field(ge=1, le=100, description="Most files to answer with.")]


@router.get("/search", response=SearchPage, summary="Search everything", tags=["files"])
@by_revision
def search_files(request: HttpRequest, q: SearchText, filters: Query[SearchFilter],
                 limit: HitLimit = 25, offset: Offset = 0):
    """Files by names, checksums, texts and the values for which rules select them."""
    only = {name: str(value).lower() for name, value in filters.model_dump().items() if value}
    answer = search(q, only=only, start=offset, length=limit)
    for hit in answer.hits:
        hit.file.matches = [{"field": match.label, "text": match.text} for match in hit.matches]
    return {
        "query": answer.query.text, "total": answer.total, "limit": limit, "offset": offset,
        "exact": answer.jump, "remarks": answer.remarks,
        "facets": {name: [{"value": value, "count": count} for value, count in values]
                   for name, values in answer.facets.items()},
        "items": [hit.file for hit in answer.hits],
    }


# ---- activity ------------------------------------------------------------------


class Act(Schema):
    date: datetime
    file: str = Field(description="Empty where an act was not about one file.")
    action: str = Field(examples=["submit file", "set default context"])
    why: str
    details: dict


class ActPage(Schema):
    total: int = Field(description="Acts that match, on all pages.")
    limit: int
    offset: int
    items: list[Act] = Field(description="Newest first.")


class ActFilter(Schema):
    action: str | None = Field(None, max_length=64, examples=["submit file"])
    extension: str | None = Field(None, max_length=16, examples=[".pmap"])
    instrument: str | None = Field(None, max_length=32)
    filekind: str | None = Field(None, max_length=64)
    name: str | None = Field(None, max_length=128, description="A name or a pattern.")
    since: datetime | None = Field(None, description="At this time or later; UTC by default.")
    before: datetime | None = None

    def wanted(self) -> activity.ActivityFilter:
        extension = self.extension.lower() if self.extension else None
        if extension and not extension.startswith("."):
            extension = "." + extension
        return activity.ActivityFilter(
            action=self.action or None, extension=extension,
            instrument=self.instrument.lower() if self.instrument else None,
            filekind=self.filekind.lower() if self.filekind else None,
            name=self.name or None, since=utc(self.since), until=utc(self.before))


@router.get("/activity", response=ActPage, summary="What happened to the catalogue",
            tags=["server"])
@by_log
def list_activity(request: HttpRequest, filters: Query[ActFilter], limit: Limit = 100,
                  offset: Offset = 0):
    """Submissions, contexts that were put to use, and whatever else the log has."""
    rows = activity.rows(filters.wanted())
    return {"total": rows.count(), "limit": limit, "offset": offset,
            "items": rows[offset:offset + limit]}
