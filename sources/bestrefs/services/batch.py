"""Many answers at once: what they have in common, where they differ, and as files."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from django.conf import settings

from common.errors import BadRequest
from common.spreadsheets import cell

from .answers import Answer, Choice, Kind, Row

#: What separates ids in a list.
_SEPARATORS = re.compile(r"[\s,;]+")


def split_ids(text: str) -> list[str]:
    """Ids in ``text``, each once, in their order; ``#`` begins a comment."""
    lines = (line.partition("#")[0] for line in text.splitlines())
    return list(dict.fromkeys(filter(None, _SEPARATORS.split(" ".join(lines)))))


def check_number(number: int, what: str = "datasets") -> None:
    """Refuse more than one call takes, with the way to do it."""
    most = settings.MAX_IDS_PER_RPC
    if number > most:
        raise BadRequest(
            f"These are {number} {what}; at most {most} are taken at once. Split the list, or use"
            " the command line, which asks in portions by itself: crds bestrefs --datasets @ids.txt"
            " --print-new-references (see Using the Command Line).")


@dataclass
class Column:
    """One type of reference in the table of an instrument."""

    type: str
    description: str
    distinct: int
    differs: bool


@dataclass
class InstrumentTable:
    """Answers of one instrument: types whose answer is the same for all, and a table of the rest.

    ``lines`` pairs each answer with its rows in the order of ``columns``.
    """

    instrument: str
    answers: list[Answer]
    same: list[Row] = field(default_factory=list)
    columns: list[Column] = field(default_factory=list)
    lines: list[tuple[Answer, list[Row | None]]] = field(default_factory=list)


@dataclass
class Use:
    """A reference and for how many datasets it is best."""

    choice: Choice
    types: list[str]
    number: int


def tables(answers: Sequence[Answer], only_differences: bool = False) -> list[InstrumentTable]:
    """Good answers by instrument, in the order of instruments."""
    found: dict[str, list[Answer]] = {}
    for answer in answers:
        if answer.ok and (answer.differing or not only_differences):
            found.setdefault(answer.instrument, []).append(answer)
    return [_table(instrument, found[instrument], only_differences)
            for instrument in sorted(found)]


def _table(instrument: str, answers: list[Answer], only_differences: bool) -> InstrumentTable:
    by_answer = [{row.type: row for row in answer.rows} for answer in answers]
    types = sorted({kind for rows in by_answer for kind in rows})
    made = InstrumentTable(instrument, answers)
    for kind in types:
        rows = [rows.get(kind) for rows in by_answer]
        known = [row for row in rows if row]
        differs = any(row.differs for row in known)
        if only_differences and not differs:
            continue
        distinct = len({_key(row) for row in rows})
        if distinct == 1 and len(answers) > 1:
            made.same.append(known[0])
        else:
            made.columns.append(Column(kind, known[0].description, distinct, differs))
    made.lines = [
        (answer, [rows.get(column.type) for column in made.columns])
        for answer, rows in zip(answers, by_answer, strict=True)]
    return made


def _key(row: Row | None) -> tuple[str, ...]:
    return tuple(choice.text for choice in row.choices) if row else ()


def uses(answers: Sequence[Answer], second: bool = False) -> list[Use]:
    """Every reference named, the most frequent first."""
    numbers: Counter[str] = Counter()
    choices: dict[str, Choice] = {}
    types: dict[str, set[str]] = {}
    for answer in answers:
        for row in answer.rows:
            choice = row.second if second else row.choice
            if choice and choice.kind is Kind.FILE:
                numbers[choice.text] += 1
                choices[choice.text] = choice
                types.setdefault(choice.text, set()).add(row.type)
    return [Use(choices[name], sorted(types[name]), number)
            for name, number in sorted(numbers.items(), key=lambda item: (-item[1], item[0]))]


# ---- as files ----------------------------------------------------------------


def as_json(answers: Sequence[Answer], context: str, context2: str = "") -> dict:
    """Everything as plain values; the same form as the REST API's."""
    return {
        "context": context,
        "context2": context2 or None,
        "results": [_result(answer, bool(context2)) for answer in answers],
    }


def _result(answer: Answer, two: bool) -> dict:
    return {
        "id": answer.subject.label,
        "ok": answer.ok,
        "error": answer.error or None,
        "instrument": answer.instrument or None,
        "parameters": answer.parameters,
        "references": answer.references(),
        "references2": answer.references(second=True) if two else None,
    }


def as_csv(answers: Sequence[Answer], context: str, context2: str = "") -> str:
    """A line for each dataset and type; errors have a line without type."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    names = ["dataset", "instrument", "type", context]
    writer.writerow([*names, context2, "differs"] if context2 else names)
    for answer in answers:
        start = [cell(answer.subject.label), answer.instrument]
        if not answer.ok:
            writer.writerow([*start, "", cell(answer.error)])
        for row in answer.rows:
            line = [*start, row.type, *(cell(choice.text) for choice in row.choices)]
            writer.writerow([*line, "yes" if row.differs else "no"] if context2 else line)
    return text.getvalue()
