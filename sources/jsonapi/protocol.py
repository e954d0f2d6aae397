"""JSON-RPC as CRDS clients speak it: version 1.0 with ``error`` and ``result`` always present.

Facts: contract sections 1.1 and 1.2.  A 2.0 library cannot be used, since that
version forbids both keys together.
"""

from __future__ import annotations

import html
import json
import math
from dataclasses import dataclass
from typing import Any

from .errors import InvalidRequest

VERSIONS = ("1.0", "2.0")


@dataclass(frozen=True)
class Call:
    """One request.  ``params`` is a list or a dict, ``id`` whatever the caller sent."""

    method: str
    params: list | dict
    id: Any
    version: str


class RawJson:
    """A result that is JSON text already: large pieces, sent one after the other as they are."""

    def __init__(self, *pieces: bytes):
        self.pieces = pieces


def parse(body: bytes) -> Call:
    """The call in ``body``; raises :class:`InvalidRequest` for anything else."""
    try:
        message = json.loads(body, parse_constant=_no_constant, parse_float=_finite)
    except RecursionError:
        raise InvalidRequest("The request is nested too deeply.") from None
    except (ValueError, UnicodeDecodeError) as exc:
        raise InvalidRequest(f"The request is not JSON: {exc}.") from exc
    if not isinstance(message, dict):
        raise InvalidRequest("A request is one JSON object; batches are not supported.")
    method, params = message.get("method"), message.get("params")
    if not isinstance(method, str):
        raise InvalidRequest("A request names its 'method' with a string.")
    if params is None:
        params = []
    if not isinstance(params, list | dict):
        raise InvalidRequest("'params' is a list, or an object of named parameters.")
    version = message.get("jsonrpc", "1.0")
    if version not in VERSIONS:
        raise InvalidRequest(f"Version {version!r} is not spoken here; it is one of {VERSIONS}.")
    return Call(method, params, message.get("id"), version)


def _no_constant(name: str):
    raise ValueError(f"{name} is not JSON")


def _finite(text: str) -> float:
    """A number such as 1e999 would come back, in the id, as ``Infinity``, which is not JSON."""
    number = float(text)
    if math.isinf(number):
        raise ValueError(f"{text[:40]} is out of range")
    return number


def pieces(result, *, id=None, version="1.0") -> list[bytes]:
    """The envelope of a result, which may be :class:`RawJson`, without joining large texts."""
    if isinstance(result, RawJson):
        text = result.pieces
    else:
        text = (json.dumps(result, allow_nan=False).encode(),)
    head = json.dumps({"error": None, "jsonrpc": version, "id": id}).encode()
    return [head[:-1] + b', "result": ', *text, b"}"]


def success(result, *, id=None, version="1.0") -> bytes:
    """As :func:`pieces`, in one text."""
    return b"".join(pieces(result, id=id, version=version))


def failure(name: str, message: str, *, id=None, version="1.0", code=500) -> bytes:
    """The envelope of an error.  Clients unescape the message once and read nothing else."""
    return json.dumps({
        "error": {
            "message": html.escape(f"{name}: {message}"),
            "code": code,
            "name": name,
            "data": None,
        },
        "jsonrpc": version,
        "id": id,
        "result": None,
    }).encode()
