"""Operations in the REST API: setting contexts, marking files."""

from __future__ import annotations

from typing import Annotated, Literal

from ninja import Field, Path, Router, Schema

from accounts.api_auth import signed_in
from accounts.models import Role
from accounts.services import roles

from .services import marking_files, previews, setting_contexts

router = Router(tags=["operations"])

Kind = Literal["latest", "edit", "build", "versions"]
Name = Annotated[str, Field(max_length=128, examples=["hst_0001.pmap"])]
CalVer = Annotated[str, Field(max_length=24, description="Version, for build only.")]


class TypeChange(Schema):
    filekind: str
    old: str
    new: str
    added: int = Field(description="References that the new rules name and the old do not.")
    removed: int


class InstrumentChange(Schema):
    instrument: str
    old: str
    new: str
    types: list[TypeChange]


class ContextPreview(Schema):
    kind: str
    context: str
    current: str = Field(description="What is set now; send it as expected.")
    cal_ver: str
    direction: str = Field(description="forward, back or same.")
    skipped: list[str] = Field(description="Contexts in between.")
    instruments: list[InstrumentChange]
    bad: list[str]
    not_archived: list[str]
    not_stored: int
    refusals: list[str] = Field(description="Why it cannot be done; empty when it can.")
    warnings: list[str]
    to_acknowledge: str = Field(description="Send acknowledged to go on in spite of this.")
    reason: str = Field(description="Used when none is sent.")
    needs_reason: bool


class SetContext(Schema):
    context: Name = Field(examples=["hst_0002.pmap"])
    expected: Annotated[str, Field(max_length=128)] = Field(
        description="The context that is set now: refused if it is another one.",
        examples=["hst_0001.pmap"])
    reason: str = Field("", max_length=previews.LONGEST_REASON)
    cal_ver: CalVer = ""
    banner: bool = Field(False, description="Announce the build context on the home page.")
    acknowledged: bool = False


class ContextSet(Schema):
    kind: str
    context: str


@router.get("/operations/contexts/{kind}/preview", response=ContextPreview, auth=signed_in,
            summary="What setting a context would do")
def preview(request, kind: Path[Kind], context: Name, cal_ver: CalVer = ""):
    """Changes, checks and what has to be said; nothing is changed.  Needs the role operator."""
    roles.require(request.user, Role.OPERATOR)
    if kind == setting_contexts.BUILD:
        setting_contexts.check_cal_ver(cal_ver)
    found = previews.preview(kind, context, cal_ver if kind == setting_contexts.BUILD else "")
    return {**vars(found), **{name: [row.name for row in getattr(found, name)]
                              for name in ("skipped", "bad", "not_archived")}}


@router.post("/operations/contexts/{kind}", response=ContextSet, auth=signed_in,
             summary="Set a context")
def set_context(request, kind: Path[Kind], body: SetContext):
    """Set the latest, edit, build or versions context; needs the role operator."""
    name = setting_contexts.act(kind, body.context, user=request.user, reason=body.reason,
                                expected=body.expected, cal_ver=body.cal_ver,
                                banner=body.banner, acknowledged=body.acknowledged)
    return {"kind": kind, "context": name}


class Marks(Schema):
    files: list[Name] = Field(min_length=1, max_length=marking_files.MOST_NAMES,
                              examples=[["a_reference.fits"]])
    bad: bool = Field(description="True marks bad, false marks OK.", examples=[True])
    reason: str = Field(max_length=previews.LONGEST_REASON, examples=["Saturated"])
    dry_run: bool = Field(False, description="Only tell what it would mean.")


class Marked(Schema):
    names: list[str]
    bad: bool
    unchanged: list[str] = Field(description="Files that were marked so already.")
    rules: list[str] = Field(description="Rules that are blacklisted, or good again.")
    contexts: list[str] = Field(description="Contexts that contain a file, newest first.")
    in_latest: list[str]
    in_edit: list[str]


@router.post("/operations/marks", response=Marked, auth=signed_in, summary="Mark files bad or OK")
def marks(request, body: Marks):
    """All of the files or none; refused while the latest context contains one.

    Needs the role operator for the instruments of the files.
    """
    if body.dry_run:
        roles.require(request.user, Role.OPERATOR)
        return marking_files.effects(body.files, body.bad)
    return marking_files.mark(body.files, bad=body.bad, user=request.user, reason=body.reason)
