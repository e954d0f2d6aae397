"""Headers of datasets in the words of the rules.

What a file's header says becomes what selection looks at: for JWST the names of FITS
keywords turn into those of the data models, and only what the rules of the header's
instrument ask for is kept.  Selection on the kept part equals selection on the whole
header, because the library itself selects on nothing else.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from crds.core import exceptions, rmap, utils

from common.errors import BadRequest

from .loading import load

#: Value of a parameter that a header does not have.
UNDEFINED = "UNDEFINED"


def union(parts: Iterable[Mapping[str, str]], observatory: str) -> dict[str, str]:
    """One header of several, the first value of a keyword counts, as the client reads files.

    Keys become upper case.  Other names of the same keyword are added as the client does.
    """
    header: dict[str, str] = {}
    for part in parts:
        for key, value in part.items():
            header.setdefault(str(key).upper(), str(value))
    return _with_other_names(header, observatory)


def _with_other_names(header: dict[str, str], observatory: str) -> dict[str, str]:
    for known, other in utils.get_locator_module(observatory).get_cross_strapped_pairs(header):
        if header.get(other, UNDEFINED) == UNDEFINED and header.get(known, UNDEFINED) != UNDEFINED:
            header[other] = header[known]
    return header


def required(context: str, header: Mapping[str, str]) -> dict[str, str]:
    """The parameters that selection under ``context`` uses, those that ``header`` lacks UNDEFINED.

    The instrument comes first, dates come last, the others are in the order of their names.
    """
    return of_rule(load(context), header)


def of_rule(rule: rmap.Mapping, header: Mapping[str, str]) -> dict[str, str]:
    """:func:`required` for a rule that is loaded already."""
    header = dict(header)
    try:
        found = rule.minimize_header(header)
        imap = rule.get_imap(rule.get_instrument(header)) if hasattr(rule, "get_imap") else rule
    except exceptions.CrdsError as exc:
        raise BadRequest(str(exc)) from exc
    except AttributeError as exc:
        # The library stumbles over instruments that a context declares N/A or omits.
        raise BadRequest(
            f"Context '{rule.basename}' has no rules for instrument"
            f" '{rule.get_instrument(header)}': it declares the instrument as not applicable."
        ) from exc
    found = {key.upper(): str(value) for key, value in found.items()}
    if imap.mapping == "instrument":
        # The type of reference: every type is asked for, whatever a header says.
        for key in imap.parkey:
            found.pop(key.upper(), None)
    return ordered(found)


def ordered(header: Mapping[str, str]) -> dict[str, str]:
    """``header`` with the instrument first and dates and times last."""
    return {key: header[key] for key in sorted(header, key=_rank)}


def _rank(key: str) -> tuple[int, str]:
    if key == "INSTRUME" or key.endswith("INSTRUMENT.NAME"):
        return 0, key
    date = key.split(".")[-1] in ("DATE-OBS", "TIME-OBS", "DATE", "TIME", "START_TIME")
    return (2 if date else 1), key
