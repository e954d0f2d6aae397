"""Best references of single headers and of some hundreds, by compiled rules.

:mod:`rules.bulk` does the work; :func:`select` is the client library itself, against which
it is tested.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from crds.core import exceptions, rmap

from common.errors import BadRequest

from .bulk import CannotSelect, shared_engine
from .loading import load

#: From so many headers on, a table of them is faster than one after the other.
TOGETHER = 200


def best_references(context: str, header: Mapping[str, str],
                    reftypes: Iterable[str] | None = None) -> dict[str, str]:
    """``{type: file name or "NOT FOUND …"}`` for ``header`` under the rule file ``context``.

    ``reftypes`` None or empty means every type of the instrument.  Equal to
    ``crds.core.rmap.get_best_references``, whose messages errors keep.  Where match cases
    of equal weight cannot be merged the library answers with a tuple; it goes out as its
    text, since clients take nothing but text from a server.
    """
    try:
        return shared_engine().best(context, header, reftypes)
    except CannotSelect as exc:
        raise BadRequest(str(exc)) from exc


def many(context: str, headers: Sequence[Mapping[str, str]],
         reftypes: Iterable[str] | None = None) -> list[dict[str, str] | BadRequest]:
    """:func:`best_references` of each header; in place of those that fail, the error."""
    reftypes = list(reftypes or ())
    if len(headers) < TOGETHER:
        return [_one(context, header, reftypes) for header in headers]
    engine = shared_engine()
    found = engine.best_references(context, engine.table(context, headers), reftypes)
    return [BadRequest(found.error(row)) if found.errors[row] >= 0 else answer
            for row, answer in enumerate(found)]


def _one(context: str, header, reftypes) -> dict[str, str] | BadRequest:
    try:
        return best_references(context, header, reftypes)
    except BadRequest as exc:
        return exc


def select(rule: rmap.Mapping, header: Mapping[str, str],
           reftypes: Iterable[str] | None = None) -> dict[str, str]:
    """The library's own answer, for a rule that it has loaded."""
    include = list(reftypes) if reftypes else None
    try:
        found = rmap.get_best_references(rule, dict(header), include=include)
    except exceptions.CrdsError as exc:
        raise BadRequest(str(exc)) from exc
    except AttributeError as exc:
        # The library stumbles over instruments that a context declares N/A or omits.
        raise BadRequest(_unusable_instrument(rule, header)) from exc
    return {kind: str(name) for kind, name in found.items()}


def _unusable_instrument(rule: rmap.Mapping, header: Mapping[str, str]) -> str:
    try:
        instrument = rule.get_instrument(dict(header))
    except exceptions.CrdsError as exc:
        return str(exc)
    return (f"Context '{rule.basename}' has no rules for instrument '{instrument}':"
            " it declares the instrument as not applicable.")


def instrument(context: str, header: Mapping[str, str]) -> str:
    """Lower case name of the instrument that ``header`` names."""
    try:
        return load(context).get_instrument(dict(header)).lower()
    except exceptions.CrdsError as exc:
        raise BadRequest(str(exc)) from exc


def required_parkeys(context: str) -> dict[str, list[str]] | list[str]:
    """Names of the matching parameters: by instrument for a pmap, else a list."""
    parkeys = load(context).get_required_parkeys()
    if isinstance(parkeys, dict):
        return {key.lower(): list(names) for key, names in parkeys.items()}
    return list(parkeys)
