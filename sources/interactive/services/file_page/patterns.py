"""Which parameters lead to a reference, in the rules of one context or in rules that are named."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from urllib.parse import quote, urlencode

from common.errors import NotFound, ServiceError
from interactive.models import CatalogFile, FileState, RuleLink
from interactive.services import contexts, rule_tables
from rules.tables import Column, RuleTable

from .history import patterns_of
from .ranges import in_order

#: Patterns of one rule that are shown at most.
LIMIT = 1000

#: The parameter that names the instrument.
INSTRUMENT = {
    "jwst": "META.INSTRUMENT.NAME", "roman": "ROMAN.META.INSTRUMENT.NAME"}

#: A value that stands for itself, and a date.
PLAIN = re.compile(r"[A-Za-z0-9 ._:/+-]+")
DATE = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d+)?")


@dataclass(frozen=True)
class Pattern:
    """One match case: ``values`` by parameter, and all ``dates`` from which it leads there.

    ``example`` is the query of an address that asks for these parameters; empty where a
    value is a pattern or a range.
    """

    values: list[str]
    dates: list[str]
    example: str = ""


@dataclass(frozen=True)
class RulePatterns:
    """Patterns of the reference in ``rules``; ``more`` are not listed.

    ``problem`` says why there are none: the text of the rules cannot be read here.
    """

    rules: str
    titles: list[str]
    patterns: list[Pattern]
    more: int = 0
    conditions: dict[str, str] = field(default_factory=dict)
    problem: str = ""


@dataclass(frozen=True)
class Patterns:
    """``context`` is the one that the ``rules`` belong to, empty where rules were named.

    ``choices`` are all rules that contain the reference, the newest first.
    """

    rules: list[RulePatterns]
    context: str
    choices: list[str]
    note: str = ""


def patterns(reference: CatalogFile, rules: str = "", context: str = "") -> Patterns:
    """Lookup patterns of ``reference``; at most eight queries.

    In ``rules`` if they are named, else in ``context`` (a name, role or date), else in the
    latest context, else in the newest rules that contain it.  Raises :class:`NotFound` for
    rules or a context that do not contain it.
    """
    rows = _parents(reference)
    choices = list(reversed(in_order(rows)))
    if not choices:
        return Patterns([], "", [])
    if rules:
        if rules not in rows:
            raise NotFound(f"'{rules[:128]}' does not contain {reference.name}, so there are no"
                           " lookup patterns. Choose rules that do.")
        return Patterns([_of(rows[rules], reference.name)], "", choices)
    wanted = contexts.resolve_pmap(context) if context else contexts.pointer("latest")
    found = _inside(wanted, rows) if wanted else []
    if context and not found:
        raise NotFound(f"{wanted} does not contain {reference.name}, so there are no lookup"
                       " patterns. Choose another context or rules that contain it.")
    if found:
        return Patterns([_of(rows[name], reference.name) for name in found], wanted, choices)
    note = (f"It is not in the latest context, {wanted}; these are the newest rules that contain"
            " it." if wanted else "")
    return Patterns([_of(rows[choices[0]], reference.name)], "", choices, note)


def _parents(reference: CatalogFile) -> dict[str, CatalogFile]:
    return {row.name: row for row in CatalogFile.objects.published().filter(
        links_down__child=reference).only("name", "sha1sum", "stored")}


def _inside(context: str, rows: dict[str, CatalogFile]) -> list[str]:
    """Which of the rules belong to ``context``."""
    instruments = (RuleLink.objects.filter(parent__name=context)
                   .exclude(child__state=FileState.UPLOADED).values_list("child_id", flat=True))
    held = set(RuleLink.objects.filter(parent__in=list(instruments))
               .values_list("child_id", flat=True))
    return in_order(name for name, row in rows.items() if row.pk in held)


def _of(row: CatalogFile, name: str) -> RulePatterns:
    try:
        table = rule_tables.table_of(row)
    except ServiceError as exc:
        return RulePatterns(row.name, [], [], problem=exc.message)
    titles, merged = patterns_of(table, name)
    examples = _examples(table, name)
    shown = [Pattern(each["values"], each["dates"], examples.get(tuple(each["values"]), ""))
             for each in merged[:LIMIT]]
    return RulePatterns(row.name, titles, shown, len(merged) - len(shown), table.conditions)


def _examples(table: RuleTable, name: str) -> dict[tuple[str, ...], str]:
    """For each match case parameters that lead to ``name``, as the query of an address."""
    found: dict[tuple[str, ...], str] = {}
    instrument = INSTRUMENT.get(table.observatory, "INSTRUME")
    for row in table.rows_of(name):
        shown = row.shown
        case = tuple(shown[i] for i, column in enumerate(table.columns) if column.matches)
        if case in found:
            continue
        parameters: dict[str, str] | None = {instrument: table.instrument.upper()}
        for column, value in zip(table.columns, row.values, strict=True):
            parameters = _with(parameters, column, value)
        found[case] = urlencode(parameters, quote_via=quote, safe=":,/") if parameters else ""
    return found


def _with(parameters: dict[str, str] | None, column: Column, value: str):
    """``parameters`` and what ``column`` asks for; None where that is no plain value."""
    if parameters is None or value in ("", "N/A"):
        return parameters
    if column.selector == "UseAfter" and DATE.fullmatch(value):
        names = column.parameter.split()
        parts = value.split() if len(names) == 2 else [value]
        return {**parameters, **dict(zip(names, parts, strict=False))}
    first = value.split("|")[0].strip()
    if not column.matches or not PLAIN.fullmatch(first) or first.upper().startswith(
            ("NOT ", "BETWEEN")):
        return None
    return {**parameters, column.parameter: first}
