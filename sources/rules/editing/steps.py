"""Edits of an rmap by hand: rows and match cases added, replaced, moved, deleted.

Edits are steps, plain data that is applied to the rows of a table one after another.  Nothing
here uses the library, so pages can show the outcome at once; :mod:`.edited` makes a rule file
of it and has it checked.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

#: What steps do, with the fields that each has.
FIELDS = {
    "add": ("values", "reference"),
    "replace": ("values", "reference"),
    "replace-all": ("reference", "by"),
    "move": ("values", "to"),
    "delete": ("values",),
    "change-case": ("case", "to"),
    "copy-case": ("case", "to"),
    "delete-case": ("case",),
}

#: Longest value or name in a step, and most steps of one edit.
LONGEST, MOST = 400, 500

DATE = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d{1,6})?")
NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}")

#: What may stand in the place of a reference.
SPECIAL = ("N/A", "OMIT")

Values = tuple[str, ...]


class BadStep(ValueError):
    """The step cannot be applied; the message says why, for people."""


@dataclass
class Row:
    """One row of the table while it is edited.

    ``was`` are the values and the result that the rules have, None for a new row; ``gone``
    rows are deleted and stay to be shown.
    """

    values: Values
    result: str
    was: tuple[Values, str] | None = None
    gone: bool = False

    @property
    def mark(self) -> str:
        """``added``, ``deleted``, ``moved``, ``replaced`` or empty."""
        if self.gone:
            return "deleted"
        if self.was is None:
            return "added"
        if self.was[0] != self.values:
            return "moved"
        return "replaced" if self.was[1] != self.result else ""


@dataclass
class Edited:
    """Rows after the steps; ``problems`` are (number of the step, text) of those left out."""

    rows: list[Row]
    problems: list[tuple[int, str]] = field(default_factory=list)

    @property
    def present(self) -> dict[Values, str]:
        """Result by values, of all rows that are there."""
        return {row.values: row.result for row in self.rows if not row.gone}

    @property
    def changed(self) -> list[Row]:
        return [row for row in self.rows if row.mark]


def clean(step: object, width: int, dated: bool) -> dict:
    """``step`` with the fields that it must have, as texts; the rest is dropped.

    ``width`` is the number of columns of the table, with the date; ``dated`` says whether the
    last column is USEAFTER.  Raises :class:`BadStep`.
    """
    if not isinstance(step, dict) or step.get("do") not in FIELDS:
        raise BadStep("There is no such edit.")
    found: dict = {"do": step["do"]}
    for name in FIELDS[step["do"]]:
        value = step.get(name)
        if name in ("reference", "by"):
            found[name] = _name(value)
            continue
        expected = width - dated if "case" in step["do"] else width
        if not isinstance(value, (list, tuple)) or len(value) != expected or not all(
                isinstance(part, str) and len(part) <= LONGEST for part in value):
            raise BadStep(f"A value is needed for each of the {expected} columns.")
        found[name] = [part if name != "to" and step["do"] != "add" else " ".join(part.split())
                       for part in value]
    _check_values(found, dated)
    return found


def _name(value: object) -> str:
    name = str(value or "").strip()
    if name in SPECIAL:
        return name
    if not NAME.fullmatch(name):
        raise BadStep("Give the name of a reference: letters, digits, '.', '_' and '-'; or N/A.")
    return name


def _check_values(step: dict, dated: bool) -> None:
    """Values that are new: printable, not empty, and the date as rules write it."""
    new = step.get("to") or (step["values"] if step["do"] == "add" else [])
    if any(not part or not part.isprintable() for part in new):
        raise BadStep("No value may be empty: N/A is for parameters that do not count, * for any"
                      " value.")
    if new and dated and "case" not in step["do"] and not DATE.fullmatch(new[-1]):
        raise BadStep(f"'{new[-1]}' is no date of the form YYYY-MM-DD hh:mm:ss.")


def apply(rows: Iterable[tuple[Values, str]], steps: Sequence[dict], dated: bool) -> Edited:
    """The rows (values and result) after ``steps``; steps that do not fit are left out."""
    edited = Edited([Row(tuple(values), result, (tuple(values), result))
                     for values, result in rows])
    work = _Work(edited, dated)
    for number, step in enumerate(steps):
        try:
            getattr(work, step["do"].replace("-", "_"))(step)
        except BadStep as exc:
            edited.problems.append((number, str(exc)))
    return edited


class _Work:
    def __init__(self, edited: Edited, dated: bool):
        self.edited, self.dated = edited, dated
        self.places = {row.values: row for row in edited.rows}

    def _find(self, values: Sequence[str]) -> Row:
        row = self.places.get(tuple(values))
        if row is None:
            raise BadStep(f"There is no row ({', '.join(values)}) any more.")
        return row

    def _case(self, case: Sequence[str]) -> list[Row]:
        rows = [row for row in self.places.values() if self._case_of(row) == tuple(case)]
        if not rows:
            raise BadStep(f"There is no match case ({', '.join(case)}) any more.")
        return rows

    def _case_of(self, row: Row) -> Values:
        return row.values[:-1] if self.dated else row.values

    def _free(self, values: Sequence[str]) -> None:
        there = self.places.get(tuple(values))
        if there is not None:
            raise BadStep(f"There is a row ({', '.join(values)}) already, with"
                          f" '{there.result}': replace its reference instead.")

    def add(self, step: dict) -> None:
        self._free(step["values"])
        self._put(Row(tuple(step["values"]), step["reference"]))

    def _put(self, row: Row) -> None:
        """Add ``row``, or give the deleted row of the same place back."""
        for gone in self.edited.rows:
            if gone.gone and gone.was and gone.was[0] == row.values:
                gone.values, gone.result, gone.gone = row.values, row.result, False
                self.places[row.values] = gone
                return
        self.edited.rows.append(row)
        self.places[row.values] = row

    def replace(self, step: dict) -> None:
        row = self._find(step["values"])
        if row.result == step["reference"]:
            raise BadStep(f"The row has '{row.result}' already.")
        row.result = step["reference"]

    def replace_all(self, step: dict) -> None:
        rows = [row for row in self.places.values() if row.result == step["reference"]]
        if not rows:
            raise BadStep(f"No row has '{step['reference']}' any more.")
        for row in rows:
            row.result = step["by"]

    def move(self, step: dict) -> None:
        row = self._find(step["values"])
        self._free(step["to"])
        self._move(row, tuple(step["to"]))

    def _move(self, row: Row, values: Values) -> None:
        del self.places[row.values]
        row.values = values
        self.places[values] = row

    def delete(self, step: dict) -> None:
        row = self._find(step["values"])
        del self.places[row.values]
        if row.was is None:
            self.edited.rows.remove(row)
        else:
            row.gone = True
            row.values, row.result = row.was

    def change_case(self, step: dict) -> None:
        rows = self._case(step["case"])
        targets = [self._target(row, step["to"]) for row in rows]
        for values in targets:
            self._free(values)
        for row, values in zip(rows, targets, strict=True):
            self._move(row, values)

    def copy_case(self, step: dict) -> None:
        rows = self._case(step["case"])
        targets = [self._target(row, step["to"]) for row in rows]
        for values in targets:
            self._free(values)
        for row, values in zip(rows, targets, strict=True):
            self._put(Row(values, row.result))

    def _target(self, row: Row, case: Sequence[str]) -> Values:
        return (*case, row.values[-1]) if self.dated else tuple(case)

    def delete_case(self, step: dict) -> None:
        for row in self._case(step["case"]):
            self.delete({"values": row.values})


def in_words(step: dict, titles: Sequence[str]) -> str:
    """What ``step`` does, for a list of edits."""
    def place(values: Sequence[str]) -> str:
        named = [f"{title} {value}" for title, value in zip(titles, values, strict=False)
                 if value not in ("N/A", "*")]  # those tell nothing to people
        return ", ".join(named) or "the general case"

    words = {
        "add": lambda: f"Add {step['reference']} for {place(step['values'])}",
        "replace": lambda: f"Put {step['reference']} at {place(step['values'])}",
        "replace-all": lambda: f"Replace {step['reference']} by {step['by']} in all rows",
        "move": lambda: f"Move {place(step['values'])} to {place(step['to'])}",
        "delete": lambda: f"Delete {place(step['values'])}",
        "change-case": lambda: f"Change match case {place(step['case'])} to {place(step['to'])}",
        "copy-case": lambda: f"Copy match case {place(step['case'])} to {place(step['to'])}",
        "delete-case": lambda: f"Delete match case {place(step['case'])}",
    }
    return words[step["do"]]()
