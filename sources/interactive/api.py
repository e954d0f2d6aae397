"""REST API of the catalogue: contexts, files, the server."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Literal
from zlib import crc32

from django.conf import settings
from django.http import HttpRequest
from django.views.decorators.http import condition
from ninja import Field, Path, Query, Router, Schema
from ninja.decorators import decorate_view

from common.errors import NotFound
from interactive import links
from interactive.models import BuildContext, CatalogFile, ContextHistory, FileState, FileType
from interactive.services import contexts, file_lists, revision, rule_graph, server_status
from interactive.views.files import base_url

router = Router()

#: Most rows of one answer.
MAX_PAGE = 1000

Limit = Annotated[int, Field(ge=1, le=MAX_PAGE, description="Most rows to answer with.")]
ContextName = Annotated[str, Field(
    max_length=128, examples=[f"{settings.CRDS_OBSERVATORY}-latest"],
    description="A rule file (.pmap, .imap, .rmap), a role or a date, all with the observatory.")]
FileName = Annotated[str, Field(max_length=128, description="Official CRDS name.")]
Offset = Annotated[int, Field(ge=0, le=2**31, description="Rows to skip.")]


def etag_of(request, state: str) -> str:
    """Answers depend on the address, a state and this software, on nothing else."""
    address = crc32(f"{base_url(request)} {request.get_full_path()}".encode())
    return f'"{state}-{server_status.server_version()}-{address:08x}"'


def _etag(request, *args, **kwargs) -> str:
    return etag_of(request, revision.state())


by_revision = decorate_view(condition(etag_func=_etag))


# ---- the server ----------------------------------------------------------


class Server(Schema):
    observatory: str
    usecase: str = Field(description="django, dev, test or ops")
    catalogue_revision: int = Field(description="Counts changes of the catalogue.")
    versions: dict[str, str] = Field(description="Versions of the software by name.")


@router.get("/server", response=Server, summary="This server", tags=["server"])
@by_revision
def server(request):
    """Observatory, state of the catalogue and versions of the software."""
    return {
        "observatory": settings.CRDS_OBSERVATORY,
        "usecase": settings.CRDS_USECASE,
        "catalogue_revision": revision.current(),
        "versions": dict(server_status.versions()),
    }


# ---- contexts ------------------------------------------------------------


class HistoryEntry(Schema):
    context: str
    start_date: datetime = Field(description="When it became the latest context.")
    description: str


class Build(Schema):
    cal_ver: str = Field(description="Version of the calibration software, x.y.z.")
    context: str


class Contexts(Schema):
    pointers: dict[str, str] = Field(
        description="Context by role: latest, edit, versions, banner. Roles not set are missing.")
    builds: list[Build]
    history: list[HistoryEntry] = Field(description="Newest first.")


class Closure(Schema):
    name: str
    mappings: list[str] = Field(description="Rules it reaches, itself included.")
    references: list[str]


@router.get("/contexts", response=Contexts, summary="Contexts in use and their history",
            tags=["contexts"])
@by_revision
def list_contexts(request):
    """Which context each role points at, contexts by calibration version, and the history."""
    return {
        "pointers": {kind: row.context.name for kind, row in contexts.pointers().items()},
        "builds": [{"cal_ver": build.cal_ver, "context": build.context.name}
                   for build in BuildContext.objects.select_related("context")],
        "history": ContextHistory.objects.order_by("-start_date", "-id")
        .values("context", "start_date", "description"),
    }


@router.get("/contexts/{name}", response=Closure, summary="What a context contains",
            tags=["contexts"])
@by_revision
def context(request, name: Path[ContextName]):
    """All rules and references that a context, or another rule file, reaches."""
    mapping = contexts.resolve(name)
    if mapping == "N/A":
        raise NotFound(f"'{name}' does not apply: there are no rules for it.")
    found = rule_graph.closure(mapping)
    return {"name": mapping, "mappings": found.mappings, "references": found.references}


# ---- files ---------------------------------------------------------------


class File(Schema):
    name: str
    type: FileType
    instrument: str
    filekind: str = Field(description="Type of reference, e.g. biasfile.")
    state: FileState
    stored: bool = Field(description="The bytes can be downloaded here.")
    rejected: bool = Field(description="Marked scientifically invalid.")
    blacklisted: bool = Field(description="A rule that is bad or contains a bad rule.")
    size: int | None = Field(description="Bytes.")
    sha1sum: str
    delivery_date: datetime | None
    activation_date: datetime | None = Field(description="When it was first in the latest context.")
    useafter_date: datetime | None


class FilePage(Schema):
    total: int = Field(description="Files that match, on all pages.")
    limit: int
    offset: int
    items: list[File]


class FileDetails(File):
    observatory: str
    extension: str
    uploaded_as: str
    derived_from: str
    replaced_by_filename: str
    reference_file_type: str
    change_level: str
    pedigree: str
    aperture: str
    description: str = Field(description="Reason for the delivery.")
    comment: str
    history: str
    creator_name: str
    deliverer_user: str
    used_by: list[str] = Field(description="Rules that contain this file directly.")
    download_url: str | None = Field(description="Null where the bytes are not stored here.")


class FileQuery(Schema):
    type: FileType | None = Field(None, description="reference or mapping")
    instrument: str | None = Field(None, max_length=32, examples=["acs"])
    filekind: str | None = Field(None, max_length=64, examples=["biasfile"])
    extension: str | None = Field(
        None, max_length=16, examples=[".rmap"], description="With or without the dot.")
    state: FileState | None = None
    stored: bool | None = Field(None, description="Whether the bytes can be downloaded here.")
    rejected: bool | None = None
    blacklisted: bool | None = None
    name: str | None = Field(
        None, max_length=128, pattern=r"^[A-Za-z0-9_.+*?-]*$", examples=["*_bia.fits"],
        description="A name or a pattern; * stands for any text, ? for one character.")
    uploaded_as: str | None = Field(
        None, max_length=256, description="The name at upload, or a pattern for it.")
    delivered_since: datetime | None = Field(
        None, description="Delivered at this time or later; UTC unless it says otherwise.")
    delivered_before: datetime | None = Field(None, description="Delivered before this time.")

    def wanted(self) -> file_lists.FileFilter:
        given = self.model_dump(exclude={"delivered_since", "delivered_before"})
        for field in ("instrument", "filekind", "extension"):
            given[field] = given[field].lower() if given[field] else None
        if given["extension"] and not given["extension"].startswith("."):
            given["extension"] = "." + given["extension"]
        return file_lists.FileFilter(
            **given, since=utc(self.delivered_since), until=utc(self.delivered_before))


def utc(moment: datetime | None) -> datetime | None:
    """Times without a zone are UTC."""
    return moment.replace(tzinfo=UTC) if moment and moment.tzinfo is None else moment


Sort = Annotated[
    Literal[tuple(f"{sign}{name}" for name in file_lists.SORTABLE for sign in ("", "-"))],
    Field(description="A column; a minus in front for the largest first.")]


@router.get("/files", response=FilePage, summary="Files of the catalogue", tags=["files"])
@by_revision
def list_files(request: HttpRequest, filters: Query[FileQuery], sort: Sort = "name",
               limit: Limit = 100, offset: Offset = 0):
    """Published files, in the order of their names unless ``sort`` says otherwise."""
    rows = file_lists.rows(filters.wanted(), order=sort)
    return {"total": rows.count(), "limit": limit, "offset": offset,
            "items": rows[offset:offset + limit]}


@router.get("/files/{name}", response=FileDetails, summary="One file", tags=["files"])
@by_revision
def file(request: HttpRequest, name: Path[FileName]):
    """Everything the catalogue knows about a file."""
    row = CatalogFile.objects.published().filter(name=name).first()
    if row is None:
        raise NotFound(f"There is no published file '{name}'. Names are case-sensitive.")
    row.used_by = rule_graph.used_by(name)
    row.download_url = _download_url(request, row)
    return row


def _download_url(request, row: CatalogFile) -> str | None:
    return f"{base_url(request)}/{links.download_path(row.name)}" if row.stored else None
