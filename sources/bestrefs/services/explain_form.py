"""The form of the explain page: a dataset, or the parameters of an instrument, and contexts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from django.db.models import F

from common.errors import ServiceError
from interactive.models import CatalogFile
from interactive.services import contexts
from rules import parameters

from .questions import Question

#: Contexts that the form proposes, and values of a parameter.
CONTEXTS = 30
VALUES = 200


@dataclass(frozen=True)
class Field:
    """One parameter: its value as given, and values that rules know."""

    name: str
    value: str
    values: list[str]
    is_date: bool


@dataclass(frozen=True)
class Form:
    """What the form shows."""

    id: str
    context: str
    context2: str
    instrument: str
    instrument_key: str
    instruments: list[str]
    fields: list[Field]
    recent: list[str] = field(default_factory=list)


def build(query: Mapping[str, str], question: Question) -> Form:
    """The form filled with what an address says, as far as it makes sense."""
    given = {key: value for key, value in query.items() if isinstance(value, str)}
    context = _context(given.get("context", "") or question.context)
    instruments = parameters.instruments(context) if context else []
    key = parameters.instrument_key(context) if context else ""
    instrument = (given.get("instrument") or given.get(key, "")).lower().strip()
    if instrument not in instruments:
        instrument = ""
    return Form(
        given.get("id", "")[:256], given.get("context", "")[:256], given.get("context2", "")[:256],
        instrument, key, instruments,
        _fields(context, instrument, key, given) if instrument else [], _recent())


def _context(spec: str) -> str:
    """The context whose parameters are shown: the one named if it is one, else the latest."""
    for name in dict.fromkeys((spec, "")):
        try:
            return contexts.resolve_pmap(name or None)
        except ServiceError:
            continue
    return ""


def _fields(context: str, instrument: str, key: str, given: Mapping[str, str]) -> list[Field]:
    return [Field(one.name, given.get(one.name, "")[:1024], list(one.values[:VALUES]), one.is_date)
            for one in parameters.parameters(context, instrument) if one.name != key]


def _recent() -> list[str]:
    return list(CatalogFile.objects.published().filter(extension=".pmap")
                .order_by(F("delivery_date").desc(nulls_last=True), "-name")
                .values_list("name", flat=True)[:CONTEXTS])
