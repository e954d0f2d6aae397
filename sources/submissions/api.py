"""Submissions in the REST API: start from an upload area, watch, decide."""

from __future__ import annotations

import uuid
from typing import Annotated

from django.urls import reverse
from ninja import Field, Path, Query, Router, Schema, Status

from accounts.api_auth import BearerToken, signed_in
from accounts.models import Role
from accounts.services import roles
from common.errors import NotFound
from interactive.api import Limit, Offset

from .models import Kind, State, Submission
from .presenting import log_lines
from .services import deciding, results, starting

router = Router(tags=["submissions"])

#: Seconds that a decision may wait for its end.
LONGEST_WAIT = 120

Id = Annotated[uuid.UUID, Field(description="The submission's id.")]

#: Submissions with the users and jobs that answers name.
WITH_ALL = ("user", "job", "decision_job", "delivery")


def perhaps(request):
    """For ``auth=`` of what everybody may read: a token that is sent says who asks."""
    return BearerToken()(request) if "Authorization" in request.headers else True


class Start(Schema):
    """What the forms ask; an extended submission also has the answers of its questionnaire."""

    kind: Kind = Field(examples=["batch"], description="What is to be done.")
    draft: str = Field("", max_length=64, description=(
        "Upload area with the files; empty for the default one. Kinds that name files of the"
        " catalogue need none."))
    description: str = Field("", max_length=20_000, examples=["New bias files"],
                             description="Reason for delivery.")
    change_level: str = Field("SEVERE", max_length=16, description="SEVERE, MODERATE or TRIVIAL.")
    creator: str = Field("", max_length=128, description="Who made the files.")
    context: str = Field("", max_length=128, description=(
        "Context to derive from: a name, a role or a date; empty for the edit context."))
    instrument: str = Field("", max_length=32, description="Empty where the files tell.")
    auto_rename: bool = Field(True, description="Give the files official names.")
    compare_old_reference: bool = Field(True, description="Compare tables with the old ones.")
    generate_contexts: bool = Field(True, description="Of mappings: make the contexts above.")
    names: list[str] = Field([], max_length=2000, description=(
        "Published references to add to rules or to delete from them."))
    questionnaire: dict[str, str | bool] = Field({}, description=(
        "Answers by key; the questions are at /submission_form/redcat_description.yml."))


class Summary(Schema):
    id: uuid.UUID
    kind: Kind
    title: str
    state: State
    user: str
    instrument: str
    base_context: str = Field(description="The context that the rules derive from.")
    new_context: str = Field(description="The context that came of it, once confirmed.")
    description: str
    change_level: str
    creator: str
    created_at: str
    ready_at: str | None
    closed_at: str | None
    closed_by: str
    forced: bool
    reason: str
    error: str = Field(description="Why it failed or could not be confirmed.")
    errors: int
    warnings: int
    url: str = Field(description="Its page.")


class Asked(Schema):
    state: State | None = Field(None, description="Only those in this state.")
    kind: Kind | None = Field(None, description="Only those of this kind.")
    mine: bool = Field(False, description="Only the caller's own.")
    limit: Limit = 100
    offset: Offset = 0


class Listed(Schema):
    total: int = Field(description="Submissions that match, on all pages.")
    limit: int
    offset: int
    items: list[Summary]


class Finding(Schema):
    stage: str
    level: str = Field(description="error (must be fixed), warning or note")
    code: str = Field(description="A stable word for the sort of finding.")
    text: str
    advice: str = Field(description="What to do about it.")
    file: str = Field(description="Name at upload; empty for the submission as a whole.")


class SubmittedFile(Schema):
    uploaded_as: str
    name: str = Field(description="Official name, empty until there is one.")
    type: str
    origin: str = Field(description="uploaded, generated or catalogue")
    instrument: str
    filekind: str
    verdict: str = Field(description="ok, warnings, errors, or empty before the checks")
    size: int | None
    sha1sum: str
    derived_from: str
    published: bool
    findings: list[Finding]


class RuleChange(Schema):
    old: str
    new: str
    instrument: str
    filekind: str
    parameters: list[str] = Field(description="Names of the values of a case.")
    rows: list[dict] = Field(description="Entries that differ: case, date, action, old, new.")
    headers: list[dict]
    impact: dict = Field(description="What selection would change.")
    text: str = Field(description="Unified difference, at most its beginning.")
    text_cut: bool


class Work(Schema):
    job: str
    state: str
    share: float | None = Field(description="0 to 1; null means unknown.")
    text: str
    note: str
    error: str


class Allowed(Schema):
    possible: bool
    why: str = Field(description="Why it is not possible, or what to know before.")


class Standing(Schema):
    confirm: Allowed
    force: Allowed
    cancel: Allowed


class Whole(Summary):
    files: list[SubmittedFile]
    rule_changes: list[RuleChange]
    findings: list[Finding] = Field(description="Those that belong to no file.")
    file_map: dict[str, str] = Field(description="Official names by names at upload.")
    progress: Work | None
    decision: Work | None
    tests: list[dict]
    standing: Standing = Field(description="What the caller may do now.")


class Decision(Schema):
    reason: str = Field("", max_length=5000, examples=[""],
                        description="Kept with the submission; to force it needs one.")
    wait: int = Field(60, ge=0, le=LONGEST_WAIT, description="Seconds to wait for the end.")


class Line(Schema):
    number: int
    type: str
    text: str
    created: str


@router.post("/submissions", response={201: Summary}, auth=signed_in, url_name="submissions",
             summary="Start a submission")
def start(request, body: Start):
    """Takes the files of an upload area, or names of the catalogue, and begins the checks.

    They go on by themselves: ask for the submission until its state is ``ready`` (or ``done``
    for a certification), then confirm or cancel it.
    """
    from fileupload.services import drafts

    form = {**body.questionnaire, **body.dict(exclude={"kind", "draft", "context",
                                                       "questionnaire"})}
    form |= {"pmap_mode": "pmap_text", "pmap_text": body.context} if body.context else {}
    draft = None if body.kind in starting.BY_NAME else drafts.get(request.user, body.draft)
    made = starting.start(body.kind, request.user, draft=draft, fields=form,
                          base_url=request.build_absolute_uri(reverse("home")))
    return Status(201, results.summary(made))


@router.get("/submissions", response=Listed, auth=signed_in, summary="Submissions, newest first")
def listing(request, asked: Query[Asked]):
    """For submitters."""
    roles.require(request.user, Role.SUBMITTER)
    wanted = {"state": asked.state, "kind": asked.kind,
              "user": request.user if asked.mine else None}
    rows = Submission.objects.filter(**{k: v for k, v in wanted.items() if v is not None})
    page = rows.select_related("user")[asked.offset:asked.offset + asked.limit]
    return {"total": rows.count(), "limit": asked.limit, "offset": asked.offset,
            "items": results.summaries(page)}


@router.get("/submissions/{id}", response=Whole, auth=perhaps, url_name="submission",
            summary="A submission and its results")
def one(request, id: Path[Id]):
    """Files with their official names and findings, rule changes, progress, and what may be done.

    Whoever has the id may read it; what may be done depends on who asks.
    """
    return _whole(_find(id), request.user)


@router.get("/submissions/{id}/log", response=list[Line], summary="What the work said")
def log(request, id: Path[Id]):
    """The lines of the log, oldest first; they are kept for some days."""
    return [{"number": line.number, "type": line.type, "text": str(line.data),
             "created": line.created.isoformat()} for line in log_lines(_find(id))]


@router.post("/submissions/{id}/confirm", response=Whole, auth=signed_in,
             summary="Confirm a submission")
def confirm(request, id: Path[Id], body: Decision):
    """Publishes its files in one step and moves the edit context.

    If it is refused, the state is ``ready`` again and ``error`` says why.
    """
    return _decided(deciding.confirm, request, id, body)


@router.post("/submissions/{id}/force", response=Whole, auth=signed_in,
             summary="Confirm in spite of a lock")
def force(request, id: Path[Id], body: Decision):
    """For operators, and for submitters when the other's lock has expired; needs a reason."""
    return _decided(deciding.force, request, id, body)


@router.post("/submissions/{id}/cancel", response=Whole, auth=signed_in,
             summary="Cancel a submission")
def cancel(request, id: Path[Id], body: Decision):
    """Gives it up, at any time before it is confirmed.  The uploads stay."""
    made = deciding.cancel(_find(id), request.user, body.reason)
    return _whole(made, request.user)


def _decided(act, request, id: uuid.UUID, body: Decision) -> dict:
    made = act(_find(id), request.user, body.reason)
    return _whole(deciding.wait(made, body.wait), request.user)


def _find(id: uuid.UUID) -> Submission:
    found = Submission.objects.select_related(*WITH_ALL).filter(pk=id).first()
    if found is None:
        raise NotFound(f"There is no submission {id}.")
    return found


def _whole(submission: Submission, user) -> dict:
    found = results.of(submission, logs=False)
    standing = deciding.standing(found.submission, user)
    return {**results.as_dict(found), "standing": {
        name: vars(getattr(standing, name)) for name in ("confirm", "force", "cancel")}}
