"""References of the catalogue into current rules, by what their headers say.

The inverse of deleting them, and the way to take over what another branch of the rules has.
What else that branch changed is not carried over: the findings list it.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from . import impact, rule_text
from .change import ERROR, NOTE, WARNING, Change, Finding, in_words
from .insertion import _Insertion


def add(old_path: Path, new_path: Path, new_name: str, references: Mapping[str, Path | None], *,
        branch: Path | None = None, old_name: str = "") -> Change:
    """Make the rmap ``new_name`` at ``new_path`` with ``references`` of the catalogue.

    ``references`` leads from names to files, None where the file is not stored here: such a
    reference is inserted for the match cases that ``branch``, an rmap that has it, gives.
    """
    old = rule_text.load_path(old_path, old_name)
    other = rule_text.read(branch) if branch else None
    inserted = _Insertion(old)
    for name, path in references.items():
        if path is not None:
            inserted.add(Path(path), name)
        elif other and name in other.names():
            _by_cases(inserted, other, name)
        else:
            inserted.findings.append(Finding(
                ERROR, "not-stored", f"'{name}' is not stored on this server, so its header"
                f" cannot be read.", "Have the file synchronised to this server first, or add"
                " its rows with the rule editor.", name))
    change = inserted.change(new_name)
    if other is not None:
        change.findings += not_carried_over(
            inserted.before, rule_text.rule_of(rule_text.load(new_name, change.text)), other,
            references)
    if change.ok:
        change.path = rule_text.write(new_path, change.text)
    return change


def _by_cases(inserted: _Insertion, branch: rule_text.Rule, name: str) -> None:
    for path, leaf in branch.entries.items():
        if name in rule_text.names_in(leaf):
            header: dict[str, str] = {}
            for step in path:
                if step.kind == "UseAfter":
                    parts = step.values[0].split(" ", len(step.parameters) - 1)
                    header.update(zip(step.parameters, parts, strict=False))
                else:
                    header.update(step.named)
            inserted.add_header(header, name)
    inserted.findings.append(Finding(
        NOTE, "by-branch", f"'{name}' is not stored on this server; it was added for the match"
        f" cases that '{branch.name}' has it for.", file=name))


def not_carried_over(old: rule_text.Rule, new: rule_text.Rule, branch: rule_text.Rule,
                     names) -> list[Finding]:
    """What ``branch`` has and ``new`` has not: header fields, cases of ``names``, other rows."""
    findings = []
    fields = [key for key in impact.SELECTING if old.header.get(key) != branch.header.get(key)]
    if fields:
        findings.append(Finding(
            WARNING, "not-carried-over", f"'{branch.name}' has another {in_words(fields)} in its"
            f" header than '{old.name}'; that is not carried over.",
            "If it is needed, change the header by hand and submit the rmap first."))
    for name in names:
        places = [_places(rule, name) for rule in (branch, new)]
        missing = [place for place in places[0] if place not in places[1]]
        findings += [Finding(
            WARNING, "other-case", f"'{branch.name}' has '{name}' for {place}, the new rules do"
            f" not: its header leads elsewhere.",
            "Check the match cases; add the row with the rule editor if it is meant.", name)
            for place in missing]
    others = branch.names() - new.names() - set(names)
    if others:
        shown = in_words(sorted(others)[:5]) + (" and others" if len(others) > 5 else "")
        findings.append(Finding(
            NOTE, "not-carried-over", f"'{branch.name}' has {len(others)} other references that"
            f" the new rules have not: {shown}.", "Add them too if they are wanted."))
    return findings


def _places(rule: rule_text.Rule, name: str) -> list[str]:
    return [rule_text.described(path) for path, leaf in rule.entries.items()
            if name in rule_text.names_in(leaf)]
