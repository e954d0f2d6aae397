"""Where a file that was found matches, as short texts with the found words marked."""

from __future__ import annotations

import re
from typing import NamedTuple

from interactive.models import CatalogFile

from . import words
from .query import Query

#: Fields in the order in which matches are shown, with what people call them.
LABELS = {
    "uploaded_as": "uploaded as",
    "description": "description",
    "comment": "comment",
    "history": "history",
    "pedigree": "pedigree",
    "aperture": "aperture",
    "reference_file_type": "reference type",
    "creator_name": "creator",
    "deliverer_user": "deliverer",
    "derived_from": "derived from",
    "replaced_by_filename": "replaced by",
    "catalog_link": "delivery",
}

#: Most matches of a file, values of its rules among them, and characters around a word.
MAX_MATCHES = 3
MAX_VALUES = 6
AROUND = 70


class Match(NamedTuple):
    """``pieces`` are (text, found): the text around what was found, in parts."""

    label: str
    pieces: list[tuple[str, bool]]

    @property
    def text(self) -> str:
        return "".join(piece for piece, _ in self.pieces)


def matches(file: CatalogFile, query: Query, values: list[tuple[str, str]]) -> list[Match]:
    """Where ``file`` matches; ``values`` are (parameter, value) of its rules that do."""
    found = []
    if values:
        pieces = []
        for parameter, value in sorted(values)[:MAX_VALUES]:
            pieces += [(", " if pieces else "", False),
                       (f"{parameter.rpartition('.')[2].upper()} = {value.upper()}", True)]
        found.append(Match("rules", [piece for piece in pieces if piece[0]]))
    for name, label in LABELS.items():
        if len(found) == MAX_MATCHES:
            break
        wanted = _wanted(query, name)
        text = getattr(file, name)
        match = wanted and text and wanted.search(text)
        if match:
            found.append(Match(label, _cut(" ".join(text.split()), wanted)))
    if file.sha1sum and any(term.sha1 and file.sha1sum.startswith(term.sha1)
                            for term in query.terms if not term.negative):
        found.append(Match("sha1", [(file.sha1sum, True)]))
    return found


def _wanted(query: Query, name: str) -> re.Pattern | None:
    """The words of ``query`` that may be in the field ``name``, as one expression."""
    alternatives = []
    for term in query.terms:
        if term.negative or term.moment or term.field not in ("", name):
            continue
        if term.phrase:
            alternatives.append(r"\s+".join(map(re.escape, term.text.split())))
        else:
            alternatives += [rf"(?<![^\W_]){re.escape(word)}" for word in
                             (term.words or words.words(term.text.replace("*", " ")))]
    return re.compile("|".join(alternatives), re.IGNORECASE) if alternatives else None


def _cut(text: str, wanted: re.Pattern) -> list[tuple[str, bool]]:
    """The part of ``text`` around its first match, every match in it marked."""
    first = wanted.search(text)
    start = end = 0
    if first:
        start = max(0, first.start() - AROUND)
        end = first.end()
    end = min(len(text), max(end + AROUND, start + 2 * AROUND))
    if start:
        start = text.find(" ", start, first.start()) + 1 or start
    part = text[start:end]
    pieces, at = [("… ", False)] if start else [], 0
    for match in wanted.finditer(part):
        if match.end() == match.start():
            continue
        if match.start() > at:
            pieces.append((part[at:match.start()], False))
        pieces.append((match.group(), True))
        at = match.end()
    pieces.append((part[at:] + (" …" if end < len(text) else ""), False))
    return [piece for piece in pieces if piece[0]]
