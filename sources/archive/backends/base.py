"""What every source of dataset parameters can be asked."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from django.db import Error

from common.errors import Unavailable

log = logging.getLogger(__name__)

ALIAS = "archive"
#: Values in one IN list: SQLite refuses more than 999 parameters in older versions.
CHUNK = 900


@dataclass(frozen=True, slots=True)
class Entry:
    """One dataset: its two ids in upper case, and the header it is matched by.

    ``date_obs`` is None where no time of observation is known; ``source`` says where
    the header comes from, ``updated`` when it last changed (None if nobody knows).
    """

    product: str
    exposure: str
    instrument: str
    date_obs: datetime | None
    header: dict[str, str]
    source: str
    updated: datetime | None

    @property
    def key(self) -> str:
        return f"{self.product}:{self.exposure}"

    def since(self, moment: datetime | None) -> bool:
        """True if observed at ``moment`` or later; an unknown time counts as long ago."""
        return moment is None or (self.date_obs is not None and self.date_obs >= moment)


@dataclass(frozen=True, slots=True)
class InstrumentCount:
    """How many datasets an instrument has, and the span of their known times."""

    instrument: str
    datasets: int
    earliest: datetime | None
    latest: datetime | None


class Backend(Protocol):
    """A source of dataset parameters; all methods raise Unavailable if it cannot be read."""

    def ids(self, instrument: str, since: datetime | None) -> Iterable[tuple[str, str]]:
        """(product, exposure) of every dataset of ``instrument``, in no order."""

    def entries(self, instrument: str, since: datetime | None) -> Iterator[Entry]:
        """Every dataset of ``instrument``, read little by little."""

    def matching(self, products: Collection[str], exposures: Collection[str]) -> Iterator[Entry]:
        """Datasets of one of ``products`` or with one of ``exposures``, some maybe twice."""

    def neighbours(self, half: str, most: int) -> Iterable[tuple[str, str]]:
        """(product, exposure) beside ``half`` in the order of ids; none where that is dear."""

    def counts(self) -> list[InstrumentCount]:
        """Sizes, by instrument."""

    def revision(self, instrument: str) -> str | None:
        """Another text after each change of the instrument's datasets; None if nobody knows."""


@contextmanager
def reading():
    """Turns what a database says when it cannot be read into Unavailable."""
    try:
        yield
    except Error as exc:
        log.exception("The archive's dataset catalogue cannot be read")
        raise Unavailable(
            "The archive's dataset catalogue does not answer. Try again later; if it stays so,"
            " its operators find the reason in the server's log.") from exc


def chunks(values: Collection[str]) -> Iterator[list[str]]:
    """``values`` sorted, in lists that fit into one query."""
    ordered = sorted(values)
    for start in range(0, len(ordered), CHUNK):
        yield ordered[start:start + CHUNK]
