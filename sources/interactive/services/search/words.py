"""How texts, names and values of parameters become the words of the index.

Words are in lower case.  ``f606w-3`` is found as a whole and by its parts; numbers with a
point are written the shortest way, so that ``2``, ``2.0`` and ``2.00`` are one word.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

#: Longest word; the rest of longer ones is cut off.
MAX_WORD = 64

#: Most different words of one text.
MAX_WORDS = 400

#: Parts of letters and digits, joined by marks that belong to names and numbers.
CHUNK = re.compile(r"[^\W_]+(?:[.+\-/:][^\W_]+)*")
PARTS = re.compile(r"[^\W_]+")

#: A number with a point and perhaps an exponent.
NUMBER = re.compile(r"[+-]?\d+\.\d*(?:e[+-]?\d+)?|[+-]?\d+e[+-]?\d+")

#: Values of rules that match anything or nothing.
NO_VALUES = frozenset({"*", "n/a", "undefined", ""})


def fold(text: str) -> str:
    """``text`` as it is compared: lower case, without accents."""
    if text.isascii():
        return text.lower()
    plain = unicodedata.normalize("NFKD", text.casefold())
    return "".join(mark for mark in plain if not unicodedata.combining(mark))


def words(text: str) -> list[str]:
    """The different words of ``text``, in order."""
    found: dict[str, None] = {}
    for word in _words(fold(text)):
        found[word[:MAX_WORD]] = None
        if len(found) >= MAX_WORDS:
            break
    return list(found)


def _words(text: str) -> Iterator[str]:
    for chunk in CHUNK.findall(text):
        if NUMBER.fullmatch(chunk):
            yield number(chunk)
            continue
        yield chunk
        parts = PARTS.findall(chunk)
        if len(parts) > 1:
            yield from parts


def number(text: str) -> str:
    """``2`` for ``2.0``; texts that are no such numbers stay."""
    if not NUMBER.fullmatch(text):
        return text
    value = float(text)
    return f"{value:.0f}" if value.is_integer() and abs(value) < 1e15 else f"{value:g}"


def values(value: str) -> list[str]:
    """Words of a value of a parameter in a rule: its alternatives, each as a whole."""
    found = []
    for part in fold(value).split("|"):
        part = part.strip()
        if part not in NO_VALUES:
            found.append(number(part)[:MAX_WORD])
    return found
