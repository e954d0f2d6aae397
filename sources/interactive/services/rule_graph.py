"""Questions to the graph of which rule file contains which file.

Every question takes a constant number of queries: the graph is three levels
deep (pmap, imap, rmap, reference) and is walked level by level.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from common.errors import NotFound

from ..models import BadFile, CatalogFile, ContextPointer, FileType, RuleLink

#: Ids in one query; SQLite takes 32766 parameters.
CHUNK = 10_000

#: Levels of links below a pmap.
DEPTH = 3
LEVELS_ABOVE_RMAPS = {".pmap": 2, ".imap": 1, ".rmap": 0}


class ClosureNames(NamedTuple):
    """Everything that a rule reaches, itself included, by name and sorted."""

    mappings: list[str]
    references: list[str]


class Closure(NamedTuple):
    """The same by id."""

    mappings: set[int]
    references: set[int]

    @property
    def all(self) -> set[int]:
        return self.mappings | self.references


def closure(name: str) -> ClosureNames:
    """Rules and references that the published rule ``name`` reaches.

    Raises :class:`NotFound` if there is no published rule of that name.
    """
    root = _published_rule(name)
    mappings, references = {name}, set()
    level = [root.pk]
    for _ in range(DEPTH):
        below = []
        for child, child_name, kind in _rows(
                "parent", level, "child_id", "child__name", "child__type"):
            if kind == FileType.REFERENCE:
                references.add(child_name)
            elif child_name not in mappings:
                mappings.add(child_name)
                below.append(child)
        level = below
        if not level:
            break
    return ClosureNames(sorted(mappings), sorted(references))


def mapping_names(name: str) -> list[str]:
    """Rules alone of :func:`closure`, sorted: much faster, since references are not read."""
    mappings, level = {name}, [_published_rule(name).pk]
    # References lie below rmaps, so rmaps need not be asked.
    for _ in range(LEVELS_ABOVE_RMAPS[name[-5:]]):
        children = dict(RuleLink.objects.filter(
            parent__in=level, child__type=FileType.MAPPING).values_list("child_id", "child__name"))
        mappings.update(children.values())
        level = list(children)
    return sorted(mappings)


def closure_ids(ids: Iterable[int]) -> Closure:
    """Ids of everything that the rules with ``ids`` reach, themselves included."""
    mappings, references = set(ids), set()
    level = list(mappings)
    while level:
        below = set()
        for child, kind in _rows("parent", level, "child_id", "child__type"):
            (references if kind == FileType.REFERENCE else below).add(child)
        level = list(below - mappings)
        mappings |= below
    return Closure(mappings, references)


def ancestors(ids: Iterable[int]) -> set[int]:
    """Ids of all rules that contain any file of ``ids``, directly or through other rules.

    ``ids`` themselves are not among them, unless one contains another.
    """
    found: set[int] = set()
    level = list(set(ids))
    while level:
        above = {parent for (parent,) in _rows("child", level, "parent_id")}
        level = list(above - found)
        found |= above
    return found


def used_by(name: str, transitive: bool = False) -> list[str]:
    """Names of the published rules that contain file ``name``, sorted.

    Directly, or with ``transitive`` also through other rules.
    """
    file = _published(name)
    if transitive:
        names: set[str] = set()
        for chunk in _chunks(ancestors([file.pk])):
            names.update(CatalogFile.objects.published().filter(pk__in=chunk)
                         .values_list("name", flat=True))
        return sorted(names)
    return sorted(
        CatalogFile.objects.published().filter(links_down__child=file)
        .values_list("name", flat=True))


def blacklisted_ids() -> set[int]:
    """Ids of the rules that must be blacklisted: bad rules and all rules that contain them."""
    bad = set(BadFile.objects.filter(file__type=FileType.MAPPING)
              .values_list("file_id", flat=True))
    return bad | ancestors(bad)


def latest_ids() -> set[int]:
    """Ids of the files that belong to the latest context; empty when there is none."""
    context = (ContextPointer.objects.filter(kind=ContextPointer.Kind.LATEST)
               .values_list("context_id", flat=True).first())
    return closure_ids([context]).all if context else set()


def _published_rule(name: str) -> CatalogFile:
    file = _published(name)
    if file.type != FileType.MAPPING:
        raise NotFound(f"{name!r} is a reference file; only rules contain other files.")
    return file


def _published(name: str) -> CatalogFile:
    file = CatalogFile.objects.published().filter(name=name).only("pk", "name", "type").first()
    if file is None:
        raise NotFound(
            f"There is no published file {name!r}. Check the spelling, or search the catalogue.")
    return file


def _rows(side: str, ids: Iterable[int], *fields: str) -> Iterator[tuple]:
    """``fields`` of the links whose ``side`` (parent or child) is among ``ids``."""
    for chunk in _chunks(ids):
        yield from (RuleLink.objects.filter(**{f"{side}__in": chunk})
                    .values_list(*fields).distinct().iterator(chunk_size=20_000))


def _chunks(ids: Iterable[int]) -> Iterator[list[int]]:
    ids = list(ids)
    for start in range(0, len(ids), CHUNK):
        yield ids[start:start + CHUNK]
