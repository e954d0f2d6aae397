"""Reads dataset parameters from files of ``{id: header}`` objects.

The form is the one that the client writes and reads (``crds list --json``,
``crds bestrefs --save-pickle x.json``): one object per line, or one big object.
Files may be compressed with gzip; a folder stands for all such files in it.
However large a file is, only one entry of it is in memory at a time.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from common.errors import ServiceError

ENDINGS = (".json", ".json.gz", ".jsonl", ".jsonl.gz")

_PIECE = 1 << 16
#: Characters that one entry may have; real ones have some thousands.
LONGEST = 1 << 23
_BLANK = " \t\r\n\ufeff"


class ReadingError(ServiceError):
    """A file cannot be read; the message starts with the file and, where there is one, the line."""


class Item(NamedTuple):
    """A dataset to be loaded.

    ``instrument`` may be empty if the header names it.  ``header`` is as found and
    may be anything.  ``place`` tells people where it was found.
    """

    product: str
    exposure: str
    instrument: str
    header: object
    place: str = ""


def read(path, instrument: str = "") -> Iterator[Item]:
    """The datasets of the file or folder ``path``; ``instrument`` is for headers without one.

    An id of one part stands for an exposure that is its own product.
    """
    for file in files(path):
        for name, header, line in entries(file):
            product, colon, exposure = name.partition(":")
            place = f"{file}:{line}"
            yield Item(product, exposure if colon else product, instrument, header, place)


def files(path) -> list[Path]:
    """``path`` itself, or the files in it if it is a folder, in order of name."""
    path = Path(path)
    if path.is_dir():
        found = sorted(file for file in path.iterdir() if file.name.endswith(ENDINGS))
        if not found:
            raise ReadingError(f"{path}: the folder has no file ending in {', '.join(ENDINGS)}.")
        return found
    if path.suffix in (".pkl", ".pickle"):
        raise ReadingError(
            f"{path}: pickles are not read, since that would run what is in them. Write the"
            " headers as .json instead (crds bestrefs --load-pickles … --save-pickle x.json).")
    if not path.name.endswith(ENDINGS):
        raise ReadingError(f"{path}: the name must end in {', '.join(ENDINGS)}.")
    return [path]


def entries(path: Path) -> Iterator[tuple[str, object, int]]:
    """(id, header, line) of every entry of a file."""
    opener = gzip.open if path.name.endswith(".gz") else open
    text = None
    try:
        with opener(path, "rt", encoding="utf-8") as stream:
            text = _Text(path, stream)
            yield from text.entries()
    except UnicodeDecodeError as exc:
        place = f"{path}:{text.line}" if text else path
        raise ReadingError(f"{place}: from here on it is not UTF-8 text ({exc.reason}).") from exc
    except (OSError, EOFError) as exc:
        reason = getattr(exc, "strerror", None) or exc
        raise ReadingError(f"{path}: cannot be read ({reason}).") from exc


class _Text:
    """Objects of a stream, entry by entry; ``line`` is where the next one starts."""

    def __init__(self, path: Path, stream):
        self._path = path
        self._stream = stream
        self._buffer = ""
        self._at = 0
        self._ended = False
        self._decode = json.JSONDecoder().raw_decode
        self.line = 1

    def entries(self) -> Iterator[tuple[str, object, int]]:
        while self._peek():
            self._expect("{", "an object {id: header}")
            if self._peek() == "}":
                self._forward(1)
                continue
            yield self._entry()
            while self._peek() == ",":
                self._forward(1)
                yield self._entry()
            self._expect("}", "a comma or the end of the object")

    def _entry(self) -> tuple[str, object, int]:
        if self._peek() != '"':
            raise self._error("a dataset id in double quotes is expected")
        line = self.line
        name = self._value()
        self._expect(":", "a colon after the dataset id")
        self._peek()
        return name, self._value(), line

    def _value(self):
        """The JSON value that starts here."""
        while True:
            try:
                value, end = self._decode(self._buffer, self._at)
            except json.JSONDecodeError as exc:
                # Not the exception itself: it holds on to all the text.
                problem, length = exc.msg, exc.pos - self._at
            except ValueError as exc:  # a number with thousands of digits
                raise self._error(f"this is not JSON ({exc})") from None
            except RecursionError:
                raise self._error("it is nested too deeply") from None
            else:
                length = end - self._at
                # A number at the very end may go on in the next piece.
                if end < len(self._buffer) or not self._more():
                    self._forward(length)
                    return value
                continue
            if len(self._buffer) - self._at > LONGEST:
                raise self._error("this entry is no JSON value, or longer than any header")
            if not self._more():
                line = self.line + self._buffer.count("\n", 0, length)
                raise ReadingError(f"{self._path}:{line}: this is not JSON ({problem}).")

    def _peek(self) -> str:
        """The next character that is not blank, an empty text at the end of the file."""
        while True:
            rest = self._buffer[self._at:self._at + 64]
            stripped = rest.lstrip(_BLANK)
            self._forward(len(rest) - len(stripped))
            if stripped:
                return stripped[0]
            if not rest and not self._more():
                return ""

    def _expect(self, character: str, what: str) -> None:
        found = self._peek()
        if found != character:
            raise self._error(f"{what} is expected, not {found!r}" if found else
                              f"the file ends where {what} is expected")
        self._forward(1)

    def _forward(self, number: int) -> None:
        self.line += self._buffer.count("\n", self._at, self._at + number)
        self._at += number

    def _more(self) -> bool:
        """Read on; False at the end.  Pieces grow with what is unfinished, so that a long
        entry is not tried over and over."""
        if self._ended:
            return False
        rest = self._buffer[self._at:]
        piece = self._stream.read(max(_PIECE, len(rest)))
        self._ended = not piece
        self._buffer, self._at = rest + piece, 0
        return not self._ended

    def _error(self, problem: str) -> ReadingError:
        return ReadingError(f"{self._path}:{self.line}: {problem}.")
