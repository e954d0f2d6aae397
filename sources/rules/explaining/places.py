"""Where a match case stands in the text of its rule file."""

from __future__ import annotations

import ast
import re
from functools import lru_cache

from crds.core import config, selectors
from crds.core.exceptions import CrdsError

#: ``('HRC', 'A') : UseAfter({`` and the like; the first quote or bracket to the colon.
_CASE = re.compile(r"""^(\s+)(\(.*\)|'[^']*'|"[^"]*"|[-+.\d]+)\s*:\s""")

#: Rule files whose lines are remembered.
FILES = 64


def line(selector: selectors.Selector, written: tuple[str, ...]) -> int | None:
    """Line of the case ``written`` in the rule file of a top-level selector, None if unknown."""
    try:
        path = config.locate_mapping(selector.name)
    except (CrdsError, ValueError, AssertionError):
        return None
    return _lines(path).get(written)


@lru_cache(FILES)
def _lines(path: str) -> dict[tuple[str, ...], int]:
    """Rule files never change: their lines are found once."""
    try:
        with open(path, encoding="utf-8") as file:
            return lines(file.read())
    except OSError:
        return {}


def lines(text: str) -> dict[tuple[str, ...], int]:
    """Line numbers, from 1, by case of the outermost selector of a rule file's text."""
    found: dict[tuple[str, ...], int] = {}
    indent = None
    for number, row in enumerate(text.splitlines(), 1):
        if row.startswith("selector"):
            indent = ""
        elif indent is not None and (match := _CASE.match(row)):
            indent = indent or match[1]
            key = _key(match[2]) if match[1] == indent else None
            if key is not None:
                found.setdefault(key, number)
    return found


def _key(source: str) -> tuple[str, ...] | None:
    try:
        value = ast.literal_eval(source)
    except (ValueError, SyntaxError):
        return None
    values = value if isinstance(value, tuple) else (value,)
    return tuple("|".join(map(str, one)) if isinstance(one, (tuple, list)) else str(one)
                 for one in values)
