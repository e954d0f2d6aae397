"""Names by shell pattern: ``*`` stands for any text, ``?`` for one character."""

from __future__ import annotations

from fnmatch import translate

from django.db.models import QuerySet

MARKS = "*?"


def is_pattern(text: str) -> bool:
    return any(mark in text for mark in MARKS)


def matching(rows: QuerySet, field: str, pattern: str) -> QuerySet:
    """``rows`` whose ``field`` matches ``pattern``, by plain comparison where that suffices."""
    first = min((pattern.find(mark) for mark in MARKS if mark in pattern), default=-1)
    if first < 0:
        return rows.filter(**{field: pattern})
    # The beginning narrows by index; the pattern itself decides.
    begun = rows.filter(**{f"{field}__startswith": pattern[:first]}) if first else rows
    if pattern[first:] == "*":
        return begun
    return begun.filter(**{f"{field}__regex": expression(pattern)})


def expression(pattern: str) -> str:
    """``pattern`` as a regular expression that every database reads alike.

    Its groups never backtrack, so that many stars take no exponential time.
    """
    return "^" + translate(pattern)
