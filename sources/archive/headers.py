"""Headers of datasets: what is kept of them, their instrument, their time."""

from __future__ import annotations

from datetime import UTC, datetime

from common import dates
from common.errors import BadRequest

#: Keys that name the instrument, in the order in which the client looks for them.
INSTRUMENT_KEYS = (
    "INSTRUME", "META.INSTRUMENT.NAME", "META_INSTRUMENT_NAME", "INSTRUMENT",
    "ROMAN.META.INSTRUMENT.NAME", "META.INSTRUMENT.TYPE", "META_INSTRUMENT_TYPE",
)
#: Key given to a header that names none, by observatory.
INSTRUMENT_KEY = {
    "hst": "INSTRUME",
    "jwst": "META.INSTRUMENT.NAME",
    "roman": "ROMAN.META.INSTRUMENT.NAME",
}

#: Keys for date and time, or for both at once, in the order in which the client looks for them.
DATE_KEYS = (
    ("DATE-OBS", "TIME-OBS"),
    ("META.OBSERVATION.DATE", "META.OBSERVATION.TIME"),
    ("META_OBSERVATION_DATE", "META_OBSERVATION_TIME"),
    ("META.EXPOSURE.START_TIME",),
    ("META_EXPOSURE_START_TIME",),
    ("ROMAN.META.EXPOSURE.START_TIME",),
    ("ROMAN_META_EXPOSURE_START_TIME",),
)

UNDEFINED = "UNDEFINED"
_NO_VALUE = {"", UNDEFINED, "N/A", "NONE", "NULL"}
#: Days as FITS headers and older catalogues also write them.
_OTHER_DAYS = ("%d/%m/%y", "%Y/%m/%d", "%d/%m/%Y")


class BadHeader(ValueError):
    """A header that cannot be kept; the message says why."""


def normalized(header) -> dict[str, str]:
    """``header`` with keys in upper case and values as text.

    True and False become ``T`` and ``F`` as in FITS, null becomes ``UNDEFINED``.
    """
    if isinstance(header, str):
        raise BadHeader(f"its source gave an error instead of parameters: {header[:200]}")
    if not isinstance(header, dict):
        raise BadHeader(f"the header is a {type(header).__name__}, not an object")
    if not header:
        raise BadHeader("the header is empty")
    return {str(key).strip().upper(): _text(key, value) for key, value in header.items()}


def _text(key, value) -> str:
    if isinstance(value, str):
        return value
    if value is None:
        return UNDEFINED
    if isinstance(value, bool):
        return "T" if value else "F"
    if isinstance(value, int | float):
        return str(value)
    raise BadHeader(f"the value of {str(key)[:80]} is a {type(value).__name__}, not text")


def instrument(header: dict[str, str]) -> str:
    """The instrument that a normalized header names, upper case, or an empty text."""
    for key in INSTRUMENT_KEYS:
        value = header.get(key, "").strip().upper()
        if value not in _NO_VALUE:
            return value
    return ""


def observed(header: dict[str, str]) -> datetime | None:
    """The time of observation that a normalized header names, None where it names none.

    A time that cannot be read counts as midnight, so that the day is not lost.
    """
    for keys in DATE_KEYS:
        day = header.get(keys[0], "").strip()
        if day.upper() in _NO_VALUE:
            continue
        time = header.get(keys[1], "").strip() if len(keys) == 2 else ""
        moment = _moment(f"{day} {time}") if time else None
        moment = moment or _moment(day)
        if moment:
            return moment
    return None


def _moment(text: str) -> datetime | None:
    day, _, time = text.partition(" ")
    for form in _OTHER_DAYS if "/" in day else ():
        try:
            day = datetime.strptime(day, form).strftime("%Y-%m-%d")
        except ValueError:
            continue
        break
    try:
        moment = dates.parse(f"{day} {time}".strip())
    except (BadRequest, OverflowError):
        return None
    return moment.astimezone(UTC)
