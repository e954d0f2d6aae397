"""Texts as cells of CSV files that people open in spreadsheets."""

from __future__ import annotations

#: Spreadsheets take a text that begins so for a formula, which may fetch or run something.
FORMULA = ("=", "+", "-", "@", "\t", "\r")


def cell(value):
    """``value``, a text that would become a formula with an apostrophe before; numbers stay."""
    if not isinstance(value, str) or len(value) < 2 or not value.startswith(FORMULA):
        return value
    try:
        float(value)
    except ValueError:
        return f"'{value}"
    return value
