"""Answers for requests that no view could serve: what happened, why, what to do next."""

from __future__ import annotations

import logging

from django.http import HttpResponse
from django.urls import Resolver404

from .errors import BadRequest, NotFound, ServiceError
from .middleware import error_response, request_id

log = logging.getLogger(__name__)


class Forbidden(ServiceError):
    """The caller is known but may not do this."""

    status = 403


class ServerFault(ServiceError):
    """A fault of the server itself; the log has the details under the request's id."""

    status = 500


def bad_request(request, exception=None):
    return error_response(request, BadRequest(
        "This request is malformed, so nothing was done."
        " Go back, check the address or the form, and try again."))


def permission_denied(request, exception=None):
    message = str(exception or "") or (
        "Your account may not see or do this. Log in with an account that may,"
        " or ask an administrator for the permission.")
    return error_response(request, Forbidden(message))


def not_found(request, exception=None):
    """``exception`` is what a view raised, or tells that no address matched."""
    reason = str(exception or "")
    if not reason or isinstance(exception, Resolver404):
        reason = f"There is no page at {request.path}."
    return error_response(request, NotFound(reason))


def server_error(request):
    """Must work when nothing else does: no database, no session, perhaps no templates."""
    fault = ServerFault(
        "The server failed to answer this request. That is a fault of the server, not yours."
        f" Try again; if it stays, tell the operators the request id {request_id()}.")
    try:
        return error_response(request, fault)
    except Exception:
        log.exception("The error page itself failed")
        return HttpResponse(fault.message, status=500, content_type="text/plain; charset=utf-8")
