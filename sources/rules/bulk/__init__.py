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
from functools import cache

from .context import CannotSelect, Source
from .engine import Engine
from .result import BulkResult, LeftToLibrary
from .table import Table

__all__ = ["BulkResult", "CannotSelect", "Engine", "LeftToLibrary", "Source", "Table",
           "best_references", "shared_engine"]


def best_references(context: str, table: Table,
                    types: Iterable[str] | None = None) -> BulkResult:
    """:meth:`Engine.best_references` with the rules of the instance."""
    return shared_engine().best_references(context, table, types)


@cache
def shared_engine() -> Engine:
    """The engine of this process, on the rules of the instance's file cache."""
    from django.conf import settings

    from rules.loading import shared_cache

    return Engine(Source(shared_cache().part, settings.INSTANCE.shared_cache / "compiled_rules"))
