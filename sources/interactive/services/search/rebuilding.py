"""Makes the index anew from the catalogue and the rules in the store."""

from __future__ import annotations

from dataclasses import dataclass, field

from interactive.models import CatalogFile

from .. import store
from ..importing.progress import Progress
from ..importing.reading import read_rules
from . import index


@dataclass
class Rebuilt:
    """Numbers of what was indexed, and rules that could not be read."""

    files: int
    words: int = 0
    rules: int = 0
    problems: list[str] = field(default_factory=list)


def rebuild(progress: Progress | None = None, rules: bool = True) -> Rebuilt:
    """Index every published file, and unless ``rules`` is false what rules select them for."""
    progress = progress or Progress()
    keys = dict(CatalogFile.objects.values_list("name", "pk").iterator())
    done = Rebuilt(len(keys))
    found = _read_rules(progress, done) if rules else []
    progress.stage("Indexing", len(keys))
    done.words = index.rebuild(index.cases_of(found, keys))
    return done


def _read_rules(progress: Progress, done: Rebuilt) -> list:
    names = (CatalogFile.objects.published()
             .filter(extension=".rmap", stored=True).values_list("name", flat=True))
    paths = [path for path in map(store.location, names) if path]
    progress.stage("Reading rules", len(paths))
    found = list(read_rules(paths, progress.step).values())
    done.problems = [f"{rule.name}: {rule.problem}" for rule in found if rule.problem]
    done.rules = len(found)
    return found
