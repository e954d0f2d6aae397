"""Parameters that many methods share."""

from __future__ import annotations

from interactive.services import contexts
from jsonapi import checks


def observatory(value) -> None:
    """Refuse another observatory than the server's; ``null`` means the server's."""
    contexts.check_observatory(checks.optional_text(value, "observatory"))


def context(value) -> str:
    """Name of the published rule file that the parameter ``context`` stands for."""
    return contexts.resolve(checks.optional_text(value, "context"))


def pmap(value) -> str:
    """Like :func:`context`, for methods that need a pipeline context."""
    return contexts.resolve_pmap(checks.optional_text(value, "context"))
