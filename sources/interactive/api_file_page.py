"""REST API: what else is known of one file, each subject an address below the file's own."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from ninja import Field, Path, Router, Schema

from common.errors import BadRequest, NotFound, ServiceError, Unavailable
from interactive.api import FileName, by_revision
from interactive.models import CatalogFile, FileType
from interactive.services.file_page import (
    actions,
    constraints,
    facts,
    history,
    lineage,
    patterns,
    used_by,
)

router = Router()

RuleName = Annotated[str, Field(max_length=128, description="An .rmap that contains the file.")]
Context = Annotated[str, Field(
    max_length=128, description="A context that contains it: a name, a role or a date.")]


def _published(name: str) -> CatalogFile:
    file = facts.published(name) if name.isprintable() else None
    if file is None:
        raise NotFound(f"There is no published file '{name}'. Names are case-sensitive.")
    return file


def _reference(name: str) -> CatalogFile:
    file = _published(name)
    if file.type != FileType.REFERENCE:
        raise BadRequest(f"'{name}' is a rule file; only references have lookup patterns.")
    return file


class Waiting(Schema):
    detail: str = Field(description="What is being computed.")


class NotYet(ServiceError):
    """The answer is being computed; raised, so that no ETag of the final answer goes with it."""

    status = 202


# ---- lineage ---------------------------------------------------------------


class Interval(Schema):
    start: datetime
    end: datetime | None = Field(description="Null: it still is.")
    context: str = Field(description="The context with which it began.")


class LineageMember(Schema):
    name: str
    relation: str = Field(description="To the file that was asked for, in words.")
    parents: list[str] = Field(description="Members from which it comes.")
    note: str = Field(description="Where the relation shows.")
    known: bool = Field(description="Published on this server.")
    bad: bool
    intervals: list[Interval] = Field(description="When it was in the latest context.")


class Event(Schema):
    rules: str = Field(description="The first rules after the change.")
    before: str = Field(description="The rules before; empty for the first of their series.")


class RuleSeries(Schema):
    instrument: str
    filekind: str
    appeared: list[Event]
    left: list[Event]
    complete: bool = Field(description="All changes were followed, not only the newest.")


class Lineage(Schema):
    name: str
    derived_from: str = Field(description="As the record says; a file or words.")
    members: list[LineageMember] = Field(description="From old to new, the file itself included.")
    earlier: int = Field(description="Known earlier files that are not among the members.")
    later: int
    series: list[RuleSeries] = Field(description="Of references: where rules took them up.")


@router.get("/files/{name}/lineage", response={200: Lineage, 202: Waiting}, tags=["files"],
            summary="What came before and after a file", url_name="file_lineage")
@by_revision
def file_lineage(request, name: Path[FileName]):
    """Predecessors and successors, and the times in which each was latest.

    Of references it is computed once; until then the status is 202: ask again.
    """
    file = _published(name)
    if file.type == FileType.MAPPING:
        return _lineage(lineage.of_rule(file), name, [])
    result = history.obtain(file)
    if not result.ready:
        _wait(result)
    series = history.read(result)
    return _lineage(lineage.of_reference(file, series), name, series)


def _lineage(found: lineage.Lineage, name: str, series: list[history.Series]) -> dict:
    return {
        "name": name, "derived_from": found.derived_from, "members": found.members,
        "earlier": found.earlier, "later": found.later, "series": series,
    }


def _wait(result) -> None:
    if result.failed:
        raise Unavailable(f"The lineage could not be computed: {result.error}")
    raise NotYet("The rules of the type are being read. Ask again in a moment.")


# ---- used by ---------------------------------------------------------------


class NameRange(Schema):
    first: str
    last: str
    count: int = Field(description="Published files in the range; all contain the file.")


class UsingLevel(Schema):
    extension: str
    direct: bool = Field(description="These rules name the file themselves.")
    count: int
    ranges: list[NameRange] = Field(description="Oldest first.")


class Role(Schema):
    role: str = Field(description="latest, edit, versions, build x.y.z …")
    context: str


class UsedBy(Schema):
    name: str
    levels: list[UsingLevel] = Field(description="From the rules that name it up to contexts.")
    roles: list[Role] = Field(description="Contexts in use that contain it.")


@router.get("/files/{name}/used_by", response=UsedBy, tags=["files"],
            summary="Rules that contain a file", url_name="file_used_by")
@by_revision
def file_used_by(request, name: Path[FileName]):
    """Rules and contexts that contain the file, directly and through others, as ranges."""
    found = used_by.used_by(_published(name))
    return {
        "name": name,
        "levels": [{"extension": level.extension, "direct": level.direct, "count": level.count,
                    "ranges": [each._asdict() for each in level.ranges]}
                   for level in found.levels],
        "roles": [{"role": role, "context": context} for role, context in found.roles],
    }


# ---- lookup patterns -------------------------------------------------------


class LookupPattern(Schema):
    values: list[str] = Field(description="One for each title.")
    dates: list[str] = Field(description="USEAFTER dates from which it is selected.")


class RulePatterns(Schema):
    rules: str
    titles: list[str] = Field(description="Matching parameters.")
    patterns: list[LookupPattern]
    more: int = Field(description="Patterns that are not listed.")
    conditions: dict[str, str] = Field(description="When the rules apply at all.")
    problem: str = Field(description="Why there are none: the rules cannot be read here.")


class Patterns(Schema):
    name: str
    context: str = Field(description="To which the rules belong; empty where they were named.")
    rules: list[RulePatterns]
    choices: list[str] = Field(description="All rules that contain the file, newest first.")


@router.get("/files/{name}/patterns", response=Patterns, tags=["files"],
            summary="Parameters that lead to a reference", url_name="file_patterns")
@by_revision
def file_patterns(request, name: Path[FileName], rules: RuleName = "",
                  context: Context = ""):
    """Lookup patterns in the latest context, in another context, or in one rule file."""
    found = patterns.patterns(_reference(name), rules, context)
    return {"name": name, "context": found.context, "rules": found.rules,
            "choices": found.choices}


# ---- constraints -----------------------------------------------------------


class Constraint(Schema):
    name: str
    place: str = Field(description="keyword, table column, array, expression …")
    type: str
    presence: str
    condition: str = Field(description="When it applies, in words; empty: always.")
    values: list[str] = Field(description="Allowed values; empty: any.")
    rule: str = Field(description="What else must hold, in words.")
    line: str = Field(description="As written in the .tpn file.")


class ConstraintFile(Schema):
    name: str
    constraints: list[Constraint]
    problem: str


class Constraints(Schema):
    name: str
    instrument: str
    filekind: str
    files: list[ConstraintFile] = Field(description="Of references, general ones first.")
    for_rules: list[ConstraintFile] = Field(description="Of parameter values in rules.")
    row_keys: list[str] = Field(description="Columns that tell table rows apart.")


@router.get("/files/{name}/constraints", response=Constraints, tags=["files"],
            summary="Constraints on files of this type", url_name="file_constraints")
@by_revision
def file_constraints(request, name: Path[FileName]):
    """What certification requires of references of the file's type (.tpn files)."""
    file = _published(name)
    if not file.filekind:
        raise BadRequest(f"'{name}' has no type; constraints belong to types of references.")
    found = constraints.of_file(file)
    return {"name": name, "instrument": file.instrument, "filekind": file.filekind,
            "files": found.files, "for_rules": found.for_rules, "row_keys": found.row_keys}


# ---- actions ---------------------------------------------------------------


class Action(Schema):
    date: datetime
    user: str
    action: str
    why: str
    details: dict


class FileDelivery(Schema):
    catalog: str
    created_at: datetime
    state: str
    description: str
    files: list[str] = Field(description="Other files of the delivery.")
    more: int


class BecameLatest(Schema):
    start_date: datetime
    state: str
    user: str
    description: str


class Actions(Schema):
    name: str
    records: list[Action] = Field(description="Of the audit log, newest first.")
    more_records: int
    deliveries: list[FileDelivery]
    history: list[BecameLatest] = Field(description="Of contexts: when they became latest.")


@router.get("/files/{name}/actions", response=Actions, tags=["files"],
            summary="What was done with a file", url_name="file_actions")
def file_actions(request, name: Path[FileName]):
    """Audit records, deliveries and times as the latest context.

    Without an ETag: not every act changes the catalogue.
    """
    found = actions.actions(_published(name))
    return {
        "name": name, "records": found.records, "more_records": found.more_records,
        "deliveries": [
            {"catalog": one.delivery.catalog, "created_at": one.delivery.created_at,
             "state": one.delivery.state, "description": one.delivery.description,
             "files": one.files, "more": one.more} for one in found.deliveries],
        "history": found.history,
    }
