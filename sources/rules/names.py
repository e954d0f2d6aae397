"""What the name of a CRDS file tells, and how names of a series go on.

Rules of all observatories, and references of JWST and Roman, are called
``<obs>_<instrument>_<type>_<serial>.<extension>``.  HST references carry the
time at which they were named, a letter for the instrument and a suffix for the
type: ``v8q14451j_idc.fits``.  The tables behind both are the client library's.
Call :func:`rules.environment.prepare` before :func:`identify`.
"""

from __future__ import annotations

import importlib
import re
from datetime import UTC, datetime
from typing import NamedTuple

MAPPING_EXTENSIONS = (".pmap", ".imap", ".rmap")

#: A serial number is the last part of a name: at least four digits, after an underscore.
SERIAL = re.compile(r"(?P<stem>.+)_(?P<serial>\d{4,})(?P<extension>\.\w+)")

#: Serials from here on are oddities of test data; a series does not continue after them.
ODD_SERIAL = 9000

#: Year (A to Z from 1990, 0 to 9 from 2016, then again), month, day, hour, minute, 2 seconds,
#: instrument letter.
TIMED_NAME = re.compile(
    r"(?P<year>[a-z0-9])(?P<month>[1-9a-c])(?P<day>[1-9a-v])(?P<hour>[01]\d|2[0-3])"
    r"(?P<minute>[0-5]\d)(?P<second>[0-9a-t])(?P<letter>[a-z])_?\w*\.\w+")

YEARS = "abcdefghijklmnopqrstuvwxyz0123456789"
DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"
FIRST_YEAR = 1990


class Identity(NamedTuple):
    """Type (``mapping`` or ``reference``), instrument and filekind; empty where not known."""

    type: str
    instrument: str
    filekind: str
    extension: str


def extension(name: str) -> str:
    """``.rmap`` of ``hst_acs_biasfile_0001.rmap``; empty when there is none."""
    stem, dot, last = name.rpartition(".")
    return dot + last.lower() if stem else ""


def is_mapping(name: str) -> bool:
    return name.endswith(MAPPING_EXTENSIONS)


def identify(observatory: str, name: str) -> Identity:
    """What ``name`` alone tells about a file; never opens the file."""
    kind = "mapping" if is_mapping(name) else "reference"
    instrument, filekind = _properties(observatory, name)
    return Identity(kind, instrument.lower(), filekind.lower(), extension(name))


def _properties(observatory: str, name: str) -> tuple[str, str]:
    """Instrument and filekind according to the library, empty strings when it does not know."""
    locate = importlib.import_module(f"crds.{observatory}.locate")
    readers = [locate.decompose_newstyle_name]
    if observatory == "hst":
        readers.append(locate.ref_properties_from_cdbs_path)
    for read in readers:
        try:
            properties = read(name)
        except Exception:  # assertions, missing keys and indexes: the name does not tell
            continue
        if properties[1] == observatory:
            return properties[2], properties[3]
    return "", ""


# ---- series --------------------------------------------------------------


def split_serial(name: str) -> tuple[str, int | None]:
    """Series and serial number: ``("hst_acs.imap", 12)`` of ``hst_acs_0012.imap``.

    Names without a number, such as ``hst.pmap``, are their own series and have None.
    """
    found = SERIAL.fullmatch(name)
    if not found:
        return name, None
    return found["stem"] + found["extension"], int(found["serial"])


def series(name: str) -> str:
    """The series to which ``name`` belongs: the name without its serial number."""
    return split_serial(name)[0]


def next_name(series: str, serial: int) -> str:
    """The name with number ``serial`` in ``series``."""
    stem, dot, last = series.rpartition(".")
    return f"{stem}_{serial:04d}{dot}{last}"


def highest_serials(names, odd: int = ODD_SERIAL) -> dict[str, int]:
    """The highest serial number of every series among ``names``, oddities left out."""
    highest: dict[str, int] = {}
    for name in names:
        key, serial = split_serial(name)
        if serial is not None and serial < odd:
            highest[key] = max(serial, highest.get(key, 0))
    return highest


# ---- time in HST names ---------------------------------------------------


def naming_time(name: str, not_after: datetime | None = None) -> datetime | None:
    """The UTC time that the name of an HST reference encodes, to 2 seconds; None if it has none.

    The letter for the year repeats after 36 years (``a`` is 1990 and 2026): the
    latest such time that is not after ``not_after`` (default now) is meant.
    """
    found = TIMED_NAME.fullmatch(name.lower())
    if not found:
        return None
    not_after = not_after or datetime.now(UTC)
    moment = None
    year = FIRST_YEAR + YEARS.index(found["year"])
    while year <= not_after.year:
        try:
            candidate = datetime(
                year, DIGITS.index(found["month"]), DIGITS.index(found["day"]),
                int(found["hour"]), int(found["minute"]), 2 * DIGITS.index(found["second"]),
                tzinfo=UTC)
        except ValueError:  # 31 February, or 29 February of a year without one
            candidate = None
        if candidate and candidate <= not_after:
            moment = candidate
        year += len(YEARS)
    return moment
