"""For which match cases and dates another reference is selected.

Of each match case the dates of its references are one time line; what differs between the old
and the new one are intervals in which datasets get another file.  Cases are compared one by one:
that a dataset can fit several cases is not looked at, so this tells where to look, and
``affected`` counts datasets.
"""

from __future__ import annotations

from collections.abc import Iterable

from . import rule_text
from .change import in_words
from .rule_text import Rule

#: Header fields that change what is selected.
SELECTING = ("parkey", "classes", "extra_keys", "rmap_relevance", "rmap_omit", "parkey_relevance",
             "substitutions", "merge_overlaps", "comment_parkeys", "hooks", "reffile_switch",
             "reffile_required", "reference_to_dataset")

#: Selectors whose keys are dates from which on a file is used.
DATED = ("UseAfter",)


def cases(old: Rule, new: Rule) -> dict:
    """What selection would change, as plain JSON.

    ``cases``: a list with, for each interval of a match case in which the result differs,
    ``case`` (values by parameter), ``kind`` (``changed``, ``new case``, ``removed case``),
    ``from`` and ``until`` (the next date, empty for ever), ``old`` and ``new`` (names, empty
    when nothing is selected) and ``text``.  ``header``: names of changed header fields that
    have a say in selection; then any dataset may be concerned.  ``count`` is the number of
    different match cases in the list.
    """
    found = []
    lines = [_time_lines(rule) for rule in (old, new)]
    for case in dict.fromkeys([*lines[0], *lines[1]]):
        before, after = (side.get(case) for side in lines)
        kind = "changed" if before and after else "new case" if after else "removed case"
        for start, end, one, other in _intervals(before or {}, after or {}):
            found.append(_entry(case, kind, start, end, one, other))
    changed = [name for name in SELECTING if old.header.get(name) != new.header.get(name)]
    return {
        "old": old.name, "new": new.name, "cases": found, "header": changed,
        "count": len({tuple(entry["case"].items()) for entry in found})}


def of_texts(old_name: str, old: str, new_name: str, new: str) -> dict:
    """As :func:`cases` for two texts."""
    return cases(*(rule_text.rule_of(rule_text.load(name, text))
                   for name, text in ((old_name, old), (new_name, new))))


def _time_lines(rule: Rule) -> dict[tuple, dict[str, tuple[str, ...]]]:
    """Of each case the names by date; without a date they are under the empty text."""
    lines: dict[tuple, dict[str, tuple[str, ...]]] = {}
    for path, leaf in rule.entries.items():
        dated = path[-1].kind in DATED
        case = path[:-1] if dated else path
        date = " ".join(path[-1].values) if dated else ""
        lines.setdefault(case, {})[date] = rule_text.names_in(leaf)
    return lines


def _intervals(before: dict, after: dict) -> Iterable[tuple]:
    """(from, until, old names, new names) where the two time lines differ, longest possible."""
    dates = sorted(before.keys() | after.keys())
    old: tuple[str, ...] = ()
    new: tuple[str, ...] = ()
    run = None
    for date in dates:
        old, new = before.get(date, old), after.get(date, new)
        if run and (old, new) != run[1:]:
            yield run[0], date, *run[1:]
            run = None
        if run is None and old != new:
            run = (date, old, new)
    if run:
        yield run[0], "", *run[1:]


def _entry(case: rule_text.Path_, kind: str, start: str, end: str,
           old: tuple[str, ...], new: tuple[str, ...]) -> dict:
    values = {name: value for step in case for name, value in step.named.items()}
    when = f"from {start}" + (f" until {end}" if end else " on") if start else "always"
    if not old:
        what = f"get {in_words(new)}, where nothing was selected before"
    elif not new:
        what = f"get nothing any more, where {in_words(old)} was selected"
    else:
        what = f"get {in_words(new)} instead of {in_words(old)}"
    # N/A: the parameter does not count.
    words = ", ".join(f"{name} {value}" for name, value in values.items()
                      if value != "N/A") or "all datasets"
    return {"case": values, "kind": kind, "from": start, "until": end, "old": list(old),
            "new": list(new), "text": f"{words}: datasets {when} {what}."}
