"""Best references: the client library's own selection on rules that this process keeps loaded."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from crds.core import exceptions, rmap

from common.errors import BadRequest

from .loading import load


def best_references(context: str, header: Mapping[str, str],
                    reftypes: Iterable[str] | None = None) -> dict[str, str]:
    """``{type: file name or "NOT FOUND …"}`` for ``header`` under the rule file ``context``.

    ``reftypes`` None or empty means every type of the instrument.  Equal to
    ``crds.core.rmap.get_best_references``, whose messages errors keep.  Where match cases
    of equal weight cannot be merged the library answers with a tuple; it goes out as its
    text, since clients take nothing but text from a server.
    """
    return select(load(context), header, reftypes)


def select(rule: rmap.Mapping, header: Mapping[str, str],
           reftypes: Iterable[str] | None = None) -> dict[str, str]:
    """:func:`best_references` on a rule that is loaded already."""
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
