"""Differences are made by jobs: the client library has state, and large files take time."""

from __future__ import annotations

from jobs import kept

from .services import reference_files, rule_files


@kept.maker(rule_files.KIND, version=1, title="Compare rules", time_limit=600)
def rule_difference(context, folder, old: str, new: str) -> None:
    rule_files.make(folder, old, new, context.progress)


@kept.maker(reference_files.KIND, version=1, title="Compare references", time_limit=1800)
def reference_difference(context, folder, old: str, new: str) -> None:
    reference_files.make(folder, old, new, context.progress)
