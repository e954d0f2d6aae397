"""Two changes that were made to one rule file at the same time, brought together.

``base`` is what both were made from, ``theirs`` what was confirmed meanwhile, ``ours`` what
waits.  A change is a set of entries (match case and date → reference) and header fields, before
and after.  Changes that touch are refused, with both sides in words; otherwise :func:`rebase`
makes our change to ``theirs``, and proves it: the result differs from ``theirs`` by our change
and from ``ours`` by their change, in every entry and header field.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from . import deletion, insertion, overlaps, rule_text
from .change import ERROR, Change, Finding, compare, in_words
from .rule_text import OWN_FIELDS, Path_, Rule

#: Header fields that say how entries are to be read.
STRUCTURE = ("parkey", "classes", "comment_parkeys", "substitutions", "merge_overlaps",
             "observatory", "instrument", "filekind", "mapping")

ADVICE = ("Look at both changes. Cancel this submission, make your change anew on the current"
          " rules, and submit it again.")


@dataclass(frozen=True)
class Conflict:
    """One place that both changes touch.

    ``place`` says where (``DETECTOR WFC from 2002-01-01 00:00:00``, ``header parkey``),
    ``base`` what was there, ``theirs`` and ``ours`` what each change did, in words.
    """

    code: str
    place: str
    base: str
    theirs: str
    ours: str

    @property
    def text(self) -> str:
        return f"{self.place}: {self.theirs} meanwhile; this submission {self.ours}."

    def finding(self, file: str = "") -> Finding:
        return Finding(ERROR, "conflict-" + self.code, self.text, ADVICE, file)


@dataclass
class Rebased:
    """``change`` from ``theirs`` to the new rules; None when there are ``conflicts``."""

    conflicts: list[Conflict] = field(default_factory=list)
    change: Change | None = None


@dataclass(frozen=True)
class Changes:
    """What differs between two rules: (before, after) by entry and by header field.

    An entry is (its keys as they are written, what it leads to); None stands for none.
    """

    entries: dict[Path_, tuple]
    header: dict[str, tuple]

    @classmethod
    def between(cls, old: Rule, new: Rule) -> Changes:
        return cls(_differing(_written(old), _written(new)), _differing(_fields(old), _fields(new)))

    def __bool__(self) -> bool:
        return bool(self.entries or self.header)


def _differing(old: dict, new: dict) -> dict:
    return {key: (old.get(key), new.get(key)) for key in dict.fromkeys([*old, *new])
            if old.get(key) != new.get(key)}


def _written(rule: Rule) -> dict:
    """Entries with their spelling; ``1`` and ``True`` are equal to Python but not to rules."""
    return {path: (repr(keys), leaf) for path, (keys, leaf) in rule.spelled().items()}


def _fields(rule: Rule) -> dict:
    fields = {key: value for key, value in rule.header.items() if key not in OWN_FIELDS}
    return {**fields, "comment": rule.comment} if rule.comment else fields


# ---- conflicts -------------------------------------------------------------


def touch(base: Path, theirs: Path, ours: Path) -> list[Conflict]:
    """Places that the changes base → theirs and base → ours both touch; empty for none.

    The files are rules of one kind.  Raises :class:`rules.editing.rule_text.NotARule`.
    """
    return conflicts(*map(rule_text.read, (base, theirs, ours)))


def conflicts(base: Rule, theirs: Rule, ours: Rule) -> list[Conflict]:
    """As :func:`touch`, of rules that were read."""
    them, us = Changes.between(base, theirs), Changes.between(base, ours)
    if not (them and us):
        return []
    found = [*_in_headers(base, them, us), *_in_entries(base, them, us)]
    found += _in_cases(base, theirs, ours, them, us, {each.place for each in found})
    return found or _new_overlaps(base, theirs, ours, them, us)


def _in_headers(base: Rule, them: Changes, us: Changes) -> Iterable[Conflict]:
    """Both changed the header, or one changed how the entries of the other are read."""
    for name, (old, new) in us.header.items():
        if name in them.header and them.header[name] != (old, new):
            yield Conflict("header", f"header field {name}", _value(old),
                           _set(them.header[name][1]), _sets(new))
    if them.header and us.header and them.header != us.header and not (
            set(them.header) & set(us.header)):
        yield Conflict("header", "header", "", f"{in_words(them.header)} changed",
                       f"changes {in_words(us.header)}")
    for mine, other, ours in ((them, us, False), (us, them, True)):
        structure = [name for name in STRUCTURE if name in mine.header]
        if structure and other.entries and mine.header != other.header:
            what, rows = in_words(structure), _count(other.entries)
            sides = ((f"{rows} changed", f"changes {what}") if ours
                     else (f"{what} changed", f"changes {rows}"))
            yield Conflict("structure", "header", "", *sides)


def _in_entries(base: Rule, them: Changes, us: Changes) -> Iterable[Conflict]:
    """The same entry became something else on both sides."""
    for path, (old, new) in us.entries.items():
        if path in them.entries and them.entries[path][1] != new:
            yield Conflict("row", rule_text.described(path), _leaf(old),
                           _did(*them.entries[path]), _does(old, new))


def _in_cases(base: Rule, theirs: Rule, ours: Rule, them: Changes, us: Changes,
              known: set[str]) -> Iterable[Conflict]:
    """One side removed or rewrote a case in which the other changed or added something."""
    before = _cases(base)
    for mine, rules, other, ours_is_mine in ((them, theirs, us, False), (us, ours, them, True)):
        there = _cases(rules)
        lost = {case for case, spelling in before.items() if there.get(case) != spelling}
        for path, (old, new) in other.entries.items():
            case = next((path[:depth] for depth in range(1, len(path)) if path[:depth] in lost),
                        None)
            same = path in mine.entries and mine.entries[path][1] == new
            place = rule_text.described(path)
            if case is None or same or place in known:
                continue
            known.add(place)
            done, doing = (("rewritten", "rewrites") if case in there
                           else ("removed", "removes"))
            yield Conflict("case", place, _leaf(old), *(
                (_did(old, new), f"{doing} the match case") if ours_is_mine
                else (f"the match case was {done}", _does(old, new))))


def _cases(rule: Rule) -> dict[Path_, str]:
    """All starts of paths with the spelling of their keys."""
    found = {}
    for path in rule.entries:
        for depth in range(1, len(path)):
            found[path[:depth]] = repr([step.key for step in path[:depth]])
    return found


def _new_overlaps(base: Rule, theirs: Rule, ours: Rule, them: Changes,
                  us: Changes) -> list[Conflict]:
    """Cases that are new on both sides and, at equal weight, one a special case of the other."""
    known = {path[:1] for path in base.entries}
    new = [{path[:1]: path for path, (_, after) in side.entries.items()
            if after is not None and path[:1] not in known and path[0].kind == "Match"}
           for side in (them, us)]
    if not all(new):
        return []
    try:
        mapping = rule_text.to_mapping(_merged(base, theirs, ours, us, "merged.rmap"))
    except rule_text.NotARule as exc:
        return [Conflict("structure", "match cases", "", "match cases were changed",
                         f"cannot be brought together with them ({exc})")]
    if not overlaps.forbidden(mapping):
        return []
    written = overlaps.raw_keys(mapping.selector)
    by_key = [{repr(case[0].key): path for case, path in side.items()} for side in new]
    found = []
    for overlap in overlaps.of_cases(mapping.selector, [case[0].key for case in new[1]]):
        special = next((raw for raw, _ in mapping.selector._raw_selections
                        if mapping.selector.condition_key(raw) == overlap.special), None)
        pair = {repr(special), repr(written.get(overlap.general))}
        other = next((path for key, path in by_key[0].items() if key in pair), None)
        own = next((path for key, path in by_key[1].items() if key in pair), None)
        if other and own:
            found.append(Conflict(
                "equal-weight", rule_text.described(own[:1]), "",
                f"the match case {rule_text.described(other[:1])} was added",
                "adds a match case that overlaps it at equal weight"))
    return found


# ---- words -----------------------------------------------------------------


def _leaf(entry) -> str:
    return "" if entry is None else in_words(rule_text.names_in(entry[1]))


def _does(old, new) -> str:
    if new is None:
        return f"deletes {_leaf(old)}"
    if old is None:
        return f"adds {_leaf(new)}"
    if old[1] == new[1]:
        return "writes the match case differently"
    return f"replaces {_leaf(old)} by {_leaf(new)}"


def _did(old, new) -> str:
    if new is None:
        return f"{_leaf(old)} was deleted"
    if old is None:
        return f"{_leaf(new)} was added"
    if old[1] == new[1]:
        return "the match case was rewritten"
    return f"{_leaf(old)} was replaced by {_leaf(new)}"


def _value(value) -> str:
    return "" if value is None else str(value)


def _set(value) -> str:
    return "it was removed" if value is None else f"it was set to {value!r}"


def _sets(value) -> str:
    return "removes it" if value is None else f"sets it to {value!r}"


def _count(entries) -> str:
    return f"{len(entries)} {'entry' if len(entries) == 1 else 'entries'}"


# ---- both together ---------------------------------------------------------


def rebase(base: Path, theirs: Path, ours: Path, new_path: Path, new_name: str) -> Rebased:
    """Make at ``new_path`` the rules ``new_name``: ``theirs`` with our change.

    Entry by entry, so for rules of all levels that were made by hand.  Nothing is written when
    the changes touch.
    """
    rules = [rule_text.read(path) for path in (base, theirs, ours)]
    return _finish(rules, conflicts(*rules), new_path, new_name)


def rebase_references(base: Path, theirs: Path, ours: Path, new_path: Path, new_name: str,
                      references: Sequence[Path]) -> Rebased:
    """As :func:`rebase` for an insertion: ``references`` are inserted anew into ``theirs``.

    That must give what moving our entries gives.
    """
    def again(path: Path) -> Change:
        return insertion.insert(theirs, path, new_name, references)
    return _again(base, theirs, ours, new_path, new_name, again)


def rebase_deletion(base: Path, theirs: Path, ours: Path, new_path: Path, new_name: str,
                    references: Sequence[str]) -> Rebased:
    """As :func:`rebase` for a deletion of ``references``, wherever ``theirs`` has them."""
    left = rule_text.read(theirs).names()

    def again(path: Path) -> Change:
        return deletion.delete(theirs, path, new_name,
                               [name for name in references if name in left])
    return _again(base, theirs, ours, new_path, new_name, again)


def _again(base: Path, theirs: Path, ours: Path, new_path: Path, new_name: str,
           again: Callable[[Path], Change]) -> Rebased:
    rules = [rule_text.read(path) for path in (base, theirs, ours)]
    found = conflicts(*rules)
    if found:
        return Rebased(found)
    moved = _merged(*rules, Changes.between(rules[0], rules[2]), new_name)
    change = again(new_path)
    same = not Changes.between(moved, rule_text.rule_of(
        rule_text.load(new_name, change.text)))
    if change.ok and same:
        return Rebased(change=change)
    new_path.unlink(missing_ok=True)
    reasons = [found.text for found in change.findings if found.level == ERROR]
    return Rebased([Conflict(
        "different-now", rules[1].name, "", f"the rules changed to '{rules[1].name}'",
        "would change them otherwise than it was reviewed"
        + (f" ({' '.join(reasons)})" if reasons else ""))])


def _finish(rules: list[Rule], found: list[Conflict], new_path: Path, new_name: str) -> Rebased:
    if found:
        return Rebased(found)
    base, theirs, ours = rules
    us = Changes.between(base, ours)
    try:
        mapping = rule_text.to_mapping(_merged(base, theirs, ours, us, new_name))
        merged = rule_text.rule_of(mapping)
    except rule_text.NotARule as exc:
        return Rebased([Conflict("structure", theirs.name, "", "the rules changed",
                                 f"cannot be brought together with that ({exc})")])
    _prove(base, theirs, ours, merged)
    text = rule_text.finish(mapping, new_name, theirs.name)
    old = rule_text.to_mapping(theirs)
    change = Change(theirs.name, new_name, text, compare(old, mapping))
    change.path = rule_text.write(new_path, text)
    return Rebased(change=change)


def _merged(base: Rule, theirs: Rule, ours: Rule, us: Changes, name: str) -> Rule:
    """``theirs`` with our changes."""
    entries = {path: (path, leaf) for path, leaf in theirs.entries.items()}
    own = {path: path for path in ours.entries}
    for path, (_, after) in us.entries.items():
        if after is None:
            entries.pop(path, None)
        else:
            entries.pop(path, None)  # so that the spelling of the key is ours
            entries[path] = (own[path], after[1])
    header = dict(theirs.header)
    comment = theirs.comment
    for key, (_, after) in us.header.items():
        if key == "comment":
            comment = after
        elif after is None:
            header.pop(key, None)
        else:
            header[key] = after
    header |= {"name": name, "derived_from": theirs.name}
    outline = ours.outline if not theirs.outline else theirs.outline
    return Rule(name, header, {path: leaf for path, leaf in entries.values()}, comment, outline)


def _prove(base: Rule, theirs: Rule, ours: Rule, merged: Rule) -> None:
    """Raise ``AssertionError`` unless the merged rules are both changes and nothing else.

    What both sides did alike is in both and in neither difference.
    """
    them, us = Changes.between(base, theirs), Changes.between(base, ours)
    for start, change, other in ((theirs, us, them), (ours, them, us)):
        made = Changes.between(start, merged)
        for name in ("entries", "header"):
            alike = getattr(other, name)
            wanted = {key: value for key, value in getattr(change, name).items()
                      if alike.get(key) != value}
            if getattr(made, name) != wanted:
                raise AssertionError(
                    f"Bringing '{ours.name}' and '{theirs.name}' together would change other"
                    f" entries than the two did; nothing was written.")
