"""Middleware that every request passes."""

from __future__ import annotations

import contextvars
import logging
import re
import secrets

from django.db import DatabaseError, OperationalError
from django.http import JsonResponse
from django.shortcuts import render

from .errors import ServiceError, Unavailable

_request_id: contextvars.ContextVar[str] = contextvars.ContextVar("request_id", default="-")
_ACCEPTABLE_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")

log = logging.getLogger(__name__)


def request_id() -> str:
    """The id of the request being served, ``-`` outside of requests."""
    return _request_id.get()


class RequestIdFilter(logging.Filter):
    """Gives log records the id of the request they belong to."""

    def filter(self, record) -> bool:
        record.request_id = request_id()
        return True


class RequestIdMiddleware:
    """Names each request, so that its lines in different logs can be joined."""

    header = "X-Request-ID"

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        given = request.headers.get(self.header, "")
        value = given if _ACCEPTABLE_ID.fullmatch(given) else secrets.token_hex(8)
        token = _request_id.set(value)
        try:
            request.id = value
            response = self.get_response(request)
        finally:
            _request_id.reset(token)
        response[self.header] = value
        return response


class ServiceErrorMiddleware:
    """Turns errors of services into answers that say what to do, instead of a server error."""

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        return self.get_response(request)

    def process_exception(self, request, exception):
        if isinstance(exception, (OperationalError, DatabaseError)):
            log.exception("Database unavailable")
            exception = Unavailable(
                "The database does not answer at the moment. Nothing was changed;"
                " try again shortly.")
        if not isinstance(exception, ServiceError):
            return None
        return error_response(request, exception)


def error_response(request, error: ServiceError):
    """``error`` as a page, or as JSON for those who ask for JSON."""
    if request.path_info.startswith("/api/") or _wants_json(request):
        response = JsonResponse({"detail": error.message}, status=error.status)
    else:
        response = render(request, "error.html", {"error": error}, status=error.status)
    if error.status == 503:
        response["Retry-After"] = "30"
    return response


def _wants_json(request) -> bool:
    accept = request.headers.get("Accept", "")
    return "application/json" in accept and "text/html" not in accept


class ContentSecurityPolicyMiddleware:
    """Pages load nothing from other hosts and run no inline scripts."""

    policy = (
        "default-src 'self'; img-src 'self' data:; style-src 'self' 'unsafe-inline';"
        " script-src 'self'; frame-ancestors 'none'; base-uri 'self'; form-action 'self'"
    )

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        response = self.get_response(request)
        response.setdefault("Content-Security-Policy", self.policy)
        return response


