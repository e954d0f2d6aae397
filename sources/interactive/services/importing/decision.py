"""Which files an import publishes and what it only reports.  Pure: no disk, no database.

A rule file is published if it parses, the checksum in its header holds, and
everything it reaches is published.  References are published as bytes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from rules.names import ODD_SERIAL, extension, is_mapping, split_serial
from rules.reading import BAD_NAMES, CHECKSUM, UNPARSABLE, WRONG_KIND, RuleFile, is_catalog_name
from rules.reference_files import ReferenceFile

from .state import Known, ServerState, Turn

#: What each rule file may contain.
CHILD_EXTENSION = {"pmap": ".imap", "imap": ".rmap"}

#: Kinds of finding and what they mean.
MEANINGS = {
    UNPARSABLE: "not a valid rule file",
    CHECKSUM: "checksum in the header does not hold",
    WRONG_KIND: "name and header disagree about the kind of rule",
    BAD_NAMES: "refers to something that is no plain file name",
    "observatory": "belongs to another observatory",
    "closure": "contains a file that is not published",
    "no-name": "the name cannot be a catalogue name",
    "unknown": "known neither to the record of files nor to a published rule",
    "conflict": "the catalogue already has another content under this name",
    "metadata": "size or sha1 differ from the server's record",
    "unrecorded": "not in the server's record of files",
    "header-name": "the header gives another name",
    "not-here": "rule known to the server, not stored here",
    "header": "header of the reference cannot be read",
    "bad-unknown": "marked bad, but not known",
    "bad-kept": "marked bad there, not marked here",
    "history-unpublished": "was latest context, but is not published",
    "pointer": "context pointer cannot be taken over",
    "pointer-kept": "context pointer is set here already",
    "history-kept": "context history is not added to the one that is here",
}


class Finding(NamedTuple):
    """Something to report about file ``name``, and whether that is published all the same."""

    code: str
    name: str
    reason: str
    published: bool


class Row(NamedTuple):
    """What the catalogue already has under a name; size and sha1 as recorded."""

    size: int | None
    sha1sum: str
    stored: bool


@dataclass
class Decision:
    """The outcome.

    ``rules`` are the rule files on disk to publish, ``references`` those on
    disk, ``known`` the files known by name only, with what is recorded of them.
    ``latest``, ``edit`` and ``versions`` are published contexts, or empty.
    """

    rules: dict[str, RuleFile] = field(default_factory=dict)
    references: dict[str, ReferenceFile] = field(default_factory=dict)
    known: dict[str, Known] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)
    latest: str = ""
    edit: str = ""
    versions: str = ""
    history: tuple[Turn, ...] = ()
    bad_files: tuple[str, ...] = ()

    def report(self, code: str, name: str, reason: str, published: bool) -> None:
        self.findings.append(Finding(code, name, reason, published))


def decide(observatory: str, rules: Mapping[str, RuleFile],
           references: Mapping[str, ReferenceFile], state: ServerState | None,
           existing: Mapping[str, Row], now: datetime) -> Decision:
    """What to publish of ``rules`` and ``references`` on disk and of what ``state`` tells.

    ``existing`` is what the catalogue has; it stays as it is.
    """
    decision = Decision()
    refused = _refused_rules(observatory, rules, existing, decision)
    _decide_known(rules, references, state, existing, decision)
    _decide_rules(rules, references, state, existing, refused, decision)
    if not state:
        selected = {name for rule in decision.rules.values() for name in rule.references}
        decision.known = {name: decision.known[name] for name in decision.known.keys() & selected}
    _decide_references(references, state, existing, decision)
    _compare_with_record(rules, references, state, decision)
    if state:
        _take_contexts(state, existing, decision)
    else:
        _choose_contexts(observatory, existing, decision, now)
    decision.findings.sort(key=lambda finding: (finding.name, finding.code))
    return decision


# ---- rules -----------------------------------------------------------------


def _refused_rules(observatory: str, rules: Mapping[str, RuleFile], existing: Mapping[str, Row],
                   decision: Decision) -> dict[str, tuple[str, str]]:
    """Code and reason for every rule that is refused for itself."""
    refused = {}
    for name, rule in rules.items():
        row = existing.get(name)
        if rule.problem:
            refused[name] = rule.code, rule.problem
        elif rule.observatory != observatory:
            refused[name] = ("observatory", f"The header says observatory ="
                             f" {rule.observatory.upper()!r}; this is a server of"
                             f" {observatory.upper()}.")
        elif not is_catalog_name(name):
            refused[name] = "no-name", f"{name!r} cannot be a name of the catalogue."
        elif row and row.sha1sum and row.sha1sum != rule.sha1sum:
            decision.report(
                "conflict", name, f"The catalogue has this name with sha1 {row.sha1sum}, the source"
                f" with {rule.sha1sum}. The catalogue's is kept.", True)
    return refused


def _decide_rules(rules: Mapping[str, RuleFile], references: Mapping[str, ReferenceFile],
                  state: ServerState | None, existing: Mapping[str, Row],
                  refused: dict[str, tuple[str, str]], decision: Decision) -> None:
    """Publish the rules whose closure is published; from rmaps up to pmaps."""
    kept = {finding.name for finding in decision.findings if finding.code == "conflict"}
    for kind in ("rmap", "imap", "pmap"):
        for name, rule in rules.items():
            if rule.kind != kind or name in kept:
                continue
            problem = refused.get(name)
            if not problem:
                reason = _closure_problem(rule, references, state, existing, decision, rules)
                problem = ("closure", reason) if reason else None
            if problem:
                decision.report(problem[0], name, problem[1], name in existing)
                continue
            decision.rules[name] = rule
            if rule.header_name != name:
                decision.report("header-name", name, f"The header gives the name"
                                f" {rule.header_name!r}.", True)


def _closure_problem(rule: RuleFile, references, state, existing, decision: Decision,
                     rules: Mapping[str, RuleFile]) -> str | None:
    """Why not everything that ``rule`` contains is published, or None."""
    wanted = CHILD_EXTENSION.get(rule.kind)
    for key, child in rule.children:
        if extension(child) != wanted:
            return f"It holds {child} under {key!r}, where a {wanted} belongs."
        if child in decision.rules or (child in existing and existing[child].stored):
            continue
        if child in rules:
            return f"It contains {child}, which is not published."
        if child in decision.known or child in existing:
            return f"It contains {child}, which is known by name but not stored here."
        return f"It contains {child}, which is not there."
    for name in rule.references:
        if is_mapping(name):
            return f"It selects {name}, which is a rule file, not a reference."
        if name in references and not references[name].problem:
            continue
        if name in decision.known or name in existing:
            continue
        return f"It selects {name}, which neither the files nor the server's record know."
    return None


# ---- references and files known by name --------------------------------------


def _decide_known(rules, references, state: ServerState | None, existing,
                  decision: Decision) -> None:
    """Files known by name only: from the server's record, or without one from the rules."""
    if state:
        for name, known in state.files.items():
            if name in rules or name in references or name in existing:
                continue
            decision.known[name] = known
            if is_mapping(name):
                decision.report("not-here", name, "The server's record has this rule file, but it"
                                " is not among the files; it is known by name only.", True)
        return
    for rule in rules.values():
        if rule.problem:
            continue
        for name in rule.references:
            if name not in references and name not in existing:
                decision.known[name] = Known(None, "")


def _decide_references(references: Mapping[str, ReferenceFile], state: ServerState | None,
                       existing: Mapping[str, Row], decision: Decision) -> None:
    selected = {name for rule in decision.rules.values() for name in rule.references}
    for name, reference in references.items():
        row = existing.get(name)
        if not is_catalog_name(name) or not extension(name):
            decision.report("no-name", name, f"{name!r} cannot be a name of the catalogue.", False)
        elif row and row.sha1sum and row.sha1sum != reference.sha1sum:
            decision.report(
                "conflict", name, f"The catalogue has this name with sha1 {row.sha1sum}, the source"
                f" with {reference.sha1sum}. The catalogue's is kept.", True)
        elif state and name not in state.files and name not in selected and name not in existing:
            decision.report("unknown", name, "Neither the server's record nor a published rule"
                            " knows this reference.", False)
        else:
            decision.references[name] = reference
            if reference.header_problem:
                decision.report("header", name, reference.header_problem, True)


def _compare_with_record(rules, references, state: ServerState | None,
                         decision: Decision) -> None:
    """Report where the disk and the server's record differ; the disk counts."""
    if not state:
        return
    for name, file in {**rules, **references}.items():
        published = name in decision.rules or name in decision.references
        known = state.files.get(name)
        if known is None:
            decision.report("unrecorded", name, "The server's record of files does not have it.",
                            published)
        elif ((known.size is not None and known.size != file.size)
              or (known.sha1sum and known.sha1sum != file.sha1sum)):
            decision.report(
                "metadata", name, f"The server's record says {known.size} bytes, sha1"
                f" {known.sha1sum}; the file has {file.size} bytes, sha1 {file.sha1sum}.",
                published)


# ---- contexts ------------------------------------------------------------------


def _take_contexts(state: ServerState, existing: Mapping[str, Row], decision: Decision) -> None:
    """Pointers, history and bad files as the server has them."""
    def published(name: str) -> bool:
        return name in decision.rules or (name in existing and existing[name].stored)

    decision.history = state.history
    decision.bad_files = state.bad_files
    decision.latest = state.latest if published(state.latest) else ""
    decision.edit = state.edit if published(state.edit) else decision.latest
    if decision.edit != state.edit:
        decision.report("pointer", state.edit, "The server edits this context, but it cannot be"
                        " published; the latest context is edited instead.", False)
    if state.versions:
        decision.versions = state.versions if published(state.versions) else ""
        if not decision.versions:
            decision.report("pointer", state.versions, "The versions context cannot be published;"
                            " none is set.", False)
    for name in dict.fromkeys(turn.context for turn in state.history):
        if not published(name):
            decision.report("history-unpublished", name, "The context history names it, but it is"
                            " not published; date lookups that land on it fail.", False)


def _choose_contexts(observatory: str, existing: Mapping[str, Row], decision: Decision,
                     now: datetime) -> None:
    """Without a record the highest context that loads is latest and edit."""
    contexts = [name for name, rule in decision.rules.items() if rule.kind == "pmap"]
    if contexts:
        decision.latest = decision.edit = max(contexts, key=lambda name: _rank(observatory, name))
        decision.history = (
            Turn(now, decision.latest, "Imported from a cache without context history."),)


def _rank(observatory: str, name: str) -> tuple:
    """Order of contexts: numbered ones, then the first of all, then oddities."""
    series, serial = split_serial(name)
    if series == f"{observatory}.pmap" and serial is not None and serial < ODD_SERIAL:
        return 2, serial, name
    return (1 if name == f"{observatory}.pmap" else 0), 0, name
