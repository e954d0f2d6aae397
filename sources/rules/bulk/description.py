"""What selection needs of an rmap, as plain data that can be kept in a file."""

from __future__ import annotations

import ast
import json
import os
import tempfile
from pathlib import Path
from typing import Any

import crds
from crds.core import rmap, selectors

#: Of the form of descriptions; raise it whenever :func:`describe` gives something else.
VERSION = 1

#: A description is a dictionary of JSON types:
#:
#: ``required``      parameters of the rule as the library gives them
#: ``hooks``         names of functions of the library that the header asks for
#: ``omit``, ``relevance``, ``irrelevant``   source of the expressions; the last by parameter
#: ``required_file`` whether a type without a match is an error, see ``reffile_required``
#: ``matching``      parameters, keys (distinct texts of each parameter), cases (an index into
#:                   keys for each parameter), choices (of each case), valid, substitutions, merge
#: ``tables``        keys and choices of each UseAfter
#: ``dates``         date parameters of the UseAfters
#: ``reason``        why only the library can use the rule (the rest is absent), else empty
Description = dict[str, Any]


def describe(rule: rmap.ReferenceMapping) -> Description:
    """The description of a loaded rule."""
    try:
        return {**_head(rule), **_body(rule), "reason": ""}
    except _NotCompilable as exc:
        return {**_head(rule), "reason": str(exc)}


class _NotCompilable(Exception):
    """The rule uses something that only the library evaluates."""


def _head(rule: rmap.ReferenceMapping) -> Description:
    return {
        "observatory": rule.observatory, "instrument": rule.instrument,
        "filekind": rule.filekind, "required": list(rule.get_required_parkeys()),
        "hooks": dict(rule.header.get("hooks", None) or {}),
    }


def _body(rule: rmap.ReferenceMapping) -> Description:
    if any(key != key.upper() for key in rule.get_required_parkeys()):
        raise _NotCompilable("parameters that are not upper case")
    selector = rule.selector
    if type(selector) is not selectors.MatchSelector:
        raise _NotCompilable(f"{selector.short_name} at the top")
    cases = list(selector._match_selections.items())
    tables, choices, dates = _choices([choice.choice for _, choice in cases])
    irrelevant = {
        key: rule._parkey_relevance_exprs[key.lower()][0]
        for key in rule._required_parkeys if key.lower() in rule._parkey_relevance_exprs}
    if set(dates) & set(irrelevant):
        raise _NotCompilable("a date that can be irrelevant")
    return {
        "omit": rule._rmap_omit_expr[0],
        "relevance": rule._rmap_relevance_expr[0],
        "irrelevant": irrelevant,
        "required_file": rule._reffile_required in ("YES", "NONE"),
        "matching": {**_matching(selector, [key for key, _ in cases]), "choices": choices},
        "tables": tables,
        "dates": list(dates),
    }


def _matching(selector: selectors.MatchSelector, cases: list[tuple[str, ...]]) -> Description:
    keys: list[list[str]] = []
    columns = []
    for place in range(len(selector._parameters)):
        texts = list(dict.fromkeys(case[place] for case in cases))
        number = {text: index for index, text in enumerate(texts)}
        keys.append(texts)
        columns.append([number[case[place]] for case in cases])
    return {
        "parameters": list(selector._parameters),
        "keys": keys,
        "cases": columns,
        "valid": [list(selector._parkey_map[name]) for name in selector._parameters],
        # Lists and tuples mean different things in it, which JSON cannot say.
        "substitutions": repr(selector._substitutions),
        "merge": selector._merge_overlaps,
    }


def _choices(choices: list) -> tuple[list, list, tuple[str, ...]]:
    """(tables, for each case the number of its table or its text, date parameters)."""
    tables, found, dates = [], [], set()
    for choice in choices:
        if isinstance(choice, str):
            found.append(choice)
            continue
        if type(choice) is not selectors.UseAfterSelector:
            raise _NotCompilable(_kind(choice))
        if not all(isinstance(one.key, str) and isinstance(one.choice, str)
                   for one in choice._selections):
            raise _NotCompilable("a UseAfter of something else than texts")
        found.append(len(tables))
        tables.append([choice.keys(), choice.choices()])
        dates.add(choice._parameters)
    if len(dates) > 1:
        raise _NotCompilable("UseAfters with different parameters")
    return tables, found, next(iter(dates), ())


def _kind(choice) -> str:
    if isinstance(choice, selectors.Selector):
        return f"{choice.short_name} below Match"
    return f"a {type(choice).__name__} as the result of Match"


def substitutions(description: Description) -> dict:
    """The substitutions of a description's matching."""
    return ast.literal_eval(description["matching"]["substitutions"])


# ---- kept on disk -------------------------------------------------------------


def kept(sha1sum: str, folder: Path | None) -> Description | None:
    """The description kept in ``folder`` for a rule with this checksum, None if there is none."""
    if folder is None:
        return None
    try:
        return json.loads(_place(sha1sum, folder).read_bytes())
    except (OSError, ValueError):
        return None


def keep(sha1sum: str, description: Description, folder: Path | None) -> None:
    """Keep ``description``: a help, not a duty, so a full or read-only disk is no error."""
    if folder is None:
        return
    place = _place(sha1sum, folder)
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile("w", dir=place.parent, delete=False) as stream:
            json.dump(description, stream, separators=(",", ":"))
        os.replace(stream.name, place)
    except OSError:
        return


def _place(sha1sum: str, folder: Path) -> Path:
    # What an other library would make of the same rule may differ.
    return folder / f"{VERSION}-crds-{crds.__version__}" / sha1sum[:2] / f"{sha1sum}.json"
