"""Pages of upload areas, and what their forms do; all of it works without JavaScript."""

from __future__ import annotations

import uuid

from django.contrib import messages
from django.http import HttpRequest
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST, require_safe

from accounts.access import submitter
from common.errors import BadRequest, ServiceError

from ..services import drafts, incoming, receiving, removing, space
from .posted import takes_files


@submitter
@require_safe
def overview(request: HttpRequest):
    """All upload areas of the user."""
    areas = [{"draft": each, "units": incoming.units(incoming.listing(each))}
             for each in drafts.of(request.user)]
    return render(request, "fileupload/drafts.html", {
        "areas": areas, "used": space.used(request.user), "quota": space.quota()})


@submitter
@require_safe
def area(request: HttpRequest, name: str):
    """One upload area."""
    draft = drafts.get(request.user, name)
    return render(request, "fileupload/draft.html", {"draft": draft})


@submitter
@require_safe
def files(request: HttpRequest, name: str):
    """The list of files of the panel, for scripts that renew it."""
    draft = drafts.get(request.user, name)
    return render(request, "fileupload/includes/files.html", {"draft": draft})


@submitter
@require_POST
def create(request: HttpRequest):
    draft = drafts.create(request.user, request.POST.get("name", ""))
    messages.success(request, f"The upload area {draft} is ready.")
    return redirect("upload_draft", draft.name)


@submitter
@require_POST
def delete(request: HttpRequest, name: str):
    """Delete an upload area; one with files asks first."""
    draft = drafts.get(request.user, name)
    confirmed = request.POST.get("confirmed") == "yes"
    try:
        removing.delete_draft(draft, with_files=confirmed)
    except drafts.Conflict:
        if confirmed:
            raise
        found, strange = incoming.look(draft)
        return render(request, "fileupload/delete_draft.html", {
            "draft": draft, "files": found, "strange": strange})
    messages.success(request, f"The upload area {name} is deleted.")
    return redirect("upload_drafts")


@takes_files
@require_POST
def add(request: HttpRequest, name: str):
    """Files of a plain form."""
    draft = drafts.get(request.user, name)
    posted = request.FILES.getlist("files")
    if not posted:
        raise BadRequest("No file was chosen, or the upload stopped short. Choose files, then"
                         " upload them again; files that are complete stay.")
    arrived, refused = [], []
    for content in posted:
        try:
            arrived.append(receiving.whole(draft, content.name, content).name)
        except ServiceError as exc:
            refused.append(exc.message)
    for text in refused:
        messages.error(request, text)
    if arrived:
        messages.success(request, f"Uploaded: {', '.join(arrived)}.")
    return redirect(_back(request, draft))


@submitter
@require_POST
def remove(request: HttpRequest, name: str):
    """Delete the ticked files of an upload area."""
    draft = drafts.get(request.user, name)
    chosen = request.POST.getlist("names")
    for each in chosen:
        removing.remove_file(draft, each)
    for each in request.POST.getlist("upload"):
        receiving.cancel(receiving.get(request.user, _identifier(each)))
    for raw in request.POST.getlist("raw"):
        try:
            removing.remove(draft, bytes.fromhex(raw))
        except ValueError:
            raise BadRequest("This is not a name from the list.") from None
    if chosen:
        messages.success(request, f"Deleted: {', '.join(chosen)}.")
    return redirect(_back(request, draft))


def _identifier(text: str) -> uuid.UUID:
    try:
        return uuid.UUID(text)
    except ValueError:
        raise BadRequest("This is not the id of an upload.") from None


def _back(request: HttpRequest, draft) -> str:
    """The page that the form was on."""
    asked = request.POST.get("next", "")
    if asked.startswith("/") and url_has_allowed_host_and_scheme(
            asked, {request.get_host()}, require_https=request.is_secure()):
        return asked
    return reverse("upload_draft", args=[draft.name or drafts.DEFAULT])
