"""How texts, names and values of parameters become the words of the index.

Words are in lower case and of letters and digits.  Numbers with a point are written the
shortest way, so that ``2``, ``2.0`` and ``2.00`` are one word.  A value of a parameter is one
word, whatever marks it has.
"""

from __future__ import annotations

import re
import unicodedata

#: Longest word; the rest of longer ones is cut off.
MAX_WORD = 64

#: Most different words of one text.
MAX_WORDS = 400

#: Numbers with a point that stand alone, and words of letters and digits.
WORD = re.compile(r"(?<![\w.])\d+\.\d*(?:e[+-]?\d+)?(?![\w.])|[^\W_]+")

#: A number with a point.
NUMBER = re.compile(r"[+-]?\d+\.\d*(?:e[+-]?\d+)?")

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
    for word in WORD.findall(fold(text)):
        found[number(word)[:MAX_WORD]] = None
        if len(found) >= MAX_WORDS:
            break
    return list(found)


def in_order(text: str) -> list[str]:
    """All words of ``text`` as they stand in it."""
    return [number(word)[:MAX_WORD] for word in WORD.findall(fold(text))]


def whole(text: str) -> str:
    """``text`` as a value of a parameter is written in the index."""
    return number(fold(text).strip())[:MAX_WORD]


def number(text: str) -> str:
    """``2`` for ``2.0``; texts that are no such numbers stay."""
    if (not text[:1].isdigit() and text[:1] not in "+-") or not NUMBER.fullmatch(text):
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
