"""Names for new files: given out once, for ever.

A name is recorded before it is used, and no path leads back: a cancelled
submission keeps its names.  The highest number of each series is kept apart
from the files, so that neither removing rows nor restoring a backup can bring
a number up again.
"""

from __future__ import annotations

from collections.abc import Iterable

from django.db import IntegrityError, OperationalError, connection, transaction
from django.db.models import F

from common.errors import BadRequest, ServiceError
from rules.names import highest_serials, next_name
from rules.reading import is_catalog_name

from ..models import AllocatedName, NameSeries

BATCH = 1000

#: How often a first name of a series is tried.
ATTEMPTS = 5


class NameTaken(ServiceError):
    """The wanted name was given out before."""

    status = 409


def allocate(series: str) -> str:
    """The next name of ``series`` (``hst_acs_biasfile.rmap``), never given out before.

    Two callers never get the same name: the row of the series stays locked
    until the caller's transaction ends.  If that transaction is rolled back,
    nobody has seen the name.
    """
    _check(series)
    for attempt in range(1, ATTEMPTS + 1):
        try:
            with transaction.atomic():
                return _next(series)
        except OperationalError:
            # MariaDB ends one of two transactions that begin a series at the same moment.
            # Inside of the caller's transaction that is over too, for the caller to repeat.
            if connection.in_atomic_block or attempt == ATTEMPTS:
                raise
    raise AssertionError("not reached")


def _next(series: str) -> str:
    while True:
        # An update, not a read: it takes the lock of the row on both databases.
        rows = NameSeries.objects.filter(series=series)
        if not rows.update(last_serial=F("last_serial") + 1):
            NameSeries.objects.get_or_create(series=series)
            continue
        name = next_name(series, rows.values_list("last_serial", flat=True).get())
        if _insert(name):
            return name


def reserve(name: str) -> str:
    """Give out exactly ``name`` (an HST reference, whose name holds the time).

    Raises :class:`NameTaken` if it was given out before.
    """
    _check(name)
    with transaction.atomic():
        if not _insert(name):
            raise NameTaken(f"The name {name} was given out before; names are never used twice.")
        _raise_series(highest_serials([name]))
    return name


def is_taken(name: str) -> bool:
    """Whether ``name`` was ever given out."""
    return AllocatedName.objects.filter(name=name).exists()


def register(names: Iterable[str]) -> None:
    """Note ``names`` as seen and move their series past them; harmless for known names."""
    names = sorted(set(names))
    with transaction.atomic():
        for start in range(0, len(names), BATCH):
            AllocatedName.objects.bulk_create(
                [AllocatedName(name=name) for name in names[start:start + BATCH]],
                ignore_conflicts=True)
        _raise_series(highest_serials(names))


def _raise_series(highest: dict[str, int]) -> None:
    """Move every series of ``highest`` to at least its number."""
    NameSeries.objects.bulk_create(
        [NameSeries(series=key) for key in sorted(highest)],
        ignore_conflicts=True, batch_size=BATCH)
    for key, known in NameSeries.objects.in_bulk(sorted(highest)).items():
        if known.last_serial < highest[key]:
            NameSeries.objects.filter(series=key, last_serial__lt=highest[key]).update(
                last_serial=highest[key])


def _insert(name: str) -> bool:
    """Record ``name``; False if it was recorded before."""
    try:
        with transaction.atomic():
            AllocatedName.objects.create(name=name)
    except IntegrityError:
        return False
    return True


def _check(name: str) -> None:
    if not is_catalog_name(name) or "." not in name:
        raise BadRequest(
            f"{name!r} cannot be the name of a file: letters, digits, '.', '_' and '-' only,"
            f" at most 128, with an extension.")
