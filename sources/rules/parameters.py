"""Parameters that rules match by, and the values that rules know for them.

Rule files never change, so what is read from one is kept by its name: contexts share
most of their rules, and a new context costs only what is new in it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from crds.core import exceptions

from common.errors import BadRequest

from . import headers
from .dataset_headers import ordered
from .loading import load

#: Rule files whose values are kept; a few kilobytes each.
KEPT = 4000


@dataclass(frozen=True)
class Parameter:
    """A matching parameter: its name and the concrete values that rules name, sorted.

    ``any_case`` tells that some rule matches whatever the value is.
    """

    name: str
    values: tuple[str, ...]
    any_case: bool
    is_date: bool


def instruments(context: str) -> list[str]:
    """Instruments whose rules a context holds, lower case, sorted, those of observations only."""
    return headers.instruments(load(context))


def parameters(context: str, instrument: str) -> list[Parameter]:
    """Every parameter that the rules of ``instrument`` ask for, dates last.

    ``context`` is a pmap or imap.  BadRequest if it has no rules for ``instrument``.
    """
    imap = _imap(context, instrument)
    values: dict[str, set[str]] = {}
    wild: set[str] = set()
    for kind in imap.selections.normal_keys():
        for name, known, anything in _values_of_rmap(imap.get_rmap(kind).basename):
            values.setdefault(name, set()).update(known)
            wild |= {name} if anything else set()
    dates = set(headers.DATE_KEYS[imap.observatory.lower()])
    asked = set(values) | dates
    return [
        Parameter(name, tuple(sorted(values.get(name, ()), key=_natural)), name in wild,
                  name in dates)
        for name in ordered(dict.fromkeys(asked, ""))
    ]


def instrument_key(context: str) -> str:
    """Name of the parameter that holds the instrument, e.g. ``INSTRUME``."""
    return load(context).instrument_key.upper()


def _imap(context: str, instrument: str):
    rule = load(context)
    try:
        imap = rule.get_imap(instrument.lower())
    except (exceptions.CrdsError, AttributeError) as exc:
        raise BadRequest(
            f"The context {context} has no rules for instrument '{instrument}'."
            f" It has those of {', '.join(instruments(context))}.") from exc
    if isinstance(imap, str) or not hasattr(imap, "selections"):
        raise BadRequest(f"The context {context} declares instrument '{instrument}' as not"
                         " applicable.")
    return imap


@lru_cache(maxsize=KEPT)
def _values_of_rmap(name: str) -> tuple[tuple[str, tuple[str, ...], bool], ...]:
    """(parameter, its concrete values, whether some case takes any value) of one rmap."""
    rmap = load(name)
    known = headers.parameter_values(rmap, rmap.instrument)
    mentioned = headers.mentioned_values(rmap)
    cases = {key.upper(): set(map(str, values)) for key, values in rmap.get_parkey_map().items()}
    return tuple(
        (key, tuple(known.get(key) or mentioned.get(key, ())),
         bool({"*", "ANY"} & cases.get(key, set())))
        for key in sorted({key.upper() for key in rmap.get_required_parkeys()}))


def _natural(value: str) -> tuple[int, float, str]:
    """Numbers by their size, before texts."""
    try:
        return 0, float(value), value
    except ValueError:
        return 1, 0.0, value
