"""Errors that are meant to be read by people and that know how a caller should answer them."""

from __future__ import annotations


class ServiceError(Exception):
    """Something asked for cannot be done; the message says what, why and what to do next.

    ``status`` is the HTTP status for pages and the REST API.  ``rpc_name`` is
    the class name that clients see in front of the message of a JSON-RPC
    error; the original server shows most errors as ``OtherError``.
    """

    status = 400
    rpc_name = "OtherError"

    def __init__(self, message: str):
        super().__init__(message)
        self.message = message


class BadRequest(ServiceError):
    """The question itself makes no sense."""


class NotFound(ServiceError):
    """What was asked for does not exist, or is not published."""

    status = 404


class Unavailable(ServiceError):
    """A service that is needed does not answer; trying again later may help."""

    status = 503


class InvalidDateBasedContext(ServiceError):
    """A context was named by date or role and cannot be resolved."""

    status = 404
    rpc_name = "InvalidDateBasedContext"
