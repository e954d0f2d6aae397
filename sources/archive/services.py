"""Dataset parameters: ids of an instrument, headers by id, loading.

All ids go out as ``PRODUCT:EXPOSURE`` in upper case.  Functions raise
:class:`common.errors.BadRequest` for ids that break the rule, and
:class:`common.errors.Unavailable` if the database does not answer.  How many
ids one call may ask for is the caller's business.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime

from django.conf import settings

from common import dates
from common.errors import BadRequest, NotFound

from . import ids as dataset_id
from .backends import Entry, InstrumentCount, backend
from .loading import LoadCount, load

#: Characters that an id has in common with one that is said to be near.
MIN_ALIKE = 4

__all__ = [
    "Entry", "InstrumentCount", "LoadCount", "counts", "dataset_ids", "entries", "find",
    "headers_by_id", "instrument_of", "load", "lookup", "missing_text", "near", "revision",
]


def missing_text(name: str) -> str:
    """What is answered about dataset ``name`` (as it was asked for) if nobody knows it."""
    return f"NOT FOUND dataset ID does not exist '{name}'"


def dataset_ids(instrument: str, since: datetime | str | None = None) -> list[str]:
    """Sorted ids of all datasets of ``instrument`` (any case), each once.

    With ``since``, only those observed at that time or later; datasets without a known
    time are left out then, as the client does.  No datasets give an empty list.
    """
    name = dataset_id.instrument_name(instrument)
    found = {f"{product}:{exposure}" for product, exposure in backend().ids(name, _moment(since))}
    return sorted(found)


def entries(instrument: str, since: datetime | str | None = None) -> Iterator[Entry]:
    """All datasets of ``instrument`` in no order, read little by little."""
    return backend().entries(dataset_id.instrument_name(instrument), _moment(since))


def revision(instrument: str) -> str | None:
    """Another text after each change of the instrument's datasets; None if nobody knows."""
    return backend().revision(dataset_id.instrument_name(instrument))


def find(ids: Iterable[str]) -> dict[str, list[Entry]]:
    """Datasets for each of ``ids``, under the id as it was asked for, sorted by id.

    A two-part id stands for that dataset.  A product stands for all of its exposures,
    an exposure for its entry in every product that has it.  ``FILESET_DETECTOR``
    finds what the archive calls ``FILESET.DETECTOR``.  Unknown ids have an empty list.
    """
    asked = [dataset_id.parse(name) for name in _list(ids)]
    products = {half for one in asked if one.product is None for half in _forms(one.exposure)}
    exposures = {half for one in asked for half in _forms(one.exposure)}
    known = {(entry.product, entry.exposure): entry
             for entry in backend().matching(products, exposures)}
    by_half: dict[str, list[Entry]] = {}
    for entry in known.values():
        for half in {entry.product, entry.exposure}:
            by_half.setdefault(half, []).append(entry)
    return {one.text: _matches(one, known, by_half) for one in asked}


def lookup(name: str) -> list[tuple[str, dict[str, str]]]:
    """(two-part id, header) of all datasets that the one id ``name`` stands for."""
    return [(entry.key, entry.header) for entry in find([name])[name]]


def headers_by_id(ids: Iterable[str], since: datetime | str | None = None,
                  ) -> dict[str, dict[str, str] | str]:
    """``{PRODUCT:EXPOSURE: header}`` for all that ``ids`` stand for, see :func:`find`.

    * The key of a two-part id is that id in upper case, whatever the archive's own
      spelling: the client looks its answer up by the id it sent.
    * An unknown id gets an error text, under the id itself or, for one part, under
      ``ID:ID``: the client reports it for that dataset and goes on with the others.
    * If none of the ids is known and one is not even formed like an id of this
      observatory, the whole call fails with ``Can't determine instrument for dataset``.
    * ``since`` leaves out what was observed before, or at no known time.  What it leaves
      out is absent, not an error.
    """
    moment = _moment(since)
    found = find(_list(ids))
    asked = {name: dataset_id.parse(name) for name in found}
    if not any(found.values()):
        _require_instrument(asked.values())
    answer: dict[str, dict[str, str] | str] = {}
    for name, one in asked.items():
        if not found[name]:
            answer.setdefault(one.key, missing_text(name))
        for entry in found[name]:
            if entry.since(moment):
                answer[one.key if one.product else entry.key] = entry.header
    return answer


def instrument_of(name: str) -> str:
    """The instrument of dataset ``name``, upper case; NotFound if it is not known."""
    known = find([name])[name]
    if not known:
        raise NotFound(_no_instrument(name))
    return known[0].instrument


def near(name: str, most: int = 6) -> list[str]:
    """Two-part ids that begin like ``name``, the most alike first: for who mistyped one."""
    asked = dataset_id.parse(name)
    halves = {half for half in (asked.product, asked.exposure) if half}
    found: dict[str, int] = {}
    for half in halves:
        for product, exposure in backend().neighbours(dataset_id.formal(half), most):
            alike = max(_common(half, product), _common(half, exposure))
            key = f"{product}:{exposure}"
            found[key] = max(alike, found.get(key, 0))
    alike = [key for key, length in found.items() if length >= MIN_ALIKE]
    return sorted(alike, key=lambda key: (-found[key], key))[:most]


def _common(one: str, other: str) -> int:
    """How many characters two ids begin with alike."""
    pairs = zip(one, other, strict=False)
    return next((n for n, (a, b) in enumerate(pairs) if a != b), min(len(one), len(other)))


def counts() -> list[InstrumentCount]:
    """How many datasets there are of each instrument."""
    return backend().counts()


# ---- parts ---------------------------------------------------------------


def _moment(since: datetime | str | None) -> datetime | None:
    if since is None or isinstance(since, datetime):
        return since
    if not isinstance(since, str):
        raise BadRequest(f"A date is expected as text, not {type(since).__name__}.")
    return dates.parse(since)


def _list(ids) -> list:
    # A text is iterable too: one id passed in place of a list would be taken for its letters.
    if not isinstance(ids, list | tuple | set | frozenset | dict):
        raise BadRequest(f"Dataset ids are expected as a list, not {type(ids).__name__}.")
    return list(ids)


def _forms(half: str) -> set[str]:
    return {half, dataset_id.formal(half)}


def _matches(one, known, by_half) -> list[Entry]:
    if one.product is None:
        found = by_half.get(one.exposure) or by_half.get(dataset_id.formal(one.exposure), [])
        return sorted(found, key=lambda entry: entry.key)
    formal = dataset_id.formal(one.product), dataset_id.formal(one.exposure)
    entry = known.get((one.product, one.exposure)) or known.get(formal)
    return [entry] if entry else []


def _require_instrument(asked) -> None:
    for one in asked:
        half = dataset_id.foreign_half(one, settings.CRDS_OBSERVATORY)
        if half:
            raise NotFound(_no_instrument(half))


def _no_instrument(name: str) -> str:
    return f"Can't determine instrument for dataset '{name}'"
