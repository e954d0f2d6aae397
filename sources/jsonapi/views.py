"""The JSON-RPC over HTTP, and the page that lists its methods."""

from __future__ import annotations

import logging

from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.db import DatabaseError
from django.http import HttpResponse, StreamingHttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_safe

from common.errors import ServiceError
from common.middleware import request_id
from interactive.views.files import base_url
from rules.errors import CrdsError

from . import protocol, registry
from .errors import InvalidRequest

log = logging.getLogger(__name__)

#: What the original server answers with; clients ignore it.
CONTENT_TYPE = "application/json-rpc"

#: Bytes of a body that is too large which are read before the connection is given up.
DRAINED = 512 * 1024 * 1024

#: Bytes from which on an answer is sent in the pieces it is made of.
LARGE = 256 * 1024


@csrf_exempt
@never_cache
def endpoint(request, method: str = "", id: str = ""):
    """Answer one call.

    Method and id in the address only serve access logs: the body decides.
    The status is 200 for errors too, since clients drop the body of any other.
    """
    call = None
    try:
        call = protocol.parse(_body(request))
        request.rpc_method, request.rpc_params = call.method, call.params
        result = registry.method(call.method).call(request, call.params)
        pieces = protocol.pieces(result, id=call.id, version=call.version)
    except Exception as exc:
        name, message = _explained(exc)
        request.rpc_error = message
        echo = {"id": call.id, "version": call.version} if call else {}
        pieces = [protocol.failure(name, message, **echo)]
    return _response(pieces)


def _response(pieces: list[bytes]) -> HttpResponse | StreamingHttpResponse:
    size = sum(map(len, pieces))
    if size < LARGE:
        return HttpResponse(b"".join(pieces), content_type=CONTENT_TYPE)
    # Joining megabytes on every call would take longer than sending them.
    return StreamingHttpResponse(
        iter(pieces), content_type=CONTENT_TYPE, headers={"Content-Length": str(size)})


def _body(request) -> bytes:
    if request.method != "POST":
        raise InvalidRequest("Send a JSON-RPC request by POST; /json/browse/ shows how.")
    try:
        return _chunked(request) if _is_chunked(request) else request.body
    except RequestDataTooBig:
        _drain(request)
        raise InvalidRequest("The request is too large. Split it into several calls.") from None
    except OSError:  # Django's UnreadablePostError, or the web server's own
        raise InvalidRequest("The request broke off before it was complete.") from None


def _is_chunked(request) -> bool:
    """Whether the body has no announced length and its end is known to the web server only."""
    return not request.META.get("CONTENT_LENGTH") and bool(
        request.META.get("wsgi.input_terminated"))


def _chunked(request) -> bytes:
    """The body of a chunked request, which Django takes for empty."""
    most = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
    body = request.META["wsgi.input"].read(most + 1)
    if len(body) > most:
        raise InvalidRequest("The request is too large. Split it into several calls.")
    return body


def _drain(request) -> None:
    """Read what is left of a body, so that the caller gets to reading the answer."""
    left = DRAINED
    while left > 0 and (block := request.read(min(left, 1024 * 1024))):
        left -= len(block)


def _explained(exc: Exception) -> tuple[str, str]:
    """Name and message that the caller sees for ``exc``; the unexpected goes to the log only."""
    if isinstance(exc, ServiceError):
        return exc.rpc_name, exc.message
    if isinstance(exc, CrdsError):
        return "OtherError", str(exc)
    log.exception("JSON-RPC call failed")
    if isinstance(exc, DatabaseError):
        return "OtherError", "The database does not answer at the moment. Try again shortly."
    return "OtherError", (
        "The call failed for a reason that this server did not foresee. Its operators find it"
        f" in their log under request {request_id()}.")


@require_safe
def browse(request):
    """The list of methods with a console to try them."""
    groups: dict[str, list[registry.Method]] = {}
    for method in registry.methods().values():
        groups.setdefault(method.group, []).append(method)
    return render(request, "jsonapi/browse.html", {
        "groups": [(title, groups[name]) for name, title in registry.MODULES.items()],
        "endpoint": f"{base_url(request)}/json/",
    })
