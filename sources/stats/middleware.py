"""Notes every request and its answer, off the request's path."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator

from django.conf import settings
from django.utils import timezone

from common.addresses import client_address, network
from jsonapi import registry

from .models import RequestRecord
from .recorder import recorder

#: Characters kept of the parameters of a JSON-RPC call.
PARAMETERS = 500

#: Label of requests that no address of ours matches.
NO_PAGE = "(no such page)"


class StatsMiddleware:
    """Times each request until its last byte and hands a record to the recorder."""

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        if settings.STATS_FLUSH_SECONDS is None:
            return self.get_response(request)
        arrived, start = timezone.now(), time.perf_counter()
        response = self.get_response(request)

        def finish(size: int | None) -> None:
            duration = (time.perf_counter() - start) * 1000
            recorder.add(lambda: describe(request, response, arrived, duration, size))

        if response.streaming:
            _watch(response, finish)
        else:
            finish(len(response.content))
        return response


def _watch(response, finish) -> None:
    """Call ``finish`` with the bytes sent once ``response`` is closed, consuming nothing."""
    counter = Counter()
    if getattr(response, "file_to_stream", None) is None and not response.is_async:
        response.streaming_content = counter.counted(response.streaming_content)
        size = lambda: counter.number  # noqa: E731
    else:
        # Replacing the content of a file response would keep the server from using sendfile.
        size = lambda: _announced(response)  # noqa: E731
    response._resource_closers.append(lambda: finish(size()))


def _announced(response) -> int | None:
    length = response.headers.get("Content-Length", "")
    return int(length) if length.isdigit() else None


class Counter:
    """Counts the bytes that pass."""

    number = 0

    def counted(self, chunks) -> Iterator[bytes]:
        for chunk in chunks:
            self.number += len(chunk)
            yield chunk


def describe(request, response, arrived, duration: float, size: int | None) -> RequestRecord:
    """The record of an answered request; asks no database."""
    rpc = getattr(request, "rpc_method", None)
    error = str(getattr(request, "rpc_error", ""))
    match = request.resolver_match
    label = _rpc_label(rpc) if rpc else (match and match.view_name) or NO_PAGE
    # Only a user that the view asked for is known without a query.
    user = getattr(request, "_cached_user", None)
    name = user.get_username() if user is not None and user.is_authenticated else ""
    parameters = getattr(request, "rpc_params", None) if rpc else None
    return RequestRecord(
        at=arrived,
        method=request.method[:8],
        label=label[:64],
        path=request.path[:200],
        status=response.status_code,
        failed=response.status_code >= 500 or bool(error),
        duration=round(duration, 3),
        size=size,
        user=name[:150],
        network="" if name else network(client_address(request)),
        request_id=getattr(request, "id", "")[:64],
        rpc_parameters=_writable(cut(parameters)) if parameters else "",
        error=_writable(error[:200]),
    )


def _writable(text: str) -> str:
    """``text`` without lone surrogates, which JSON may hold and no database takes.

    One such record would fail its whole batch again and again.
    """
    return text.encode(errors="replace").decode()


def _rpc_label(method: str) -> str:
    """Callers invent method names; labels must not grow with them."""
    return f"json: {method}" if method in registry.methods() else "json: unknown method"


def cut(parameters) -> str:
    """The beginning of ``parameters`` as JSON; the rest of a long list is not even looked at."""
    text = ""
    try:
        for part in json.JSONEncoder(ensure_ascii=False, default=str).iterencode(parameters):
            text += part
            if len(text) > PARAMETERS:
                break
    except RecursionError:
        pass  # nested too deeply to write; its beginning is enough
    return text[:PARAMETERS]
