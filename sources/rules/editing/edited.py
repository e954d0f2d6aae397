"""The rule file that edits by hand lead to, checked as the library checks rules."""

from __future__ import annotations

from dataclasses import dataclass, field

from . import impact, overlaps, rule_text, steps
from .change import ERROR, NOTE, WARNING, Finding, compare
from .rule_text import NotARule, Rule, Step

#: Selectors whose rows can be edited, from the top.
SHAPES = (("Match", "UseAfter"), ("Match",))


@dataclass
class Result:
    """``text`` is the file to submit: it keeps the name of the old one in its header, as a
    downloaded rule does, and has the right checksum."""

    text: str = ""
    section: dict = field(default_factory=dict)
    impact: dict = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        return not any(finding.level == ERROR for finding in self.findings)


def make(name: str, text: str, edits: list[dict]) -> Result:
    """Apply ``edits`` to the rmap ``name`` with the content ``text``.

    Raises :class:`NotARule` when the rmap itself cannot be edited.
    """
    old = rule_text.load(name, text)
    before = rule_text.rule_of(old)
    if tuple(kind for kind, _ in before.outline) not in SHAPES:
        raise NotARule(f"'{name}' is not of the usual form Match and UseAfter. Edit its text and"
                       f" submit it with \"Submit Mappings\".")
    dated = len(before.outline) == 2
    places = {_values(path): path for path in before.entries}
    if len(places) != len(before.entries):
        raise NotARule(f"'{name}' writes two rows alike. Edit its text and submit it with"
                       f" \"Submit Mappings\".")
    result = Result()
    edited = steps.apply([(values, _result(before.entries[path]))
                          for values, path in places.items()], edits, dated)
    result.findings = [Finding(WARNING, "left-out", f"Edit {number + 1} was left out: {problem}",
                               "Remove it from the list of edits.")
                       for number, problem in edited.problems]
    after = _rule(before, edited, places)
    shown = name.removesuffix(".rmap") + "_edited.rmap"
    after.name = shown
    try:
        new = rule_text.to_mapping(after)
    except NotARule as exc:
        result.findings.append(Finding(ERROR, "not-a-rule", str(exc),
                                       "Undo the last edits, or make them differently."))
        return result
    _check(old, new, before, after, result.findings)
    result.section = compare(old, new)
    result.impact = impact.cases(before, after)
    header = {key: dict.get(old.header, key) for key in ("name", "derived_from")}
    new.header.update(header)
    new.header["sha1sum"] = new._get_checksum(new.format())
    result.text = new.format()
    return result


def _values(path: rule_text.Path_) -> tuple[str, ...]:
    return tuple(value for step in path for value in step.values)


def _result(leaf) -> str:
    return ", ".join(rule_text.names_in(leaf))


def _rule(before: Rule, edited: steps.Edited, places: dict) -> Rule:
    """The rules with the rows as they are now; rows that stay keep their spelling."""
    spelled = {_values(path[:1]): path[0] for path in before.entries}
    entries = {}
    for row in edited.rows:
        if row.gone:
            continue
        path = places.get(row.values)
        if path is None or row.was is None or row.was[0] != row.values:
            path = _path(before, row.values, spelled)
        leaf = before.entries.get(path)
        entries[path] = leaf if leaf is not None and _result(leaf) == row.result else row.result
    return Rule(before.name, dict(before.header), entries, before.comment, before.outline)


def _path(before: Rule, values: tuple[str, ...], spelled: dict) -> rule_text.Path_:
    """A path for new values; cases that are there are written as they are."""
    (kind, parameters), *below = before.outline
    case, rest = values[:len(parameters)], values[len(parameters):]
    first = spelled.get(case)
    if first is None:
        key = case if len(case) > 1 else case[0]
        first = Step(kind, parameters, key, case)
    path = [first]
    if below:
        (kind, parameters), = below
        path.append(Step(kind, parameters, rest[0], rest[0]))
    return tuple(path)


# ---- checks ----------------------------------------------------------------


def _check(old, new, before: Rule, after: Rule, findings: list[Finding]) -> None:
    if not any(before.entries.get(path) != leaf for path, leaf in after.entries.items()) and len(
            before.entries) == len(after.entries):
        findings.append(Finding(NOTE, "unchanged", "The rules are as they were.",
                                "Add, replace, move or delete a row."))
    known = {repr(path[0].key) for path in before.entries}
    fresh = [raw for raw, _ in new.selector._raw_selections if repr(raw) not in known]
    for raw in fresh:
        _check_case(new, raw, findings)
    forbidden = overlaps.forbidden(new)
    for overlap in overlaps.of_cases(new.selector, fresh):
        special, general = (_named(new, key) for key in (overlap.special, overlap.general))
        findings.append(Finding(
            ERROR if forbidden else NOTE, "equal-weight",
            f"The match case ({special}) is an equal weight special case of ({general}): a"
            f" dataset that fits both can get either.",
            "Change one of them so that they do not overlap." if forbidden else
            "HST rules with such overlaps merge both cases when they select."))
    for path in after.entries:
        if before.entries.get(path) is None and path[-1].kind == "UseAfter":
            _check_date(path, findings)
    if not after.entries:
        findings.append(Finding(WARNING, "empty-rules", "No row is left.",
                                "Datasets would get no reference of this type any more."))


def _check_case(new, raw, findings: list[Finding]) -> None:
    """Values that the constraints of the type do not allow."""
    from crds.core.exceptions import AmbiguousMatchError

    try:
        new.selector._validate_raw_key(raw, new.tpn_valid_values)
    except AmbiguousMatchError:
        return  # said for both directions
    except Exception as exc:  # the library raises whatever values lead it to
        findings.append(Finding(
            ERROR, "value-not-allowed",
            f"The match case ({_named(new, raw)}) is not allowed:"
            f" {' '.join(str(exc).split())[:600]}.",
            "Write a value that the constraints of the type allow."))


def _check_date(path: rule_text.Path_, findings: list[Finding]) -> None:
    from crds.core import timestamp

    try:
        timestamp.reformat_date(path[-1].values[0])
    except Exception:  # the library raises whatever the text leads it to
        findings.append(Finding(
            ERROR, "bad-useafter", f"'{path[-1].values[0]}' is no date.",
            "Write it like 2024-05-31 00:00:00."))


def _named(mapping, key) -> str:
    key = key if isinstance(key, tuple) else (key,)
    return ", ".join(f"{name} {rule_text.text_of(value)}" for name, value in
                     zip(mapping.selector._parameters, key, strict=False))
