"""REST API of contexts: history, builds, and what a context holds down to the rows of a type."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from ninja import Field, Path, Router, Schema

from common.errors import NotFound
from interactive.models import CatalogFile
from interactive.services import (
    context_history,
    contexts,
    latest_references,
    standing,
    type_tables,
)

from .api import Build, ContextName, Limit, Offset, by_revision

router = Router()

Instrument = Annotated[str, Field(max_length=32, examples=["acs"])]
Filekind = Annotated[str, Field(max_length=64, examples=["biasfile"])]


class ContextsPage(Schema):
    total: int = Field(description="Items on all pages.")
    limit: int
    offset: int


def _page(items: list, limit: int, offset: int) -> dict:
    return {"total": len(items), "limit": limit, "offset": offset,
            "items": items[offset:offset + limit]}


# ---- history and builds -------------------------------------------------------


class Turn(Schema):
    context: str
    start: datetime = Field(description="When it became the latest context.")
    end: datetime | None = Field(description="When another did; null while it is the latest.")
    published: bool = Field(description="Whether its rules are on this server.")
    description: str


class TurnPage(ContextsPage):
    items: list[Turn]


class BuildDetails(Build):
    set_at: datetime
    reason: str


class BuildPage(ContextsPage):
    items: list[BuildDetails]


@router.get("/contexts/history", response=TurnPage, summary="Contexts that were the latest",
            tags=["contexts"])
@by_revision
def history(request, limit: Limit = 100, offset: Offset = 0):
    """Which context was the latest from when to when, newest first."""
    published = set(CatalogFile.objects.published().filter(extension=".pmap")
                    .values_list("name", flat=True))
    return _page([
        {"context": period.context, "start": period.start, "end": period.end,
         "description": period.description, "published": period.context in published}
        for period in reversed(standing.periods())], limit, offset)


@router.get("/contexts/builds", response=BuildPage, summary="Contexts of calibration versions",
            tags=["contexts"])
@by_revision
def builds(request, limit: Limit = 100, offset: Offset = 0):
    """The context that goes with each version of the calibration software, highest first."""
    return _page([
        {"cal_ver": build.cal_ver, "context": build.context.name, "set_at": build.changed_at,
         "reason": build.reason} for build in context_history.builds()], limit, offset)


# ---- what a context holds ---------------------------------------------------------


class TypeRules(Schema):
    name: str = Field(description="Type of reference, e.g. biasfile.")
    description: str
    rules: str | None = Field(description="The rmap; null where the context has none.")
    special: str = Field(description="N/A or OMIT where the context declares that, else empty.")
    references: int = Field(description="How many different references the rules name.")


class InstrumentRules(Schema):
    name: str
    rules: str | None = Field(description="The imap; null where the context has none.")
    special: str = Field(description="N/A or OMIT where the context declares that, else empty.")
    references: int
    types: list[TypeRules]


class ContextContents(Schema):
    context: str
    instruments: list[InstrumentRules]


@router.get("/contexts/{name}/instruments", response=ContextContents,
            summary="Instruments and types of a context", tags=["contexts"])
@by_revision
def instruments(request, name: Path[ContextName]):
    """Instruments of a context, or the one of an imap, with the rules of each type."""
    context = _rules(name)
    if context.endswith(".rmap"):
        raise NotFound(f"'{context}' is the rules of one type: ask for its table.")
    return {"context": context, "instruments": [
        _with_rules({**row, "types": list(map(_with_rules, row["types"]))})
        for row in latest_references.overview(context)]}


@router.get("/contexts/{name}/instruments/{instrument}", response=InstrumentRules,
            summary="Types of an instrument", tags=["contexts"])
@by_revision
def instrument(request, name: Path[ContextName], instrument: Path[Instrument]):
    """The types of one instrument of a context, with the rules of each."""
    found = next((row for row in instruments_of(name) if row["name"] == instrument.lower()), None)
    if found is None:
        known = ", ".join(row["name"] for row in instruments_of(name)) or "none"
        raise NotFound(f"'{name}' has no instrument '{instrument}'. It has: {known}.")
    return _with_rules({**found, "types": list(map(_with_rules, found["types"]))})


def instruments_of(name: str) -> list[dict]:
    return latest_references.overview(_rules(name))


def _with_rules(row: dict) -> dict:
    return {**row, "rules": row["rules"] or None}


def _rules(name: str) -> str:
    found = contexts.resolve(name)
    if found == "N/A":
        raise NotFound(f"'{name}' does not apply: there are no rules for it.")
    return found


# ---- rows ----------------------------------------------------------------------------


class RuleColumn(Schema):
    title: str = Field(description="Short name, e.g. DETECTOR.")
    parameter: str = Field(description="Name in headers, e.g. META.INSTRUMENT.DETECTOR.")
    selector: str = Field(description="Match, UseAfter or another selector of the rules.")


class RuleSubstitution(Schema):
    parameter: str
    written: str
    meant: str


class RowReference(Schema):
    name: str
    state: str
    rejected: bool
    stored: bool = Field(description="The bytes can be downloaded here.")
    activation_date: datetime | None


class RuleRow(Schema):
    values: list[str] = Field(description="As the rules write them, one for each column.")
    references: list[RowReference] = Field(description="One as a rule; none for N/A and OMIT.")
    special: str = Field(description="N/A, OMIT or empty.")
    overridden: bool = Field(description="True for a row that is never selected.")


class TypeTable(ContextsPage):
    rules: str = Field(description="The rmap.")
    instrument: str
    filekind: str
    columns: list[RuleColumn]
    conditions: dict[str, str] = Field(description="Expressions that restrict the rules.")
    substitutions: list[RuleSubstitution]
    items: list[RuleRow]


@router.get("/contexts/{name}/instruments/{instrument}/types/{filekind}", response=TypeTable,
            summary="Rows of a type", tags=["contexts"])
@by_revision
def type_table(request, name: Path[ContextName], instrument: Path[Instrument],
               filekind: Path[Filekind], limit: Limit = 100, offset: Offset = 0):
    """The rows of a type's rules in a context: parameters, dates, references."""
    return _table(type_tables.rmap_of(_rules(name), instrument, filekind), limit, offset)


@router.get("/contexts/{name}/table", response=TypeTable, summary="Rows of an rmap",
            tags=["contexts"])
@by_revision
def rmap_table(request, name: Path[ContextName], limit: Limit = 100, offset: Offset = 0):
    """The rows of an rmap, named itself or as in ``hst-acs-biasfile-latest``."""
    rmap = CatalogFile.objects.published().filter(name=_rules(name), extension=".rmap").first()
    if rmap is None:
        raise NotFound(f"'{name}' is no rmap; only rmaps have rows.")
    return _table(rmap, limit, offset)


def _table(rmap: CatalogFile, limit: int, offset: int) -> dict:
    table, lines = type_tables.lines(rmap)
    return {
        **_page(lines, limit, offset),
        "rules": rmap.name, "instrument": table.instrument, "filekind": table.filekind,
        "columns": table.columns, "conditions": table.conditions,
        "substitutions": [
            {"parameter": table.columns[each.column].parameter, "written": each.written,
             "meant": each.meant} for each in table.substitutions],
        "items": [{
            "values": line.row.values, "special": line.row.special,
            "overridden": line.row.overridden,
            "references": [{**file, "rejected": bool(file["rejected"])} for file in line.files],
        } for line in lines[offset:offset + limit]],
    }
