"""What an explanation says: plain data that become JSON as they are.

The texts below the fields are also the documentation of the REST API.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any


def documented(cls: type) -> type:
    """A dataclass whose texts below the fields go into schemas made from it."""
    cls.__pydantic_config__ = {"use_attribute_docstrings": True}
    return dataclass(cls)


class Mark(StrEnum):
    """What one parameter of a match case says about a header."""

    MATCHED = "matched"
    NEUTRAL = "neutral"
    FAILED = "failed"


class Outcome(StrEnum):
    """What the library answers for a type."""

    FILE = "file"
    NOT_APPLICABLE = "n/a"
    OMITTED = "omitted"
    ERROR = "error"


class Cause(StrEnum):
    """Why the library answers so."""

    MATCHED = "matched"
    FALLBACK = "fallback"
    TYPE_NOT_APPLICABLE = "type not applicable"
    TYPE_OMITTED = "type omitted"
    UNKNOWN_TYPE = "unknown type"
    RELEVANCE = "rmap_relevance"
    OMIT = "rmap_omit"
    CASE_NOT_APPLICABLE = "case not applicable"
    CASE_OMITTED = "case omitted"
    NOT_REQUIRED = "not required"
    NOT_REPROCESSED = "not reprocessed"
    NO_CASE = "no case matches"
    TOO_EARLY = "before the first date"
    MISSING_PARAMETER = "parameter missing"
    UNKNOWN_VALUE = "value not in the rules"
    BAD_DATE = "date not readable"
    BAD_NUMBER = "number not readable"
    SEVERAL = "several answers"
    UNMERGEABLE = "cases cannot be merged"
    OTHER = "other error"


@documented
class Parameter:
    """One parameter of the header on its way to selection."""

    name: str
    given: str | None
    """As in the header; None where the header has none."""
    used: str
    """As rules are matched against it."""
    note: str = ""
    """Why both differ."""


@documented
class Change:
    """A value that the rules of one type replace before they match."""

    parameter: str
    before: str
    after: str
    reason: str


@documented
class Expression:
    """A condition in the header of a rule file and what it gave."""

    kind: str
    """``rmap_relevance``, ``rmap_omit`` or ``parkey_relevance``."""
    parameter: str
    """The parameter that a ``parkey_relevance`` decides on, else empty."""
    source: str
    result: bool | None
    """None where it could not be evaluated."""
    effect: str
    """What follows from it."""
    values: dict[str, str] = field(default_factory=dict)
    """Parameters that it reads."""
    error: str = ""


@documented
class Cell:
    """One parameter of one match case beside the header's value."""

    parameter: str
    value: str
    pattern: str
    """As it takes part in the match."""
    written: str
    """As the rule file writes it, before substitutions."""
    mark: Mark
    note: str = ""
    substituted: bool = False
    """A substitution of the rule file changed the pattern, and not only its form."""


@documented
class Case:
    """One match case."""

    key: tuple[str, ...]
    """As the rule file writes it."""
    line: int | None
    """Line of the rule file."""
    cells: list[Cell]
    matched: int
    """Parameters that match: the weight."""
    neutral: int
    failed: int


@documented
class Hint:
    """Another value of one parameter with which a case would have matched."""

    parameter: str
    value: str
    patterns: list[str]
    cases: int


@documented
class Entry:
    """One line of an ordered selector: a date, a version or a number, and what it gives."""

    key: str
    choice: str
    chosen: bool
    cases: list[int] = field(default_factory=list)
    """Numbers of the merged cases that have it."""
    replaced: list[str] = field(default_factory=list)
    """Choices of other cases at the same key."""


@documented
class Group:
    """All matching cases of one weight, merged into one."""

    rank: int
    """1 is tried first."""
    weight: int
    cases: list[Case]
    tried: bool
    """The library came to it."""
    chosen: bool
    """It gave the answer."""
    result: str | None = None
    error: str = ""
    below: Trace | None = None


@documented
class Trace:
    """How one selector of a rule file came to its answer."""

    selector: str
    """Match, UseAfter, VersionAfter, ClosestTime …."""
    parameters: list[str]
    value: str
    """What an ordered selector looked up; empty for Match."""
    total: int
    """Cases or entries."""
    result: str | None = None
    error: str = ""
    error_kind: str = ""
    # Of Match:
    groups: list[Group] = field(default_factory=list)
    misses: list[Case] = field(default_factory=list)
    """The nearest of those that fail."""
    missed: dict[int, int] = field(default_factory=dict)
    """Failed parameters → cases."""
    hints: list[Hint] = field(default_factory=list)
    # Of the others:
    entries: list[Entry] = field(default_factory=list)
    """In order; a part around the chosen one."""
    skipped_before: int = 0
    skipped_after: int = 0
    keys: list[str] = field(default_factory=list)
    """First and last key."""
    below: list[Trace] = field(default_factory=list)
    """Selectors that the chosen entries hold."""


@documented
class Lookup:
    """One pass through the selectors of a rule file."""

    name: str
    """``first`` or ``fallback``."""
    values: dict[str, str]
    """Parameters of the rule file as matched."""
    changes: list[Change]
    trace: Trace | None
    result: str | None
    error: str


@documented
class TypeExplanation:
    """Why one type has the reference that it has."""

    filekind: str
    rules: str | None
    """Name of the rule file."""
    outcome: Outcome
    cause: Cause
    result: str | None
    """The library's words; None where the type is left out."""
    selected: str | None
    """What the library selects, asked apart."""
    agrees: bool
    files: list[str] = field(default_factory=list)
    """The references that the answer names."""
    reason: str = ""
    """One sentence."""
    advice: str = ""
    """What it means and what to do."""
    required: str = "NONE"
    """``reffile_required`` of the rule file"""
    expressions: list[Expression] = field(default_factory=list)
    lookups: list[Lookup] = field(default_factory=list)

    @property
    def decisive(self) -> Lookup | None:
        """The lookup that gave the answer, or the last one that failed."""
        return self.lookups[-1] if self.lookups else None


@documented
class Explanation:
    """Every type of an instrument for one header under one context."""

    context: str
    observatory: str
    instrument: str
    parameters: list[Parameter]
    types: list[TypeExplanation]
    agrees: bool

    def as_dict(self) -> dict[str, Any]:
        """Nothing but what JSON has."""
        return asdict(self)
