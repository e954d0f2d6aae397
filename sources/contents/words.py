"""Numbers and names as people read them, on pages and in pictures."""

from __future__ import annotations

import re

#: Control characters do not reach fonts and pages.
CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]+")


def label(*parts: object, limit: int = 60) -> str:
    """Words for an axis, with the unit in brackets if it is the second part and there is one."""
    text, unit = (*parts, "")[:2]
    words = f"{text} ({unit})" if unit else str(text)
    words = CONTROL.sub(" ", words).strip()
    return words if len(words) <= limit else words[:limit - 1] + "…"


def number(value: float | int | None, digits: int = 5) -> str:
    """A number for people: few digits, no exponent where that is readable."""
    if value is None:
        return "none"
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 10**12:
        return f"{value:,}" if abs(value) >= 10_000 else str(value)
    text = f"{float(value):.{digits}g}"
    mantissa, mark, exponent = text.partition("e")
    return f"{mantissa}e{int(exponent)}" if mark else text


def size(shape: list[int] | tuple[int, ...]) -> str:
    """The shape of an array as people of images write it, the fastest axis first."""
    return " \u00d7 ".join(str(side) for side in reversed(shape))
