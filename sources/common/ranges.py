"""Files over HTTP: whole, in ranges, conditional (RFC 9110), with flat memory.

Django's own FileResponse ignores the Range header.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path

from django.conf import settings
from django.http import HttpResponse, HttpResponseNotModified, StreamingHttpResponse
from django.utils.http import http_date

from .errors import Unavailable

#: Bytes read and sent at a time.
BLOCK = 512 * 1024
#: Parts one request may ask for; more is taken as an attack and answered with the whole file.
MAX_PARTS = 32

PART = re.compile(r"[0-9]{0,18}-[0-9]{0,18}")


@dataclass(frozen=True)
class ServedFile:
    """A file to serve.  ``etag`` is strong and quoted; ``size`` in bytes.

    ``by_server`` allows that the web server sends the bytes, where the settings say that it can.
    """

    path: Path
    size: int
    etag: str
    modified: datetime
    content_type: str
    by_server: bool = False

    @property
    def last_modified(self) -> str:
        return http_date(self.modified.timestamp())


def file_response(request, file: ServedFile) -> HttpResponse:
    """``file``, or the part that ``request`` asks for, or the news that it has not changed."""
    if _not_modified(request, file):
        return _described(HttpResponseNotModified(), file)
    if file.by_server and settings.SENDFILE_HEADER:
        return _described(_by_server(file), file)
    ranges = _wanted_ranges(request, file)
    if ranges is None:
        response = _stream(request, file, [(0, file.size)], file.size)
    elif not ranges:
        response = HttpResponse(status=416, content_type="text/plain; charset=utf-8")
        response["Content-Range"] = f"bytes */{file.size}"
        return _described(response, file)
    elif len(ranges) == 1:
        (start, stop), = ranges
        response = _stream(request, file, ranges, stop - start)
        response.status_code = 206
        response["Content-Range"] = f"bytes {start}-{stop - 1}/{file.size}"
    else:
        return _described(_multipart(request, file, ranges), file)
    response["Content-Type"] = file.content_type
    return _described(response, file)


def _by_server(file: ServedFile) -> HttpResponse:
    """The order to the web server to send ``file``; it also cuts the ranges asked for."""
    response = HttpResponse(content_type=file.content_type)
    response[settings.SENDFILE_HEADER] = str(file.path)
    return response


def _described(response: HttpResponse, file: ServedFile) -> HttpResponse:
    response["ETag"] = file.etag
    response["Last-Modified"] = file.last_modified
    response["Accept-Ranges"] = "bytes"
    return response


def _not_modified(request, file: ServedFile) -> bool:
    tags = request.headers.get("If-None-Match")
    if tags is not None:
        known = [tag.strip().removeprefix("W/") for tag in tags.split(",")]
        return "*" in known or file.etag in known
    since = _date(request.headers.get("If-Modified-Since"))
    return since is not None and file.modified.replace(microsecond=0) <= since


def _date(text: str | None) -> datetime | None:
    try:
        moment = parsedate_to_datetime(text) if text else None
    except (TypeError, ValueError, OverflowError):  # the last for years and zones of many digits
        return None
    return moment.replace(tzinfo=UTC) if moment and moment.tzinfo is None else moment


def _wanted_ranges(request, file: ServedFile) -> list[tuple[int, int]] | None:
    """Half-open ranges asked for; None for the whole file, empty when none can be met."""
    header = request.headers.get("Range")
    if request.method != "GET" or header is None or not _range_still_valid(request, file):
        return None
    parts = _parts(header)
    if not parts or len(parts) > MAX_PARTS or not all(_makes_sense(*part) for part in parts):
        return None
    ranges = [_range(first, last, file.size) for first, last in parts]
    return [r for r in ranges if r is not None]


def _parts(header: str) -> list[list[str]]:
    """``[first, last]`` of each range as text; nothing for a header of another form.

    Split and not matched as a whole: a pattern for lists with optional spaces takes
    exponential time to refuse some of them.
    """
    unit, equals, ranges = header.strip().partition("=")
    texts = [text.strip() for text in ranges.split(",")]
    if unit.lower() != "bytes" or not equals or not texts[0]:
        return []
    texts = [text for text in texts if text]
    return [text.split("-") for text in texts] if all(map(PART.fullmatch, texts)) else []


def _makes_sense(first: str, last: str) -> bool:
    if not first:
        return bool(last)
    return not last or int(first) <= int(last)


def _range(first: str, last: str, size: int) -> tuple[int, int] | None:
    """Half-open range, or None where the file has no such bytes."""
    if not first:
        return (max(0, size - int(last)), size) if int(last) and size else None
    if int(first) >= size:
        return None
    return int(first), min(int(last) + 1, size) if last else size


def _range_still_valid(request, file: ServedFile) -> bool:
    condition = request.headers.get("If-Range")
    if condition is None:
        return True
    if condition.startswith('"'):
        return condition.strip() == file.etag
    return _date(condition) == file.modified.replace(microsecond=0)


def _stream(request, file: ServedFile, ranges, length: int) -> HttpResponse:
    if request.method == "HEAD":
        response = HttpResponse()
    else:
        response = SectionResponse(Section(file.path, *ranges[0]))
    response["Content-Length"] = str(length)
    return response


class Section:
    """The bytes from ``start`` to ``stop`` of the file at ``path``, read in order.

    A file as servers expect it of ``wsgi.file_wrapper``: they let the kernel
    send from its position as many bytes as the answer announces, and the
    content passes no Python.
    """

    def __init__(self, path: Path, start: int, stop: int):
        try:
            self._file = open(path, "rb", buffering=0)  # noqa: SIM115  (the response closes it)
        except OSError as exc:
            raise Unavailable(
                f"The file '{path.name}' cannot be read at the moment ({exc.strerror})."
                " An operator has to look after it.") from exc
        self._file.seek(start)
        self._stop = stop

    def fileno(self) -> int:
        return self._file.fileno()

    def tell(self) -> int:
        return self._file.tell()

    def seek(self, position: int) -> int:
        return self._file.seek(position)

    def read(self, size: int = -1) -> bytes:
        left = max(0, self._stop - self._file.tell())
        return self._file.read(left if size < 0 else min(size, left))

    def __iter__(self) -> Iterator[bytes]:
        while block := self.read(BLOCK):
            yield block

    def close(self) -> None:
        self._file.close()


class SectionResponse(StreamingHttpResponse):
    """Streams a :class:`Section`; Django hands ``file_to_stream`` to the server's file wrapper."""

    block_size = BLOCK

    def __init__(self, section: Section, *args, **kwargs):
        self.file_to_stream = section
        super().__init__(section, *args, **kwargs)


def _blocks(path: Path, range_: tuple[int, int]) -> Iterator[bytes]:
    section = Section(path, *range_)
    try:
        yield from section
    finally:
        section.close()


def _multipart(request, file: ServedFile, ranges) -> HttpResponse:
    boundary = secrets.token_hex(16)
    heads = [
        f"\r\n--{boundary}\r\nContent-Type: {file.content_type}\r\n"
        f"Content-Range: bytes {start}-{stop - 1}/{file.size}\r\n\r\n".encode()
        for start, stop in ranges
    ]
    end = f"\r\n--{boundary}--\r\n".encode()

    def content() -> Iterator[bytes]:
        for head, range_ in zip(heads, ranges, strict=True):
            yield head
            yield from _blocks(file.path, range_)
        yield end

    response = StreamingHttpResponse(content(), status=206)
    response["Content-Type"] = f"multipart/byteranges; boundary={boundary}"
    response["Content-Length"] = str(
        sum(map(len, heads)) + len(end) + sum(stop - start for start, stop in ranges))
    return response
