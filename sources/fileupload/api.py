"""Uploads in the REST API.

Uploads that resume follow tus 1.0 (core, creation, checksum, termination), so clients of that
protocol work too; ``POST drafts/{draft}/uploads`` begins one with JSON instead of headers.
"""

from __future__ import annotations

import base64
import binascii
import uuid
from datetime import datetime

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from ninja import Router, Schema, Status

from accounts.api_auth import signed_in
from accounts.models import Role
from accounts.services import roles
from common.errors import BadRequest, ServiceError

from .models import Upload
from .services import drafts, incoming, names, receiving, removing

router = Router(tags=["Uploads"], auth=signed_in)

TUS = {"Tus-Resumable": "1.0.0", "Cache-Control": "no-store"}
PIECE = "application/offset+octet-stream"
LONGEST_NUMBER = 18


class DraftOut(Schema):
    """An upload area; the first one is called ``default``."""

    name: str
    files: int
    size: int


class DraftIn(Schema):
    name: str


class FileOut(Schema):
    """A file of an upload area; ``upload`` is the id of one that is on its way."""

    name: str
    size: int
    total: int
    sha1sum: str
    complete: bool
    received: datetime
    upload: str
    other_half_missing: str


class UploadIn(Schema):
    """A file to come; ``sha1sum`` is checked at the end if it is given."""

    name: str
    size: int
    sha1sum: str = ""
    fingerprint: str = ""


class UploadOut(Schema):
    """An upload: go on at ``offset`` of ``size``; ``sha1sum`` is known when it is complete."""

    id: uuid.UUID
    draft: str
    name: str
    size: int
    offset: int
    complete: bool
    sha1sum: str
    fingerprint: str


class TusVersion(ServiceError):
    """The client speaks another version of the protocol."""

    status = 412


class WrongType(ServiceError):
    """The body has another type than pieces have."""

    status = 415


# ---- upload areas ------------------------------------------------------------------------


@router.get("drafts", response=list[DraftOut], summary="Upload areas of the caller")
def list_drafts(request):
    """Their names, with the number and the bytes of the files in them."""
    return [_draft_out(each) for each in drafts.of(_submitter(request))]


@router.post("drafts", response={201: DraftOut}, summary="Create an upload area")
def create_draft(request, body: DraftIn):
    """Its name has letters, digits, dots, dashes and underscores."""
    return Status(201, _draft_out(drafts.create(_submitter(request), body.name)))


@router.delete("drafts/{draft}", response={204: None}, summary="Delete an upload area",
               description="One that holds files only with `with_files=true`.")
def delete_draft(request, draft: str, with_files: bool = False):
    removing.delete_draft(drafts.get(_submitter(request), draft), with_files=with_files)
    return Status(204, None)


@router.get("drafts/{draft}/files", response=list[FileOut],
            summary="Files of an upload area, with those on their way")
def list_files(request, draft: str):
    """The default area is called `default`. The halves of a GEIS pair follow each other."""
    return [_file_out(each, unit.missing)
            for unit in incoming.units(incoming.listing(drafts.get(_submitter(request), draft)))
            for each in unit.files]


@router.delete("drafts/{draft}/files/{name}", response={204: None},
               summary="Delete a file of an upload area")
def delete_file(request, draft: str, name: str):
    """Also cancels unfinished uploads of that name."""
    removing.remove_file(drafts.get(_submitter(request), draft), name)
    return Status(204, None)


@router.post("drafts/{draft}/uploads", response={201: UploadOut}, summary="Begin an upload",
             description="Then send the bytes with PATCH to `/api/v1/uploads/{id}`.")
def begin_upload(request, draft: str, body: UploadIn, response: HttpResponse):
    upload = receiving.begin(
        drafts.get(_submitter(request), draft), body.name, body.size, sha1sum=body.sha1sum,
        fingerprint=body.fingerprint)
    response["Location"] = _address(request, upload)
    return Status(201, _upload_out(upload))


# ---- uploads that resume -----------------------------------------------------------------


@router.get("uploads", response=list[UploadOut], summary="Uploads that wait for bytes")
def list_uploads(request):
    """Go on with one by sending the bytes from its offset on."""
    found = []
    for upload in receiving.unfinished(_submitter(request)):
        try:
            found.append(_upload_out(upload))
        except receiving.Gone:
            continue
    return found


@router.api_operation(["OPTIONS"], "uploads", auth=None, include_in_schema=False)
def tus_options(request):
    """What of the tus protocol is understood."""
    return HttpResponse(status=204, headers={
        **TUS, "Tus-Version": "1.0.0", "Tus-Max-Size": str(receiving.LARGEST),
        "Tus-Extension": "creation,checksum,termination", "Tus-Checksum-Algorithm": "sha1"})


@router.post("uploads", response={201: None}, summary="Begin an upload by the tus protocol",
             description="Headers `Upload-Length` and `Upload-Metadata` with `filename`, and"
             " perhaps `draft` and `sha1`.")
def tus_create(request):
    user = _submitter(request)
    _check_version(request)
    metadata = _metadata(request.headers.get("Upload-Metadata", ""))
    upload = receiving.begin(
        drafts.get(user, metadata.get("draft", "")),
        metadata.get("filename") or metadata.get("name", ""),
        _number(request, "Upload-Length"), sha1sum=metadata.get("sha1", ""),
        fingerprint=metadata.get("fingerprint", ""))
    return HttpResponse(status=201, headers={
        **TUS, "Location": _address(request, upload), "Upload-Offset": "0"})


@router.api_operation(["HEAD"], "uploads/{id}", include_in_schema=False)
def tus_head(request, id: uuid.UUID):
    """As get_upload, without a body."""
    upload = receiving.get(_submitter(request), id)
    _check_version(request)
    return HttpResponse(headers=_headers(upload, receiving.progress(upload)))


@router.get("uploads/{id}", response=UploadOut, url_name="upload", summary="How far an upload is")
def get_upload(request, id: uuid.UUID, response: HttpResponse):
    """HEAD gives the offset in the header `Upload-Offset`, as tus has it."""
    upload = receiving.get(_submitter(request), id)
    _check_version(request)
    out = _upload_out(upload)
    for name, value in _headers(upload, out["offset"]).items():
        response[name] = value
    return out


@router.patch("uploads/{id}", response={204: None}, summary="Send bytes of an upload",
              description=f"The body, of type `{PIECE}`, is appended at `Upload-Offset`. After a"
              " cut ask for the offset and go on there. `Upload-Checksum: sha1 <base64>` has the"
              " piece checked.")
def send_bytes(request, id: uuid.UUID):
    upload = receiving.get(_submitter(request), id)
    _check_version(request)
    if request.content_type != PIECE:
        raise WrongType(f"The bytes of an upload are sent with Content-Type: {PIECE}.")
    offset = receiving.append(
        upload, _number(request, "Upload-Offset"), request.read,
        _number(request, "Content-Length"), _checksum(request.headers.get("Upload-Checksum", "")))
    return HttpResponse(status=204, headers=_headers(upload, offset))


@router.delete("uploads/{id}", response={204: None}, summary="Cancel an upload")
def cancel_upload(request, id: uuid.UUID):
    """What has arrived of it is removed; a file that is complete stays."""
    receiving.cancel(receiving.get(_submitter(request), id))
    return HttpResponse(status=204, headers=TUS)


# ---- inside ------------------------------------------------------------------------------


def _submitter(request: HttpRequest):
    roles.require(request.user, Role.SUBMITTER)
    return request.user


def _check_version(request: HttpRequest) -> None:
    if request.headers.get("Tus-Resumable", "1.0.0") != "1.0.0":
        raise TusVersion("This server speaks tus 1.0.0.")


def _number(request: HttpRequest, header: str) -> int:
    text = request.headers.get(header) or ""
    if not (text.isascii() and text.isdigit() and len(text) <= LONGEST_NUMBER):
        raise BadRequest(f"The header {header} must be a number of bytes.")
    return int(text)


def _metadata(text: str) -> dict[str, str]:
    """``Upload-Metadata``: pairs of a key and its value in base64, divided by commas."""
    found = {}
    for pair in filter(None, text.split(",")):
        key, _, value = pair.strip().partition(" ")
        try:
            found[key] = base64.b64decode(value, validate=True).decode()
        except (binascii.Error, ValueError):
            raise BadRequest(
                f"The value of {names.shown(key)[:64]!r} in Upload-Metadata is not base64 of a"
                " text.") from None
    return found


def _checksum(text: str) -> bytes | None:
    if not text:
        return None
    algorithm, _, value = text.partition(" ")
    try:
        digest = base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        digest = b""
    if algorithm != "sha1" or len(digest) != 20:
        raise BadRequest("Upload-Checksum has the form 'sha1 <base64 of the digest>'.")
    return digest


def _address(request: HttpRequest, upload: Upload) -> str:
    return request.build_absolute_uri(reverse("api-1:upload", args=[upload.pk]))


def _headers(upload: Upload, offset: int) -> dict[str, str]:
    headers = {**TUS, "Upload-Offset": str(offset), "Upload-Length": str(upload.size)}
    if upload.sha1sum:
        headers["Upload-Sha1"] = upload.sha1sum
    return headers


def _upload_out(upload: Upload) -> dict:
    offset = receiving.progress(upload)
    return {"id": upload.pk, "draft": str(upload.draft), "name": upload.name, "size": upload.size,
            "offset": offset, "complete": upload.finished_at is not None,
            "sha1sum": upload.sha1sum, "fingerprint": upload.fingerprint}


def _draft_out(draft) -> dict:
    files = incoming.listing(draft)
    return {"name": str(draft), "files": len(files), "size": sum(each.size for each in files)}


def _file_out(each: incoming.Incoming, missing: str) -> dict:
    return {"name": each.name, "size": each.size, "total": each.total or each.size,
            "sha1sum": each.sha1sum, "complete": each.complete, "received": each.received,
            "upload": each.upload, "other_half_missing": missing}
