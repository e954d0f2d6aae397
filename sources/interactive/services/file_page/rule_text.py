"""The text of a rule to look at: lines in pages, coloured by meaning, names of files as links."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe

from common.errors import NotFound
from interactive.models import CatalogFile
from interactive.services import store

#: Lines of one page; rules of a few hundred lines are one page.
PAGE = 600

#: Bytes of the largest header that is read as a table.
HEADER_LIMIT = 500_000

#: The parts of a line that have a colour.
TOKENS = re.compile(
    r"(?P<comment>\#.*)"
    r"|(?P<text>'(?:\\.|[^'\\])*'|\"(?:\\.|[^\"\\])*\")"
    r"|(?P<number>\b\d[\d.eE+-]*\b)"
    r"|(?P<name>\b[A-Za-z_]\w*\b)")

#: A quoted text that may be the name of a file.
FILE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*\.\w+")

QUOTES = re.compile(r"'''|\"\"\"")


@dataclass(frozen=True)
class Line:
    number: int
    html: SafeString


@dataclass(frozen=True)
class TextPage:
    """Lines of page ``number`` of ``pages``, ``total`` lines in all."""

    lines: list[Line]
    number: int
    pages: int
    total: int

    @property
    def previous(self) -> int | None:
        return self.number - 1 if self.number > 1 else None

    @property
    def next(self) -> int | None:
        return self.number + 1 if self.number < self.pages else None


@dataclass(frozen=True)
class Header:
    """The fields of the header; ``comment`` is the text between header and selector."""

    fields: list[tuple[str, str]]
    comment: str = ""


def text(file: CatalogFile) -> str:
    """The text of a stored rule.  Raises :class:`NotFound` where it is not stored here."""
    path = store.location(file.name) if file.stored else None
    if path is None:
        raise NotFound(
            f"The text of '{file.name}' is not stored here: only its name, size and checksum are"
            " known. Ask the server that this catalogue was copied from.")
    return _read(path, file.sha1sum)


@lru_cache(maxsize=8)
def _read(path: Path, sha1sum: str) -> str:
    """Pages of one rule are asked for one after another; rules never change."""
    return path.read_text(encoding="utf-8", errors="replace")


def page(file: CatalogFile, number: int, address) -> TextPage:
    """Page ``number``, the nearest there is; ``address(name)`` is the page of a file.

    One query, for the names of files on the page.
    """
    lines = text(file).splitlines()
    pages = max(1, -(-len(lines) // PAGE))
    number = min(max(number, 1), pages)
    start = (number - 1) * PAGE
    known = _published_names(lines[start:start + PAGE]) - {file.name}
    inside = _inside_quotes(lines[:start])
    shown = []
    for offset, line in enumerate(lines[start:start + PAGE], start + 1):
        quotes = len(QUOTES.findall(line))
        if inside or quotes:
            shown.append(Line(offset, _marked("text", line)))
            inside = inside != bool(quotes % 2)
        else:
            shown.append(Line(offset, coloured(line, known, address)))
    return TextPage(shown, number, pages, len(lines))


def _inside_quotes(before: list[str]) -> bool:
    """Whether a text of several lines is open after the lines ``before``."""
    return len(QUOTES.findall("\n".join(before))) % 2 == 1


def _published_names(lines: list[str]) -> set[str]:
    """Names of published files among the quoted texts of ``lines``; one query."""
    quoted = {found.group()[1:-1] for line in lines for found in TOKENS.finditer(line)
              if found.lastgroup == "text"}
    names = {text for text in quoted if FILE.fullmatch(text)}
    return set(CatalogFile.objects.published().filter(name__in=names)
               .values_list("name", flat=True)) if names else set()


def coloured(line: str, known: set[str], address) -> SafeString:
    """One line as HTML; names of ``known`` files are links."""
    parts, end = [], 0
    for found in TOKENS.finditer(line):
        parts.append(escape(line[end:found.start()]))
        kind, token = found.lastgroup, found.group()
        inside = token[1:-1] if kind == "text" else ""
        if inside in known and FILE.fullmatch(inside):
            parts.append(f'<span class="t-text">{escape(token[0])}'
                         f'<a href="{escape(address(inside))}">{escape(inside)}</a>'
                         f'{escape(token[-1])}</span>')
        else:
            parts.append(_marked(kind, token))
        end = found.end()
    parts.append(escape(line[end:]))
    return mark_safe("".join(parts))


def _marked(kind: str, token: str) -> SafeString:
    return mark_safe(f'<span class="t-{kind}">{escape(token)}</span>')


# ---- the header ------------------------------------------------------------------


def header(file: CatalogFile) -> Header:
    """The header's fields in their order; none where it is not laid out as usual."""
    whole = text(file)
    begin = re.search(r"^header\s*=", whole, re.MULTILINE)
    end = re.search(r"^(?:selector|comment)\s*=", whole, re.MULTILINE)
    if not begin or not end or end.start() - begin.start() > HEADER_LIMIT:
        return Header([])
    try:
        fields = ast.literal_eval(whole[begin.end():end.start()].strip())
        pairs = [(str(key), value if isinstance(value, str) else repr(value))
                 for key, value in fields.items()]
    except (ValueError, SyntaxError, AttributeError, RecursionError, MemoryError):
        return Header([])
    return Header(pairs, _comment(whole))


def _comment(whole: str) -> str:
    found = re.search(r"^comment\s*=\s*(?:'''|\"\"\")(.*?)(?:'''|\"\"\")", whole,
                      re.MULTILINE | re.DOTALL)
    return found[1].strip() if found else ""
