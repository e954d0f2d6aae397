"""Match clauses as an automaton.

The library binds one parameter after the other and strikes out the cases that do not match;
cases that survive have a weight, the number of parameters that matched (not as N/A).  What is
left after some parameters is a *state*.  Which state comes next depends on the state and on
how the value stands to the keys of the parameter, its *class*: all values that no key
mentions are one class.  States and classes are made when they are first met and remembered,
so a value is compared with the keys once, by the library's own matchers, and headers that
differ in nothing that matters share all work.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from crds.core import selectors

from .codes import distinct
from .description import Description, substitutions
from .frame import Frame

LEAF, FAILED, LIBRARY = "leaf", "failed", "library"


@dataclass(frozen=True)
class Outcome:
    """What a state leads to when all parameters are bound.

    The ``groups`` of UseAfter tables (numbers; those of a group are merged) are tried in
    order.  If no date fits, ``kind`` tells how it ends: with the result ``text``, with the
    library's message ``text``, or only the library can say.
    """

    groups: tuple[tuple[int, ...], ...]
    kind: str
    text: str = ""


class Matching:
    """The match cases of one rule.

    ``parameters`` are bound in this order, as errors depend on it.
    """

    START = 0

    def __init__(self, description: Description):
        data = description["matching"]
        self.parameters: tuple[str, ...] = tuple(data["parameters"])
        self._choices: list[int | str] = data["choices"]
        self._merge: bool = data["merge"]
        self._cases = [np.array(column, np.int32) for column in data["cases"]]
        replaced = substitutions(description)
        self._parameters = [
            _Parameter(name, keys, valid, replaced)
            for name, keys, valid in zip(
                self.parameters, data["keys"], data["valid"], strict=True)]
        self.forget()

    def forget(self) -> None:
        """Drop what was remembered."""
        count = len(self._choices)
        self._states: list[tuple[np.ndarray, np.ndarray] | str] = []
        self._numbers: dict = {}
        self._moves: list[dict[tuple[int, int], int]] = [{} for _ in self.parameters]
        self._outcomes: dict[int, Outcome] = {}
        for parameter in self._parameters:
            parameter.forget()
        self._number(np.arange(count, dtype=np.int32), np.zeros(count, np.int16))

    @property
    def remembered(self) -> int:
        """Number of states, moves and values that are remembered."""
        return (len(self._states) + sum(map(len, self._moves))
                + sum(len(parameter.classes) for parameter in self._parameters))

    # ---- walking ---------------------------------------------------------------

    def walk(self, values) -> int:
        """The state after binding ``values``, one for each parameter in order."""
        state = self.START
        for place, value in enumerate(values):
            state = self._move(place, state, self._parameters[place].class_of(value))
        return state

    def walk_all(self, frame: Frame) -> np.ndarray:
        """The state of each row of ``frame``, (rows,) int64."""
        states = np.full(frame.rows, self.START, np.int64)
        for place, parameter in enumerate(self._parameters):
            column = frame.columns[parameter.name]
            classes = np.array([parameter.class_of(value) for value in column.values], np.int64)
            size = len(parameter.rows)
            pairs, index = distinct(states * size + classes[column.codes],
                                    len(self._states) * size)
            after = [self._move(place, pair // size, pair % size) for pair in pairs.tolist()]
            states = np.array(after, np.int64)[index]
        return states

    def _move(self, place: int, state: int, class_: int) -> int:
        moves = self._moves[place]
        after = moves.get((state, class_))
        if after is None:
            after = moves[state, class_] = self._next(place, state, class_)
        return after

    def _next(self, place: int, state: int, class_: int) -> int:
        now = self._states[state]
        if isinstance(now, str):  # an earlier parameter was not valid: its message stays
            return state
        row = self._parameters[place].rows[class_]
        if isinstance(row, str):
            return self._number(row)
        cases, weights = now
        status = row[self._cases[place][cases]]
        keep = status >= 0
        return self._number(cases[keep], weights[keep] + status[keep])

    def _number(self, cases, weights=None) -> int:
        """The number of a state, given by its cases and their weights or by a message."""
        key = cases if weights is None else (cases.tobytes(), weights.tobytes())
        number = self._numbers.get(key)
        if number is None:
            number = self._numbers[key] = len(self._states)
            self._states.append(cases if weights is None else (cases, weights))
        return number

    # ---- results ---------------------------------------------------------------

    def outcome(self, state: int) -> Outcome:
        """What the state leads to after the last parameter."""
        found = self._outcomes.get(state)
        if found is None:
            found = self._outcomes[state] = self._outcome(state)
        return found

    def _outcome(self, state: int) -> Outcome:
        now = self._states[state]
        if isinstance(now, str):
            return Outcome((), FAILED, now)
        cases, weights = now
        groups: list[tuple[int, ...]] = []
        for weight in sorted(set(weights.tolist()), reverse=True):
            choices = [self._choices[case] for case in cases[weights == weight].tolist()]
            if len(choices) > 1 and not self._merge:
                return Outcome(tuple(groups), FAILED, "More than one match clause matched.")
            texts = [choice for choice in choices if isinstance(choice, str)]
            if not texts:
                groups.append(tuple(choices))
            elif len(texts) < len(choices):
                return Outcome(tuple(groups), LIBRARY)
            else:
                # Equal cases that end in files cannot be merged: the library gives them all.
                text = texts[0] if len(texts) == 1 else str(tuple(texts))
                return Outcome(tuple(groups), LEAF, text)
        return Outcome(tuple(groups), FAILED, "No match found.")


class _Validator(selectors.MatchSelector):
    """The library's check of a value, without a selector around it."""

    def __init__(self, substitutions_: dict):
        self._substitutions = substitutions_


class _Parameter:
    """One parameter of a Match: its distinct keys, and classes of values.

    ``rows`` has for each class the status of each key (int8: 1 match, 0 does not matter, -1 no
    match), or the library's message for values that are not valid.
    """

    def __init__(self, name: str, keys: list[str], valid: list[str], substitutions_: dict):
        self.name = name
        self._valid = valid
        self._validator = _Validator(substitutions_)
        self._count = len(keys)
        self._plain: dict[str, list[int]] = {}
        self._always, self._others = [], []
        for index, key in enumerate(keys):
            made = selectors.matcher(key)
            if type(made) is selectors.Matcher:
                self._plain.setdefault(made._key, []).append(index)
            elif type(made) is selectors.NaMatcher:
                self._always.append(index)
            else:
                self._others.append((index, made))
        self.forget()

    def forget(self) -> None:
        self.classes: dict[str, int] = {}
        self.rows: list[np.ndarray | str] = []
        self._numbers: dict = {}

    def class_of(self, value: str) -> int:
        found = self.classes.get(value)
        if found is None:
            row = self._problem(value)
            if row is None:
                row = self._status(value)
            key = row if isinstance(row, str) else row.tobytes()
            found = self._numbers.get(key)
            if found is None:
                found = self._numbers[key] = len(self.rows)
                self.rows.append(row)
            self.classes[value] = found
        return found

    def _problem(self, value: str) -> str | None:
        try:
            self._validator._validate_value(self.name, value, self._valid)
        except Exception as exc:  # any ends the lookup with its message
            return str(exc)
        return None

    def _status(self, value: str) -> np.ndarray:
        # The library's Matcher, for all keys that are plain texts at once.
        status = np.full(self._count, {"*": 1, "N/A": 0}.get(value, -1), np.int8)
        status[self._plain.get(value, [])] = 1
        status[self._always] = 0
        for index, matcher in self._others:
            status[index] = matcher.match(value)
        return status
