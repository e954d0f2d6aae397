"""Lists of files by what the catalogue knows of them, for pages and for the REST API."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np

from . import columns
from .columns import Columns, FileRows, Group

#: Columns that a list of files may be sorted by.
SORTABLE = ("delivery_date", "activation_date", "useafter_date", "name", "instrument", "filekind",
            "state", "size", "extension", "type")

#: Long texts that lists do not show.
UNSEEN = ("history", "comment", "blob")


@dataclass(frozen=True)
class FileFilter:
    """What files are wanted; None means any.

    ``name`` and ``uploaded_as`` may be patterns.  Deliveries are meant from ``since`` on and
    before ``until``.
    """

    type: str | None = None
    instrument: str | None = None
    filekind: str | None = None
    extension: str | None = None
    state: str | None = None
    stored: bool | None = None
    rejected: bool | None = None
    blacklisted: bool | None = None
    bad: bool | None = None
    name: str | None = None
    uploaded_as: str | None = None
    since: datetime | None = None
    until: datetime | None = None

    def mask(self, found: Columns) -> np.ndarray:
        """The files that are meant."""
        mask = found.where(self._fits)
        if self.name:
            mask &= found.ids(found.named(self.name))
        if self.uploaded_as:
            mask &= found.ids(found.uploaded_as(self.uploaded_as))
        if self.since or self.until:
            mask &= found.between("delivery_date", self.since, self.until)
        return mask

    def _fits(self, group: Group) -> bool:
        for name in Group._fields:
            wanted = getattr(self, name)
            if wanted is not None and getattr(group, name) != wanted:
                return False
        return self.bad is None or (group.rejected or group.blacklisted) == self.bad


def rows(wanted: FileFilter, order: str = "-delivery_date") -> FileRows:
    """The files that ``wanted`` means, in ``order`` (one of :data:`SORTABLE`, perhaps ``-``)."""
    found = columns.current()
    return FileRows(found, wanted.mask(found), (order,), deferred=UNSEEN)


def values(column: str) -> list[str]:
    """Values of a column that the catalogue had when this process looked last, sorted."""
    groups = columns.current_or_last().groups[1:]
    return sorted({getattr(group, column) for group in groups} - {""})


def end_of(text: str, moment: datetime | None) -> datetime | None:
    """The first moment after ``moment`` that was given as ``text``: a day is meant as a whole."""
    if moment is None:
        return None
    is_day = len(text.strip()) <= len("2020-01-01")
    try:
        return moment + (timedelta(days=1) if is_day else timedelta(seconds=1))
    except OverflowError:
        return moment
