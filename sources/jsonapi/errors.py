"""Errors of the protocol itself; those of methods are ``common.errors``."""

from __future__ import annotations

from common.errors import ServiceError


class InvalidRequest(ServiceError):
    """The body is no JSON-RPC request."""

    rpc_name = "InvalidRequestError"


class MethodNotFound(ServiceError):
    """There is no method of that name."""

    rpc_name = "MethodNotFoundError"


class InvalidParams(ServiceError):
    """Number, names or kinds of parameters do not fit the method."""

    rpc_name = "InvalidParamsError"
