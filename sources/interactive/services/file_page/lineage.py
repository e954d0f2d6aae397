"""What came before and after a file, and when each was in the latest context.

Rules name what they were derived from, which makes a tree.  References name nothing; what
they replaced and what replaced them follows from the rules that used them
(:mod:`.history`).  Of long lines the neighbourhood is told, and how much there is beyond.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field

from interactive.models import CatalogFile

from . import activation
from .activation import Interval
from .history import FOLLOWED_BY, FOLLOWS, REPLACED, REPLACED_BY, Neighbour, Series
from .ranges import in_order

#: Generations of rules that are shown on each side, and files of one side.
GENERATIONS = 5
SIDE = 10

#: References of each relation that are shown.
OF_RELATION = 6

#: How members of a lineage are to the file, in the words of pages.
ANCESTOR, ITSELF, DESCENDANT = "came before", "this file", "derived from it"
WORDS = {
    REPLACED: "replaced by it", FOLLOWS: "before it in time",
    REPLACED_BY: "replaced it", FOLLOWED_BY: "after it in time",
}


@dataclass
class Member:
    """One file of a lineage; ``parents`` are those it comes from, among the members.

    ``after`` tells that it came after the file whose lineage it is.  ``note`` says in which
    rules the relation shows; ``known`` is false for a name that is not published here.
    """

    name: str
    relation: str
    parents: list[str] = field(default_factory=list)
    note: str = ""
    after: bool = False
    known: bool = True
    bad: bool = False
    intervals: list[Interval] = field(default_factory=list)

    @property
    def itself(self) -> bool:
        return self.relation == ITSELF


@dataclass
class Lineage:
    """Members from old to new; ``earlier`` and ``later`` count those that are not among them.

    In the times of ``unknown`` a context was latest that is not published here.
    """

    members: list[Member]
    earlier: int = 0
    later: int = 0
    derived_from: str = ""
    unknown: list[Interval] = field(default_factory=list)

    @property
    def alone(self) -> bool:
        return len(self.members) < 2


# ---- rules ---------------------------------------------------------------------


def of_rule(file: CatalogFile) -> Lineage:
    """The lineage of a rule by ``derived_from``; at most six queries."""
    rows = {row.name: row for row in CatalogFile.objects.published().mappings().filter(
        instrument=file.instrument, filekind=file.filekind, extension=file.extension).only(
        "name", "derived_from", "state", "rejected", "blacklisted")}
    tree = _Tree({name: row.derived_from for name, row in rows.items()})
    above = tree.ancestors(file.name)
    shown_above = above[-GENERATIONS:]
    below = tree.descendants(file.name)
    shown_below = below[:SIDE]
    members = [_rule(name, ANCESTOR, rows) for name in shown_above]
    members.append(_rule(file.name, ITSELF, rows))
    members += [_rule(name, DESCENDANT, rows) for name in shown_below]
    unknown = _add_times(members, rows)
    return Lineage(
        members=members, earlier=len(above) - len(shown_above),
        later=len(below) - len(shown_below), derived_from=file.derived_from, unknown=unknown)


class _Tree:
    """Rules by what they were derived from."""

    def __init__(self, parents: dict[str, str]):
        self.parents = parents
        self.children: dict[str, list[str]] = defaultdict(list)
        for name in in_order(parents):
            self.children[parents[name]].append(name)

    def ancestors(self, name: str) -> list[str]:
        """From the oldest known one to the parent of ``name``."""
        found: list[str] = []
        parent = self.parents.get(name, "")
        while parent in self.parents and parent not in found and parent != name:
            found.append(parent)
            parent = self.parents[parent]
        return found[::-1]

    def descendants(self, name: str) -> list[str]:
        """Generation by generation, each in the order of the series."""
        found: list[str] = []
        seen, generation = {name}, [name]
        while generation:
            generation = [child for parent in generation for child in self.children[parent]
                          if child not in seen]
            seen.update(generation)
            found += generation
        return found


def _rule(name: str, relation: str, rows: dict[str, CatalogFile]) -> Member:
    row = rows[name]
    parents = [row.derived_from] if row.derived_from in rows else []
    return Member(name, relation, parents, after=relation == DESCENDANT, bad=row.is_bad)


def _add_times(members: list[Member], rows: dict[str, CatalogFile]) -> list[Interval]:
    """Give each member its times; returns those of which nothing is known."""
    shown = {member.name for member in members}
    for member in members:
        member.parents = [parent for parent in member.parents if parent in shown]
    times = activation.intervals(
        (rows[member.name].pk, member.name) for member in members if member.name in rows)
    for member in members:
        if member.name in rows:
            member.intervals = times.of[rows[member.name].pk]
    return times.unknown


# ---- references ------------------------------------------------------------------


def of_reference(file: CatalogFile, series: list[Series]) -> Lineage:
    """The lineage of a reference by its history in the rules; five queries."""
    neighbours = _nearest(series)
    if file.replaced_by_filename and file.replaced_by_filename not in {
            each.name for each in neighbours}:
        neighbours.append(Neighbour(file.replaced_by_filename, REPLACED_BY, "", 0))
    rows = {row.name: row for row in CatalogFile.objects.published().filter(
        name__in=[file.name, *(each.name for each in neighbours)]).only(
        "name", "state", "rejected", "blacklisted", "useafter_date")}
    members = [_reference(each, rows) for each in neighbours
               if each.relation in (REPLACED, FOLLOWS)]
    before = [member.name for member in members]
    members.append(Member(file.name, ITSELF, before, bad=file.is_bad))
    for each in neighbours:
        if each.relation in (REPLACED_BY, FOLLOWED_BY):
            member = _reference(each, rows)
            member.parents, member.after = [file.name], True
            members.append(member)
    unknown = _add_times(members, rows)
    known = [each for one in series for each in one.neighbours]
    names = {each.name for each in known} - {member.name for member in members}
    older = {each.name for each in known if each.relation in (REPLACED, FOLLOWS)}
    return Lineage(members=members, earlier=len(names & older), later=len(names - older),
                   derived_from=file.derived_from, unknown=unknown)


def _nearest(series: list[Series]) -> list[Neighbour]:
    """Each neighbour once, in its strongest relation; those of most cases."""
    chosen: dict[str, Neighbour] = {}
    order = (REPLACED, FOLLOWS, REPLACED_BY, FOLLOWED_BY)
    for relation in (REPLACED, REPLACED_BY, FOLLOWS, FOLLOWED_BY):
        of_relation = [each for one in series for each in one.neighbours
                       if each.relation == relation and each.name not in chosen]
        of_relation.sort(key=lambda each: -each.cases)
        for each in of_relation[:OF_RELATION]:
            chosen.setdefault(each.name, each)
    return sorted(chosen.values(), key=lambda each: (order.index(each.relation), -each.cases))


def _reference(neighbour: Neighbour, rows: dict[str, CatalogFile]) -> Member:
    row = rows.get(neighbour.name)
    note = ""
    if neighbour.rules:
        plural = "" if neighbour.cases == 1 else "s"
        note = f"{neighbour.cases} match case{plural}, {_where(neighbour)}"
    return Member(neighbour.name, WORDS[neighbour.relation], note=note, known=row is not None,
                  bad=bool(row and row.is_bad))


def _where(neighbour: Neighbour) -> str:
    by_date = neighbour.relation == FOLLOWED_BY
    return f"{'in' if by_date else 'first in'} {neighbour.rules}"

