"""Which rules contain a file, directly and through others, and which contexts in use do."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field

from django.db.models import Q

from interactive.models import BuildContext, CatalogFile, ContextPointer, FileState, RuleLink

from .ranges import Range, ranges

#: Levels of rules from the one that names references up, and what people call them.
LEVELS = ((".rmap", "Rules of types (.rmap)"), (".imap", "Rules of instruments (.imap)"),
          (".pmap", "Contexts (.pmap)"))

#: Ids in one query; SQLite takes 32766 parameters.
CHUNK = 10_000


@dataclass(frozen=True)
class Level:
    """All rules of one level that contain the file, directly or not."""

    extension: str
    title: str
    direct: bool
    ranges: list[Range]
    count: int


@dataclass(frozen=True)
class UsedBy:
    """``roles`` are the contexts in use that contain the file: (role, context)."""

    levels: list[Level] = field(default_factory=list)
    roles: list[tuple[str, str]] = field(default_factory=list)

    @property
    def contexts(self) -> list[Range]:
        return next((level.ranges for level in self.levels if level.extension == ".pmap"), [])


def used_by(file: CatalogFile) -> UsedBy:
    """Rules that contain the published ``file``; at most seven queries."""
    above = _levels_above(file.pk)
    if not above:
        return UsedBy()
    published = _series_members(set().union(*(set(level.values()) for level in above.values())))
    levels = []
    for extension, title in LEVELS:
        names = {name for name, _, _ in above.get(extension, {}).values()}
        if names:
            levels.append(Level(
                extension=extension, title=title, direct=not levels,
                ranges=ranges(names, published[extension]), count=len(names)))
    contexts = {name for name, _, _ in above.get(".pmap", {}).values()}
    return UsedBy(levels, _roles(contexts))


def _levels_above(pk: int) -> dict[str, dict[int, tuple[str, str, str]]]:
    """By extension, the published rules above: id → (name, instrument, type)."""
    found: dict[str, dict[int, tuple[str, str, str]]] = {}
    below = [pk]
    while below:
        level: dict[int, tuple[str, str, str]] = {}
        for start in range(0, len(below), CHUNK):
            rows = (RuleLink.objects.filter(child__in=below[start:start + CHUNK])
                    .exclude(parent__state=FileState.UPLOADED)
                    .values_list("parent_id", "parent__name", "parent__instrument",
                                 "parent__filekind", "parent__extension").distinct())
            for parent, name, instrument, filekind, extension in rows:
                found.setdefault(extension, {})[parent] = (name, instrument, filekind)
                if extension != ".pmap":  # nothing is above
                    level[parent] = (name, instrument, filekind)
        below = list(level)
    return found


def _series_members(rules: set[tuple[str, str, str]]) -> dict[str, list[str]]:
    """All published rules of the instruments and types of ``rules``, by extension."""
    kinds = Q()
    for instrument, filekind in {(instrument, filekind) for _, instrument, filekind in rules}:
        kinds |= Q(instrument=instrument, filekind=filekind)
    members: dict[str, list[str]] = defaultdict(list)
    rows = CatalogFile.objects.published().mappings().filter(kinds).values_list(
        "extension", "name")
    for extension, name in rows:
        members[extension].append(name)
    return members


def _roles(contexts: set[str]) -> list[tuple[str, str]]:
    """Uses that an operator set of any of ``contexts``: latest first, builds last."""
    if not contexts:
        return []
    order = list(ContextPointer.Kind.values)
    pointers = sorted(
        ContextPointer.objects.values_list("kind", "context__name"),
        key=lambda row: order.index(row[0]))
    builds = BuildContext.objects.values_list("cal_ver", "context__name")
    roles = [(_role(kind), name) for kind, name in pointers if name in contexts]
    return roles + [(f"build {version}", name) for version, name in builds if name in contexts]


def _role(kind: str) -> str:
    return {"banner": "build on the home page"}.get(kind, kind)
