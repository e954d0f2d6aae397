"""Uploaded files of which only the headers are kept.

Browsers that run scripts send headers alone (``static/crds/headers.js``).  For all others
the bytes stream through here: a FITS file is followed from header to header, an ASDF file up
to the end of its YAML, and everything else is dropped as it comes.  Nothing is written to
disk and memory does not grow with the file.
"""

from __future__ import annotations

import io
import re
import zlib

from django.core.files.uploadedfile import InMemoryUploadedFile
from django.core.files.uploadhandler import FileUploadHandler

from .reading import MAX_EXTENSIONS, MAX_TEXT

#: Most bytes of one request with files; larger files need a browser with scripts.
MAX_UPLOAD = 512 * 1024 * 1024
#: Most bytes that the compressed files of one request may become together.
MAX_UNPACKED = 2 * 1024 * 1024 * 1024
#: Most bytes of headers that are kept of all files of one request.
MAX_KEPT = 64 * 1024 * 1024
#: Most files of one request.
MAX_FILES = 1000

BLOCK, CARD = 2880, 80
_ASDF_END = re.compile(rb"\n\.\.\.\s*\n")


class Collector:
    """Takes the bytes of a file in pieces and keeps its headers as text.

    ``problem`` says why the file cannot be read, if so.  ``limit`` are the bytes that it may
    become when it is unpacked; ``unpacked`` those that it became.
    """

    def __init__(self, limit: int | None = None):
        self.problem = ""
        self.unpacked = 0
        self._limit = MAX_UNPACKED if limit is None else limit
        self.done = False
        self._kind = None
        self._start = b""

    def feed(self, data: bytes) -> None:
        if self.done or self.problem:
            return
        if self._kind is None:
            self._start += data
            if len(self._start) < 10:
                return
            data = self._begin()
        self._take(data)

    def text(self) -> str:
        """The headers, as :func:`bestrefs.services.reading.read` takes them."""
        if self._kind is None:
            self._take(self._begin())
        if not self._kind:
            self._kind_fed(self._choose())
        return self._kind.text()

    def _begin(self) -> bytes:
        data, self._start = self._start, b""
        self._packed = zlib.decompressobj(zlib.MAX_WBITS | 16) if data[:2] == b"\x1f\x8b" else None
        self._kind = False
        return data

    def _take(self, data: bytes) -> None:
        if not self._packed:
            self._feed_plain(data)
            return
        try:
            while data and not self.done:
                plain = self._packed.decompress(data, 1 << 20)
                data = self._packed.unconsumed_tail
                self.unpacked += len(plain)
                if self.unpacked > self._limit:
                    self.done = True
                self._feed_plain(plain)
        except zlib.error as exc:
            self.problem = f"It begins like a gzip file but cannot be unpacked: {exc}."

    def _feed_plain(self, data: bytes) -> None:
        if not self._kind:
            self._start += data
            if len(self._start) < 10:
                return
            data = self._choose()
        self._kind_fed(data)

    def _choose(self) -> bytes:
        data, self._start = self._start, b""
        self._kind = (_Fits() if data.startswith(b"SIMPLE") else
                      _Asdf() if data.startswith(b"#ASDF") else _Text())
        return data

    def _kind_fed(self, data: bytes) -> None:
        self._kind.feed(data)
        self.done = self.done or self._kind.done
        self.problem = self.problem or self._kind.problem


class _Fits:
    """Headers of a FITS file, data skipped by their computed size."""

    def __init__(self):
        self.done, self.problem = False, ""
        self._kept = bytearray()
        self._buffer = bytearray()
        self._unit: list[bytes] = []
        self._skip = 0
        self._units = 0

    def feed(self, data: bytes) -> None:
        if self._skip:
            skipped = min(self._skip, len(data))
            self._skip -= skipped
            data = data[skipped:]
        self._buffer += data
        while len(self._buffer) >= BLOCK and not self.done:
            block = bytes(self._buffer[:BLOCK])
            del self._buffer[:BLOCK]
            self._block(block)
            skipped = min(self._skip, len(self._buffer))
            del self._buffer[:skipped]
            self._skip -= skipped

    def _block(self, block: bytes) -> None:
        if not self._unit and not block.startswith((b"SIMPLE", b"XTENSION")):
            # Special records after the last unit, or a file that is not what it says.
            self.done = True
            return
        for at in range(0, BLOCK, CARD):
            card = block[at:at + CARD]
            self._unit.append(card)
            if card.rstrip() == b"END":
                self._end()
                return
        if len(self._kept) + len(self._unit) * CARD > MAX_TEXT // 2:
            self.problem = "Its headers are larger than headers are."
            self.done = True

    def _end(self) -> None:
        self._kept += b"\n".join(self._unit) + b"\n"
        self._skip = data_size(self._unit)
        self._unit = []
        self._units += 1
        self.done = self._units >= MAX_EXTENSIONS

    def text(self) -> str:
        return (bytes(self._kept) + b"\n".join(self._unit)).decode("latin-1")


def data_size(cards: list[bytes]) -> int:
    """Bytes of data after the header ``cards``, filled up to whole blocks."""
    values = {}
    for card in cards:
        if card[8:10] == b"= ":
            values.setdefault(card[:8].rstrip(), card[10:].split(b"/")[0].strip())
    axes = [_int(values.get(b"NAXIS%d" % n), 0)
            for n in range(1, min(_int(values.get(b"NAXIS"), 0), 999) + 1)]
    random_groups = axes and axes[0] == 0 and values.get(b"GROUPS") == b"T"
    elements = 1 if axes else 0
    for axis in axes[1:] if random_groups else axes:
        elements *= axis
    groups = _int(values.get(b"GCOUNT"), 1)
    size = (abs(_int(values.get(b"BITPIX"), 8)) // 8 * groups
            * (_int(values.get(b"PCOUNT"), 0) + elements))
    return -(-max(size, 0) // BLOCK) * BLOCK


def _int(value: bytes | None, default: int) -> int:
    try:
        return max(int(value), -64) if value else default
    except ValueError:
        return default


class _Asdf:
    """The YAML of an ASDF file."""

    def __init__(self):
        self.done, self.problem = False, ""
        self._kept = bytearray()

    def feed(self, data: bytes) -> None:
        seen = max(0, len(self._kept) - 8)
        self._kept += data
        end = _ASDF_END.search(self._kept, seen)
        if end:
            del self._kept[end.end():]
            self.done = True
        elif len(self._kept) > MAX_TEXT:
            self.problem, self.done = "Its YAML is larger than headers are.", True

    def text(self) -> str:
        return self._kept.decode("utf-8", "replace")


class _Text:
    """Anything else: read whole, if it is small."""

    def __init__(self):
        self.done, self.problem = False, ""
        self._kept = bytearray()

    def feed(self, data: bytes) -> None:
        self._kept += data
        if len(self._kept) > MAX_TEXT:
            self.done = True
            self.problem = (f"It is neither FITS nor ASDF and larger than {MAX_TEXT // 2**20} MB,"
                            " so it is no header.")

    def text(self) -> str:
        return self._kept.decode("utf-8", "replace")


class HeaderUploadHandler(FileUploadHandler):
    """Turns every file of a form into its headers; set as the request's only handler."""

    _kept = 0
    _unpacked = 0

    def new_file(self, *args, **kwargs):
        super().new_file(*args, **kwargs)
        self._collector = Collector(max(MAX_UNPACKED - self._unpacked, 0))

    def receive_data_chunk(self, raw_data, start):
        self._collector.feed(raw_data)

    def file_complete(self, file_size):
        problem = self._collector.problem
        self._unpacked += self._collector.unpacked
        content = b"" if problem else self._collector.text().encode()
        self._kept += len(content)
        if self._kept > MAX_KEPT:
            content, problem = b"", "The headers of all these files are too large together."
        kept = InMemoryUploadedFile(
            io.BytesIO(content), self.field_name, self.file_name, self.content_type,
            len(content), "utf-8", self.content_type_extra)
        kept.problem = problem
        kept.received = file_size
        return kept
