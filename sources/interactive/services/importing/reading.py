"""Reads rule files and references in parallel: parsing is what an import spends time on."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from concurrent.futures.process import BrokenProcessPool
from dataclasses import replace
from functools import partial
from pathlib import Path

from django.conf import settings

from rules.parallel import over_files
from rules.reading import RuleFile, read_rule
from rules.reference_files import ReferenceFile, read_reference

from .errors import ImportFailed


def read_rules(paths: Iterable[Path], step: Callable[[int], None]) -> dict[str, RuleFile]:
    """The rule files at ``paths`` by name."""
    found = {}
    for number, rule in enumerate(_over(read_rule, paths), 1):
        found[rule.name] = _interned(rule)
        step(number)
    return found


def read_references(paths: Iterable[Path],
                    step: Callable[[int], None]) -> dict[str, ReferenceFile]:
    """The references at ``paths`` by name."""
    found = {}
    task = partial(read_reference, settings.CRDS_OBSERVATORY)
    for number, reference in enumerate(_over(task, paths), 1):
        found[reference.name] = reference
        step(number)
    return found


def _over(task: Callable, paths: Iterable[Path]):
    try:
        yield from over_files(
            settings.CRDS_OBSERVATORY, settings.INSTANCE.file_cache, task, list(paths))
    except BrokenProcessPool as exc:
        raise ImportFailed(
            "A process that reads files ended unexpectedly, perhaps for lack of memory."
            " Nothing was imported; start again.") from exc


def _interned(rule: RuleFile) -> RuleFile:
    """Names repeat hundreds of times over the rules: keep each once."""
    return replace(
        rule, references=tuple(map(sys.intern, rule.references)),
        children=tuple((sys.intern(key), sys.intern(name)) for key, name in rule.children),
        cases=tuple((tuple(map(sys.intern, values)), tuple(map(sys.intern, names)))
                    for values, names in rule.cases))
