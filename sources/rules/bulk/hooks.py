"""Functions of the library that change headers of some types before or after a lookup.

What such a function reads, and whether a date matters to it, cannot be seen from outside;
here it stands for each that is known, with the checksum of the source it was read from.
Rules with any other function, or with one whose source has changed, are left to the library.
"""

from __future__ import annotations

import hashlib
import inspect
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache

from .dates import threshold

#: Name of the column that tells hooks which of their periods a moment is in.
EPOCH = "\0epoch"

#: Dates with which the hooks of ACS compare, after the first that stands for all before.
EPOCHS = ("1950-01-01 00:00:00", "2002-03-30 00:00:00", "2009-05-14 00:00:00")

#: Value of :data:`EPOCH` where the date cannot be read.
NO_EPOCH = "\0none"

EPOCH_KEYS = ("DATE-OBS", "TIME-OBS")

EPOCH_LIMITS = tuple(threshold(text) for text in EPOCHS[1:])

#: What the hooks of ACS ask of these parameters is only whether they have one of these values.
_ACS = {
    "DETECTOR": frozenset({"WFC"}), "CCDAMP": frozenset({"A", "B", "C", "D", "AD", "BC"}),
    "XCORNER": frozenset({"0.0"}), "YCORNER": frozenset({"0.0"}),
}
_ACS_3 = {**_ACS, "APERTURE": frozenset({"UNDEFINED"}), "CCDGAIN": None}
_SIZE = {"NAXIS1": None, "NAXIS2": None}
_SHOWN = frozenset()

#: What hooks read, whether they compare the date, and their module.  A parameter has the set
#: of values that are told apart, all others being alike, or None if every value counts; it
#: has no values if it is only shown in messages.
_KNOWN: dict[str, tuple[dict[str, frozenset[str] | None], bool, str]] = {
    "precondition_header_acs_biasfile_v1": (
        {**_ACS, "NUMCOLS": None, "NUMROWS": None}, True, "acs_v1"),
    "precondition_header_acs_biasfile_v2": ({**_ACS, **_SIZE}, True, "acs_v2"),
    "fallback_header_acs_biasfile_v2": (
        {**_ACS, **_SIZE, "LTV1": _SHOWN, "LTV2": _SHOWN}, True, "acs_v2"),
    "precondition_header_acs_biasfile_v3": ({**_ACS_3, **_SIZE}, True, "acs_v3"),
    "fallback_header_acs_biasfile_v3": (
        {**_ACS_3, **_SIZE, "RAW_LTV1": _SHOWN, "RAW_LTV2": _SHOWN}, True, "acs_v3"),
    "precondition_header_wfc3_biasfile_v1": (
        {"SUBARRAY": frozenset({"T"}), "APERTURE": None}, False, "wfc3"),
    "fallback_header_wfpc2_flatfile_v1": ({"FILTER1": None, "FILTER2": None}, False, "wfpc2"),
}

#: sha1 of the sources that were read, of crds 14.0.3.
_SOURCES: dict[str, str] = {
    "acs_common": "eed352ccaf737d44add88383b4f6eacd51683e4d",
    "acs_v1": "4b77aeba240e88f8e427dedb24e880330502b6ea",
    "acs_v2": "b78b165edb31c24cc8c278f8dfe04c61b6f4ea25",
    "acs_v3": "65f0c069e559ffa4c91d1281a37240e7e4fc344c",
    "wfc3": "bb990747acd3ad23fa5733e2a4bd1efcc1a3f7ac",
    "wfpc2": "6fe7d5d496eddf65babc4f1ca6408118de90b963",
    "dnr_check": "1621da4c8061d5e1261f198946144f0333000a29",
}


class UnknownHook(ValueError):
    """A function whose needs are not known; the message says which."""


@dataclass(frozen=True)
class Failed:
    """The library raised an exception with this text."""

    text: str


@dataclass(frozen=True)
class Hook:
    """``function`` of the library, what it ``reads`` and whether the date matters to it."""

    function: Callable
    reads: Mapping[str, frozenset[str] | None]
    dated: bool

    def columns(self, available) -> tuple[str, ...]:
        """Names of the columns it needs of those ``available`` for the instrument."""
        keys = [key for key in self.reads if key in available]
        return (*keys, EPOCH) if self.dated else tuple(keys)

    def changes(self, header: Mapping[str, str], rule) -> tuple[tuple[str, str], ...] | Failed:
        """What it changes in ``header``, which has the columns of :meth:`columns`.

        Values that are alike to the function may be :data:`rules.bulk.frame.OTHER`.
        """
        given = dict(header)
        epoch = given.pop(EPOCH, None)
        if epoch is not None:
            given.update(zip(EPOCH_KEYS, epoch.split(), strict=True))
        try:
            changed = self.function(rule, dict(given))
        except Exception as exc:  # the library makes "NOT FOUND" of any
            return Failed(str(exc))
        return tuple((key, value) for key, value in changed.items() if given.get(key) != value)


def hook(function: Callable) -> Hook:
    """What is known of ``function``; raises :class:`UnknownHook`."""
    name = getattr(function, "__name__", "")
    if name not in _KNOWN:
        raise UnknownHook(f"the needs of the library's {name or 'hook'} are not known")
    reads, dated, module = _KNOWN[name]
    found = sys.modules[function.__module__]
    common = found.__name__.rpartition(".")[0] + ".acs_common"
    if (found.__name__.rpartition(".")[2] != module or _digest(found) != _SOURCES[module]
            or (dated and _digest(sys.modules[common]) != _SOURCES["acs_common"])):
        raise UnknownHook(f"the library's {name} is not the one that is known")
    return Hook(function, reads, dated)


def do_not_reprocess(locate) -> Callable[[dict], bool] | None:
    """The observatory's test for datasets that need no references, None if it has none.

    Reads DETECTOR and CCDGAIN.  Raises :class:`UnknownHook` if it is not the known one.
    """
    check = getattr(locate, "dnr_check", None)
    if check is None:
        return None
    if _digest(check) != _SOURCES["dnr_check"]:
        raise UnknownHook("the library's dnr_check is not the one that is known")

    def tested(header: dict) -> bool:
        try:
            return check(header) is True
        except Exception:
            return False

    return tested


@cache
def _digest(source) -> str:
    return hashlib.sha1(inspect.getsource(source).encode(), usedforsecurity=False).hexdigest()
