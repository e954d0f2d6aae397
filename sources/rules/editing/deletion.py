"""References out of rmaps, as ``crds refactor delete`` does it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from . import rule_text
from .change import ERROR, NOTE, WARNING, Change, Finding, compare


def naming(rmaps: Iterable[Path], references: Sequence[str]) -> dict[str, list[str]]:
    """Which of the files ``rmaps`` name which of ``references``: names by name of the rmap.

    Only rmaps that name one are in the result.
    """
    pattern = re.compile("['\"](" + "|".join(map(re.escape, references)) + ")['\"]")
    found = {}
    for path in map(Path, rmaps):
        if references and pattern.search(path.read_text(encoding="utf-8", errors="replace")):
            there = rule_text.read(path).names()
            named = [name for name in references if name in there]
            if named:
                found[path.name] = named
    return found


def rmaps_of(pmap: str, locate: Callable[[str], Path]) -> list[Path]:
    """Paths of all rmaps of the context ``pmap``; ``locate`` gives the path of a rule."""
    found = []
    for imap in sorted(rule_text.read(locate(pmap)).names()):
        found += [locate(name) for name in sorted(rule_text.read(locate(imap)).names())]
    return found


def delete(old_path: Path, new_path: Path, new_name: str, references: Sequence[str], *,
           old_name: str = "") -> Change:
    """Make the rmap ``new_name`` at ``new_path`` without ``references``.

    Match cases that lose their last reference go with it.  A reference that the rmap does not
    name is an error; nothing is written then.
    """
    old = rule_text.load_path(old_path, old_name)
    new, findings = old, []
    for name in dict.fromkeys(references):
        try:
            new = new.delete(name)
        except Exception:  # the library counts what it deleted
            findings.append(Finding(
                ERROR, "not-in-rules", f"'{name}' is not in '{old.basename}'.",
                "Check the name; the page of the file says which rules use it.", name))
    finished = rule_text.load(new_name, new.format())
    text = rule_text.finish(finished, new_name, old.basename)
    before, after = rule_text.rule_of(old), rule_text.rule_of(finished)
    left = after.names() & set(references)
    findings += [Finding(
        ERROR, "still-in-rules",
        f"'{name}' is named together with other files and cannot be deleted alone.",
        "Change the rmap by hand and submit it with \"Submit Mappings\".", name)
        for name in sorted(left)]
    findings += _lost_cases(before, after)
    change = Change(old.basename, new_name, text, compare(old, finished), findings)
    if change.ok:
        change.path = rule_text.write(new_path, text)
    return change


def _lost_cases(before: rule_text.Rule, after: rule_text.Rule) -> list[Finding]:
    kept = {path[:1] for path in after.entries}
    lost = dict.fromkeys(path[:1] for path in before.entries if path[:1] not in kept)
    findings = [Finding(
        NOTE, "case-removed", f"The match case {rule_text.described(path)} goes: it has no other"
        f" reference.", "Datasets that fit it get what a more general case says, or nothing.")
        for path in lost if path[0].kind == "Match"]
    if before.entries and not after.entries:
        findings.append(Finding(
            WARNING, "empty-rules", f"'{before.name}' has no references left.",
            "Datasets get no reference of this type any more."))
    return findings
