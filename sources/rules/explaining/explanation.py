"""An explanation of every type of an instrument, held against the library's selection."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from crds.core import rmap, utils

from rules import selection
from rules.loading import load

from . import wording
from .model import Explanation, Parameter, TypeExplanation
from .reference_type import explain_filekind, explain_type
from .tracing import Extent


def explain(context: str, header: Mapping[str, str], reftypes: Iterable[str] | None = None,
            extent: Extent | None = None) -> Explanation:
    """Why each type of the instrument has the reference that ``context`` selects for ``header``.

    ``reftypes`` None or empty means every type.  Raises
    :class:`common.errors.BadRequest` as :func:`rules.selection.best_references` does,
    where no type can be answered at all (no instrument, an unknown one).
    """
    return explain_rule(load(context), header, reftypes, extent)


def explain_rule(rule: rmap.Mapping, header: Mapping[str, str],
                 reftypes: Iterable[str] | None = None,
                 extent: Extent | None = None) -> Explanation:
    """:func:`explain` on a rule that is loaded already."""
    extent = extent or Extent()
    wanted = list(reftypes) if reftypes else None
    selected = selection.select(rule, header, wanted)
    minimized = rule.minimize_header(dict(header))
    conditioned = utils.condition_header(minimized)
    types = _explain_types(rule, conditioned, wanted, extent)
    for one in types:
        one.selected = selected.get(one.filekind)
        one.agrees = one.result == one.selected
        wording.describe(one)
    complete = set(selected) <= {one.filekind for one in types}
    return Explanation(
        rule.basename, rule.observatory.lower(), _instrument(rule, conditioned),
        _parameters(header, minimized, conditioned), types,
        complete and all(one.agrees for one in types))


def _explain_types(rule: rmap.Mapping, header: Mapping[str, str], wanted: list[str] | None,
                   extent: Extent) -> list[TypeExplanation]:
    if isinstance(rule, rmap.ReferenceMapping):
        return [explain_type(rule, header, extent)]
    imap = rule
    if isinstance(rule, rmap.PipelineContext):
        imap = rule.get_imap(rule.get_instrument(dict(header)))
    kinds = {kind.lower() for kind in wanted or imap.selections.keys()}
    return [explain_filekind(imap, kind, header, extent) for kind in sorted(kinds)]


def _instrument(rule: rmap.Mapping, header: Mapping[str, str]) -> str:
    if isinstance(rule, rmap.PipelineContext):
        return rule.get_instrument(dict(header)).lower()
    return rule.instrument.lower()


def _parameters(header: Mapping[str, str], minimized: Mapping[str, str],
                conditioned: Mapping[str, str]) -> list[Parameter]:
    """The parameters that the rules read, as given and as used."""
    have = {str(name).upper() for name in header}
    found = []
    for name, value in sorted(minimized.items()):
        if name == "REFTYPE" and name not in have:
            continue  # how an imap names its types, no parameter of a dataset
        used = conditioned[name.upper()]
        if name.upper() in have:
            found.append(Parameter(name, str(value), used, _note(str(value), used)))
        elif value == "UNDEFINED":
            found.append(Parameter(name, None, used, "not in the header"))
        else:
            found.append(Parameter(name, str(value), used, "given by its FITS keyword"))
    return found


def _note(given: str, used: str) -> str:
    """Why conditioning changed a value."""
    if given == used:
        return ""
    if used == "N/A":
        return "a value that stands for N/A"
    if used == "*":
        return "ANY matches everything"
    if utils.NUMBER_RE.match(given.strip()):
        return "numbers are compared in one form"
    if used in ("T", "F"):
        return "truth values are written T and F"
    if given == "UNDEFINED":
        return ""
    return "compared in upper case, without blanks around it"
