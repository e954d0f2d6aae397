"""Moments as integers, in the order in which the library compares dates.

The library turns the date of a header into the text that ``datetime.isoformat`` gives,
``2009-05-14 00:00:00`` or with six digits after a point, and compares this text with the
keys of UseAfter, as texts.  Texts of this form sort as the moments do: all fields have a fixed
width, and a text without fraction is a prefix of those that follow it.  A key of a rule may
be any text.  Since the moments that are not less than it are all those from some first one
on, that one stands for the key (:func:`threshold`).  So integers replace texts everywhere.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import lru_cache

import numpy as np
from crds.core import timestamp, utils

from .codes import Column, combine

#: A date that the library cannot read, or that is UNDEFINED.
BAD = -1

#: Later than every moment.
NEVER = np.iinfo(np.int64).max

FIRST, LAST = datetime(1, 1, 1), datetime(9999, 12, 31, 23, 59, 59, 999999)

_SIMPLE = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})"
    r"(?:([ T])([0-9]{2}):([0-9]{2}):([0-9]{2})(?:\.([0-9]{1,6}))?)?")


def pack(moment: datetime) -> int:
    """``moment`` as an integer of 60 bits that sorts as its text does."""
    return (_day(moment.year, moment.month, moment.day)
            | _time(moment.hour, moment.minute, moment.second, moment.microsecond))


def _day(year, month, day):
    return ((year << 4 | month) << 5 | day) << 37


def _time(hour, minute, second, microsecond):
    return ((hour << 6 | minute) << 6 | second) << 20 | microsecond


@lru_cache(maxsize=65536)
def threshold(key: str) -> int:
    """The first moment whose text is not less than ``key``, packed; NEVER if there is none."""
    try:
        moment = datetime.strptime(key, "%Y-%m-%d %H:%M:%S")
        if moment.isoformat(" ") == key:
            return pack(moment)
    except ValueError:
        pass
    low, high = 0, (LAST - FIRST) // timedelta(microseconds=1) + 1
    while low < high:
        middle = (low + high) // 2
        if (FIRST + timedelta(microseconds=middle)).isoformat(" ") >= key:
            high = middle
        else:
            low = middle + 1
    try:
        return pack(FIRST + timedelta(microseconds=low))
    except OverflowError:
        return int(NEVER)


# ---- one header --------------------------------------------------------------


def moment(values: Sequence[str]) -> int:
    """The moment that the conditioned ``values`` of the date parameters name, or :data:`BAD`.

    The same as UseAfterSelector makes of them: blanks around each are dropped, they are
    joined by blanks, and the library's own parser reads the result.
    """
    values = [value.strip() for value in values]
    if "UNDEFINED" in values:
        return BAD
    text = " ".join(values).strip()
    simple = _simple(text)
    return _parsed(text) if simple is None else simple


def _simple(text: str) -> int | None:
    """The usual form, read without the library's parser; None for every other."""
    match = _SIMPLE.fullmatch(text)
    if match is None:
        return None
    year, month, day, _, hour, minute, second, fraction = match.groups()
    try:
        days = _day(*datetime(int(year), int(month), int(day)).timetuple()[:3])
    except ValueError:
        return None
    if hour is None:
        return days
    hour, minute, whole = int(hour), int(minute), int(second)
    if hour > 23 or minute > 59 or whole > 59:
        return None
    # As the library does it, in floating point: what it cuts off must be cut off here.
    exact = float(f"{second}.{fraction}") if fraction else float(second)
    return days | _time(hour, minute, whole, int((exact - whole) * 10**6))


def _parsed(text: str) -> int:
    try:
        return pack(timestamp.parse_date(text))
    except Exception:  # whatever the library's parser stumbles over
        return BAD


# ---- columns -----------------------------------------------------------------


def moments(columns: Sequence[Column]) -> np.ndarray:
    """The moment of each row, (rows,) int64; :data:`BAD` where it cannot be read.

    ``columns`` are those of the date parameters, raw and without missing values.
    """
    if len(columns) == 1:
        return _single(columns[0])
    rows = len(columns[0].codes)
    found = np.full(rows, BAD, np.int64)
    if len(columns) == 2:
        days = _days(columns[0].values)[columns[0].codes]
        times = _times(columns[1].values)[columns[1].codes]
        simple = (days >= 0) & (times >= 0)
        found[simple] = days[simple] | times[simple]
        odd = np.flatnonzero(~simple)
    else:
        odd = np.arange(rows)
    if len(odd):
        group, example = combine(
            [(column.codes[odd], len(column.values)) for column in columns], len(odd))
        read = np.array([
            moment([utils.condition_value(column.values[column.codes[odd[row]]])
                    for column in columns]) for row in example], np.int64)
        found[odd] = read[group]
    return found


def _single(column: Column) -> np.ndarray:
    values = column.values
    matrix, lengths = _characters(values, 26)
    days = _day_field(matrix)
    times = np.where(lengths == 10, 0, _time_field(matrix[:, 11:], lengths - 11))
    divided = (lengths == 10) | (matrix[:, 10] == ord(" ")) | (matrix[:, 10] == ord("T"))
    found = np.where((days >= 0) & (times >= 0) & divided, days | times, BAD)
    for index in np.flatnonzero(found == BAD):
        found[index] = moment([utils.condition_value(values[index])])
    return found[column.codes] if len(values) else np.empty(0, np.int64)


def _days(values: Sequence[str]) -> np.ndarray:
    """``YYYY-MM-DD`` packed, BAD for every other text; shape (len(values),)."""
    matrix, lengths = _characters(values, 10)
    return np.where(lengths == 10, _day_field(matrix), BAD)


def _times(values: Sequence[str]) -> np.ndarray:
    """``HH:MM:SS`` with up to six digits after a point, packed; BAD for every other text."""
    matrix, lengths = _characters(values, 15)
    return _time_field(matrix, lengths)


def _characters(values: Sequence[str], width: int) -> tuple[np.ndarray, np.ndarray]:
    """Codes of the first ``width`` characters, 0 behind the end, and the true lengths."""
    lengths = np.fromiter(map(len, values), np.int64, len(values))
    # A question mark stands for what is not ASCII; no form has one.
    short = np.array([value[:width].encode("ascii", "replace") for value in values], f"S{width}")
    return short.view(np.uint8).reshape(len(values), width).astype(np.int64), lengths


def _number(matrix: np.ndarray, *places: int) -> np.ndarray:
    """The number with digits at ``places``, negative where one is no digit."""
    number, valid = np.zeros(len(matrix), np.int64), np.ones(len(matrix), bool)
    for place in places:
        digit = matrix[:, place] - ord("0")
        valid &= (digit >= 0) & (digit <= 9)
        number = number * 10 + digit
    return np.where(valid, number, -1)


_MONTH_DAYS = np.array([0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31])


def _day_field(matrix: np.ndarray) -> np.ndarray:
    year = _number(matrix, 0, 1, 2, 3)
    month, day = _number(matrix, 5, 6), _number(matrix, 8, 9)
    dashes = (matrix[:, 4] == ord("-")) & (matrix[:, 7] == ord("-"))
    valid = dashes & (year >= 1) & (month >= 1) & (month <= 12) & (day >= 1)
    leap = (year % 4 == 0) & ((year % 100 != 0) | (year % 400 == 0))
    last = _MONTH_DAYS[np.where(valid, month, 0)] + ((month == 2) & leap)
    return np.where(valid & (day <= last), _day(year, month, day), BAD)


def _time_field(matrix: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    hour, minute, second = _number(matrix, 0, 1), _number(matrix, 3, 4), _number(matrix, 6, 7)
    colons = (matrix[:, 2] == ord(":")) & (matrix[:, 5] == ord(":"))
    valid = (colons & (hour >= 0) & (hour < 24) & (minute >= 0) & (minute < 60)
             & (second >= 0) & (second < 60))
    micro = np.zeros(len(matrix), np.int64)
    fits = lengths == 8
    for digits in range(1, 7):
        here = lengths == 9 + digits
        if not here.any():
            continue
        fraction = _number(matrix[here], *range(9, 9 + digits))
        fits[here] = (matrix[here, 8] == ord(".")) & (fraction >= 0)
        # Both numbers are exact, so the quotient is the float that the text stands for.
        exact = (second[here] * 10**digits + fraction) / 10.0**digits
        micro[here] = ((exact - second[here]) * 10**6).astype(np.int64)
    return np.where(valid & fits, _time(hour, minute, second, micro), BAD)
