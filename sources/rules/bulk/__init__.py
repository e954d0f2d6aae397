"""Best references for many headers at once, equal to the client library's on every value.

::

    from rules import bulk

    engine = bulk.shared_engine()
    table = engine.table("hst_0500.pmap", headers)          # list of {keyword: value}
    result = engine.best_references("hst_0500.pmap", table, types=["darkfile"])
    result.references(0)                                    # {"darkfile": "x1234567j_drk.fits"}
    result.codes["darkfile"], result.answers["darkfile"]    # (rows,) int32, list of texts

``docs/bulk.rst`` says how it works and why it is right.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path

from .context import CannotSelect, Source
from .engine import Engine
from .result import BulkResult, LeftToLibrary
from .table import Table

__all__ = ["BulkResult", "CannotSelect", "Engine", "LeftToLibrary", "Source", "Table",
           "best_references", "compiled_folder", "shared_engine"]


def best_references(context: str, table: Table,
                    types: Iterable[str] | None = None) -> BulkResult:
    """:meth:`Engine.best_references` with the rules of the instance."""
    return shared_engine().best_references(context, table, types)


def shared_engine() -> Engine:
    """The engine of this process, on the rules of the instance's file cache."""
    from rules.loading import shared_cache

    return _engine_on(shared_cache(), compiled_folder())


def compiled_folder() -> Path:
    """Where compiled rules are kept: files named by the sha1 of the rmap, safe to delete."""
    from django.conf import settings

    return settings.INSTANCE.shared_cache / "compiled_rules"


@lru_cache(maxsize=1)
def _engine_on(rules, folder: Path) -> Engine:
    return Engine(Source(rules.part, folder))
