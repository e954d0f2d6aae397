"""Rules that people bring: order, names, parents, and whether they are right."""

from __future__ import annotations

from .work import Work


def resolve(work: Work) -> None:
    """Bring the rules into order and give them their names."""


def certify(work: Work) -> None:
    """Certify the rules."""
