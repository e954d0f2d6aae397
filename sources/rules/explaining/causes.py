"""Why a lookup failed, told from its trace."""

from __future__ import annotations

import re

from crds.core.exceptions import InvalidDatetimeError

from .model import Cause, Trace

#: The library's message about a value that its rules do not have.
_VALUE = re.compile(r" parameter=(?P<name>'[^']*'|\S+)"
                    r" value=(?P<value>'[^']*'|\"[^\"]*\"|\S+) is not ")
_ABSENT = re.compile(r"required lookup parameter '?(?P<name>[^' ]+)'? is undefined")
_UNDEFINED = re.compile(r"parameter '?(?P<name>[^' ]+)'? is UNDEFINED")

_KINDS = {
    "UseAfterError": Cause.TOO_EARLY,
    "VersionAfterError": Cause.TOO_EARLY,
    "InvalidDatetimeError": Cause.MISSING_PARAMETER,
}


def classify(trace: Trace) -> Cause:
    """The cause of a trace that ended with an error."""
    if _unmergeable(trace):
        return Cause.UNMERGEABLE
    if trace.error_kind in _KINDS:
        return _KINDS[trace.error_kind]
    if trace.error_kind == "MatchingError":
        tried = [group for group in trace.groups if group.tried]
        if not tried:
            return Cause.NO_CASE
        if all(group.below and group.below.error_kind in ("UseAfterError", "VersionAfterError")
               for group in tried):
            return Cause.TOO_EARLY
        return Cause.OTHER
    if trace.error_kind == "ValidationError":
        return _of_validation(trace.error)
    return Cause.OTHER


def classify_error(error: Exception) -> Cause:
    """The cause of an error outside of the selectors: in a condition or a hook."""
    if isinstance(error, InvalidDatetimeError):
        return Cause.MISSING_PARAMETER
    return Cause.OTHER


def _unmergeable(trace: Trace) -> bool:
    """The library stumbled when it should have merged cases of equal weight."""
    if trace.error_kind not in ("AmbiguousMatchError", "AttributeError", "TypeError"):
        return False
    following = next((group for group in trace.groups if not group.tried), None)
    return following is not None and len(following.cases) > 1


def _of_validation(error: str) -> Cause:
    if "Invalid date/time format" in error:
        return Cause.BAD_DATE
    if "Invalid number for" in error:
        return Cause.BAD_NUMBER
    name, value = culprit(error)
    if not name:
        return Cause.OTHER
    return Cause.MISSING_PARAMETER if value == "UNDEFINED" else Cause.UNKNOWN_VALUE


def culprit(error: str) -> tuple[str, str]:
    """Parameter and value that a message of the library complains about, else empty texts."""
    if found := _VALUE.search(error):
        return found["name"].strip("'"), found["value"].strip("'\"")
    if found := _ABSENT.search(error) or _UNDEFINED.search(error):
        return found["name"], "UNDEFINED"
    return "", ""
