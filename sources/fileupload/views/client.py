"""The addresses that the command-line client uploads by (contract 4.5)."""

from __future__ import annotations

import hashlib
import mimetypes
import os
import re

from django.core import signing
from django.http import HttpRequest, JsonResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe

from accounts.access import submitter
from common.errors import BadRequest, NotFound, ServiceError

from ..models import Draft, Upload
from ..services import drafts, incoming, names, receiving, removing
from .posted import takes_files

CONTENT_RANGE = re.compile(r"bytes (\d{1,18})-(\d{1,18})/(\d{1,18})")
SALT = "fileupload.delete"
#: Seconds for which a link that deletes a file is good.
LINK_AGE = 24 * 3600


@submitter
@require_safe
def listing(request: HttpRequest) -> JsonResponse:
    """All of the upload area, with what is on its way and odd things: all can be deleted."""
    draft = drafts.get(request.user, request.GET.get("draft", ""))
    files, strange = incoming.look(draft)
    found = [_described(request, draft, each.name, each.name, each.size, each.identity,
                        each.upload) for each in files]
    found += [_described(request, draft, each.name, each.raw, each.size, each.identity)
              for each in strange if each.removable and not each.name.startswith(".")]
    return JsonResponse({"files": found})


@takes_files
@require_http_methods(["GET", "HEAD", "POST"])
def chunked(request: HttpRequest):
    """A file, or with ``Content-Range`` a piece of it, in the field ``files``."""
    draft = drafts.get(request.user, request.GET.get("draft", ""))
    if request.method != "POST":
        return render(request, "fileupload/plain.html", {"draft": draft})
    try:
        posted = request.FILES.getlist("files")
        if not posted:
            raise BadRequest("There is no file in the field 'files', or its upload stopped short.")
        bounds = _range(request, posted)
        described = [_receive(request, draft, each, bounds) for each in posted]
    except ServiceError as exc:
        # The client does not look; for people and browsers the reason is in the answer.
        return JsonResponse({"files": [], "detail": exc.message}, status=exc.status)
    return JsonResponse({"files": described})


def _range(request, posted: list) -> tuple[int, int] | None:
    """First byte and size in all of a piece; None for whole files."""
    text = request.headers.get("Content-Range")
    if text is None:
        return None
    found = CONTENT_RANGE.fullmatch(text.strip())
    if not found or len(posted) != 1:
        raise BadRequest(
            "Content-Range has the form 'bytes FIRST-LAST/TOTAL' and goes with one file.")
    first, last, total = map(int, found.groups())
    if not first <= last < total or posted[0].size != last - first + 1:
        raise BadRequest(
            f"The piece has {posted[0].size} bytes, which is not what Content-Range says: {text}.")
    return first, total


def _receive(request, draft: Draft, content, bounds) -> dict:
    if bounds is None:
        row = receiving.whole(draft, content.name, content)
        return _described(request, draft, row.name, row.name, row.size,
                          f"{int(row.inode, 16):x}-{row.size:x}-{row.mtime_ns:x}")
    first, total = bounds
    upload = receiving.piece(
        draft, session_of(request), content.name, first, total, content)
    return {"name": upload.name, "size": first + content.size}


def session_of(request) -> str:
    """The session of ``request``, in a form that may be stored and shown."""
    if not request.session.session_key:
        request.session.save()
    return hashlib.sha256(request.session.session_key.encode()).hexdigest()


def _described(request, draft, name: str, raw: str | bytes, size: int, identity: str,
               upload: str = "") -> dict:
    token = signing.dumps({
        "draft": draft.pk, "name": os.fsencode(raw).hex(), "identity": identity,
        "upload": upload, "session": session_of(request)}, salt=SALT, compress=True)
    link = _path(request, "upload_delete", token)
    return {
        "name": names.shown(name), "size": size, "type": mimetypes.guess_type(name)[0]
        or "application/octet-stream",
        "url": _path(request, "upload_drafts"), "deleteUrl": link, "delete_url": link,
        "deleteType": "GET", "delete_type": "GET", "complete": not upload,
    }


def _path(request, name: str, *args) -> str:
    """An address without prefix: clients put that of the server in front, prefix and all."""
    return reverse(name, args=args).removeprefix(request.META.get("SCRIPT_NAME", "").rstrip("/"))


@submitter
@require_http_methods(["GET", "HEAD", "POST", "DELETE"])
def delete(request: HttpRequest, token: str) -> JsonResponse:
    """Delete the file that a link of the session's own list stands for, if it is still that one."""
    meant = _meant(request, token)
    draft = Draft.objects.filter(pk=meant["draft"], user=request.user).first()
    if draft is None:
        raise NotFound("The upload area of this link does not exist any more.")
    raw = bytes.fromhex(meant["name"])
    if request.method != "HEAD":
        if meant["upload"]:
            for upload in Upload.objects.filter(pk=meant["upload"], draft=draft, finished_at=None):
                receiving.cancel(upload)
        else:
            removing.remove(draft, raw, meant["identity"])
    return JsonResponse({"files": [{names.shown(os.fsdecode(raw)): True}]})


def _meant(request, token: str) -> dict:
    try:
        meant = signing.loads(token, salt=SALT, max_age=LINK_AGE)
    except signing.BadSignature:
        meant = {}
    if meant.get("session") != session_of(request):
        raise NotFound(
            "This link is not one of your own list, or too old. Look at the list again.")
    return meant
