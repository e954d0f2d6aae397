"""One rmap, compiled: from parameters to a plan, from plan and date to the answer.

The steps are those of ``ReferenceMapping._get_best_ref``, in its order: rmap_omit,
rmap_relevance, the precondition hook, parameters that are irrelevant, Match, the dates, and
after a failure dnr_check, the fallback hook and a second lookup.  Each step is a function of
few parameters and is evaluated by the library's own code for each set of their values once.
"""

from __future__ import annotations

import threading
from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from operator import itemgetter

import numpy as np
from crds.core import rmap
from crds.core.mapping_verifier import MAPPING_VERIFIER

from .codes import Column, combine
from .dates import BAD, threshold
from .description import Description
from .frame import Frame, Known
from .hooks import EPOCH, EPOCH_KEYS, NO_EPOCH, Failed, Hook, UnknownHook, hook
from .matching import FAILED, LEAF, LIBRARY, Matching, Outcome

NOT_APPLICABLE, NOT_FOUND = "NOT FOUND n/a", "NOT FOUND "

#: Code of the answer of a type that is left out of the result.
OMITTED = -1

#: Code where only the library can answer.
ASK_LIBRARY = -2

#: What a rule may remember before it starts anew: states, values, plans and answers.
REMEMBERED = 200_000

#: Sets of parameters whose plan a rule remembers for single headers.
REMEMBERED_HEADERS = 4_000

#: Entries of the answers by date that are laid out at once.
LAID_OUT = 1 << 22

_NA_VALUES = rmap.MappingSelectionsDict.na_values_set
_OMIT_VALUES = rmap.MappingSelectionsDict.omit_values_set


@dataclass(frozen=True, eq=False)
class Dates:
    """UseAfter: ``codes[i]`` from the moment ``starts[i]`` on; both (entries,), sorted."""

    starts: np.ndarray
    codes: np.ndarray

    @cached_property
    def listed(self) -> tuple[list[int], list[int]]:
        """Both as lists, in which single moments are found faster."""
        return self.starts.tolist(), self.codes.tolist()

    def code_at(self, moments: np.ndarray, before: np.ndarray) -> np.ndarray:
        """The answer at each moment, that of ``before`` where the first is later."""
        if not len(self.starts):
            return before
        index = np.searchsorted(self.starts, moments, "right") - 1
        return np.where(index >= 0, self.codes[index], before)


@dataclass(frozen=True, eq=False)
class Plan:
    """Tables of dates, tried in order, and the code of the answer if no date fits."""

    tables: tuple[Dates, ...]
    end: int

    def at(self, moment: int) -> int:
        """Code of the answer at ``moment``."""
        if self.tables:
            if moment == BAD:
                return ASK_LIBRARY
            for table in self.tables:
                starts, codes = table.listed
                index = bisect_right(starts, moment)
                if index:
                    return codes[index - 1]
        return self.end


class CompiledRule:
    """``description`` made ready, for headers that have the parameters ``available``.

    ``reason`` says why the rule is left to the library; then nothing else works but
    ``keys``, the parameters on which its answer depends (with those of its dates).
    ``lock`` guards what is remembered.
    """

    def __init__(self, description: Description, hooks: Mapping[str, Callable | None],
                 available: Sequence[str], dnr: Callable[[dict], bool] | None):
        self.filekind: str = description["filekind"]
        self.required: tuple[str, ...] = tuple(dict.fromkeys(description["required"]))
        self.reason: str = description["reason"]
        self.lock = threading.RLock()
        self.answers: list[str] = []
        self.dates: tuple[str, ...] = ()
        self.keys = tuple(available)
        self._available = frozenset(available)
        if not self.reason:
            try:
                self._compile(description, hooks, dnr)
            except UnknownHook as exc:
                self.reason = str(exc)

    def _compile(self, description, hooks, dnr) -> None:
        self.dates = tuple(description["dates"])
        self._precondition = self._hook(hooks.get("precondition"))
        self._fallback = self._hook(hooks.get("fallback"))
        self._matching = Matching(description)
        self._tables = [
            ([threshold(key) for key in keys], keys, choices)
            for keys, choices in description["tables"]]
        self.starts = np.unique(np.array(
            [start for starts, _, _ in self._tables for start in starts], np.int64))
        self._required_file = description["required_file"]
        self._omit = self._expression(description["omit"], self._available)
        self._relevance = self._expression(description["relevance"], self._available)
        irrelevant = description["irrelevant"].items()
        own = self._available & set(self.required)
        self._irrelevant = [(key, self._expression(source, self._available, mapping=True))
                            for key, source in irrelevant]
        self._irrelevant_again = [
            (key, self._expression(source, own, mapping=True)) for key, source in irrelevant]
        pair = [key for key in ("DETECTOR", "CCDGAIN") if key in self._available]
        self._dnr = None
        if dnr and len(pair) == 2:
            self._dnr = Known(pair, dnr, {"DETECTOR": frozenset({"WFC"})})
        self._find_keys()
        self.forget()

    def _hook(self, function) -> tuple[Hook, Known] | None:
        if function is None:
            return None
        found = hook(function)
        if found.dated and not self._available.issuperset(EPOCH_KEYS):
            raise UnknownHook("a hook that compares dates which no rule asks for")
        return found, Known(found.columns(self._available),
                            lambda header: found.changes(header, self), found.reads)

    def _expression(self, source: str, available: frozenset[str], mapping=False) -> Known:
        """The expression as a function of those of ``available`` that it names.

        Its result is the value as a truth, or :class:`Failed`.  ``mapping`` is for those that
        map parameters to N/A, which know whether comments are kept.
        """
        code = MAPPING_VERIFIER.compile_and_check(source, mode="eval")
        # Keys with dots are known under names with underscores, which win over others.
        named = {key: key for key in available if "." not in key}
        named.update((key.replace(".", "_"), key) for key in sorted(available) if "." in key)
        keys = {name: named[name] for name in code.co_names if name in named}

        def evaluate(header: dict[str, str]) -> bool | Failed:
            names = {name: header[key] for name, key in keys.items()}
            if mapping:
                names["keep_comments"] = False
            try:
                return bool(eval(code, {}, names))  # checked by the library's verifier
            except Exception as exc:
                return Failed(str(exc))

        return Known(sorted(set(keys.values())), evaluate)

    def _find_keys(self) -> None:
        """The parameters of the plan, and all on which the answer depends."""
        steps = [self._omit, self._relevance, *(step for _, step in self._irrelevant),
                 *([self._dnr] if self._dnr else []),
                 *(known for one in (self._precondition, self._fallback) if one
                   for _, known in [one])]
        keys = dict.fromkeys(key for step in steps for key in step.keys)
        keys.update(dict.fromkeys(self._matching.parameters))
        #: Columns that a frame must have.
        self.columns: tuple[str, ...] = tuple(keys)
        self.dated_hook = EPOCH in keys
        dates = self.dates + EPOCH_KEYS if self.dated_hook else self.dates
        self.keys = tuple(dict.fromkeys(
            key for key in (*keys, *dates, *self.required)
            if key != EPOCH and key in self._available))
        self._values = itemgetter(*self.columns) if len(self.columns) > 1 else (
            lambda header: tuple(header[key] for key in self.columns))

    # ---- what is remembered ------------------------------------------------------

    def forget(self) -> None:
        self.answers = []
        self._codes: dict[str, int] = {}
        self._merged: dict[tuple[int, ...], Dates] = {}
        self._plans: list[Plan] = []
        self._plan_numbers: dict = {}
        self._by_values: dict[tuple, tuple[Plan, list[str]]] = {}
        self._matching.forget()

    def trim(self) -> None:
        """Start anew if too much is remembered.  Codes given before are not valid after it."""
        if self._matching.remembered + len(self.answers) + len(self._plans) > REMEMBERED:
            self.forget()

    def _code(self, text: str) -> int:
        code = self._codes.get(text)
        if code is None:
            code = self._codes[text] = len(self.answers)
            self.answers.append(text)
        return code

    def _leaf(self, text: str) -> int:
        """Code of a result of the rules, which may be a special value."""
        if text in _NA_VALUES:
            return self._code(NOT_APPLICABLE)
        return OMITTED if text in _OMIT_VALUES else self._code(text)

    def _failure(self, text: str) -> int:
        """Code of a lookup that failed with the library's message ``text``."""
        return self._code(NOT_FOUND + text if self._required_file else NOT_APPLICABLE)

    def _group(self, tables: tuple[int, ...]) -> Dates:
        """The merged tables; of two files for the same key the greater name stays."""
        found = self._merged.get(tables)
        if found is None:
            entries: dict[str, tuple[int, str]] = {}
            for number in tables:
                for start, key, choice in zip(*self._tables[number], strict=True):
                    if key not in entries or choice > entries[key][1]:
                        entries[key] = (start, choice)
            ordered = [entries[key] for key in sorted(entries)]
            found = self._merged[tables] = Dates(
                np.array([start for start, _ in ordered], np.int64),
                np.array([self._leaf(choice) for _, choice in ordered], np.int32))
        return found

    def _plan(self, groups: tuple[tuple[int, ...], ...], end: int) -> int:
        """The number of a plan."""
        number = self._plan_numbers.get((groups, end))
        if number is None:
            number = self._plan_numbers[groups, end] = len(self._plans)
            self._plans.append(Plan(tuple(map(self._group, groups)), end))
        return number

    def _decide(self, first: Outcome, dnr: bool, second: Outcome | Failed | None) -> int:
        """The number of the plan that two lookups lead to.

        ``second`` is None without a fallback and :class:`Failed` if the hook itself failed.
        """
        if first.kind == LIBRARY:
            return self._plan((), ASK_LIBRARY)
        if first.kind == LEAF:
            return self._plan(first.groups, self._leaf(first.text))
        if dnr:
            return self._plan(first.groups, self._code(NOT_APPLICABLE))
        if second is None:
            return self._plan(first.groups, self._failure(first.text))
        if isinstance(second, Failed):
            return self._plan(first.groups, self._code(NOT_FOUND + second.text))
        groups = first.groups + second.groups
        if second.kind == LIBRARY:
            return self._plan((), ASK_LIBRARY)
        if second.kind == LEAF:
            return self._plan(groups, self._leaf(second.text))
        return self._plan(groups, self._failure(second.text))

    # ---- one header ----------------------------------------------------------------

    def answer(self, header: Mapping[str, str], moment: int) -> str | int | None:
        """The answer for a header with all :attr:`columns`, at ``moment``.

        None if the type is left out, :data:`ASK_LIBRARY` if only the library can say.
        """
        values = self._values(header)
        known = self._by_values.get(values)
        if known is None:
            known = self._learn(values, header)
        # The answers stay with the plan: another thread may start anew meanwhile.
        plan, answers = known
        code = plan.at(moment)
        return answers[code] if code >= 0 else None if code == OMITTED else code

    def _learn(self, values: tuple, header: Mapping[str, str]) -> tuple[Plan, list[str]]:
        with self.lock:
            self.trim()
            if len(self._by_values) >= REMEMBERED_HEADERS:
                self._by_values = {}
            known = self._plans[self._plan_of(header)], self.answers
            self._by_values[values] = known
            return known

    def _plan_of(self, header: Mapping[str, str]) -> int:
        """The number of the plan for one header."""
        if self._omit.of(header) is True:
            return self._plan((), OMITTED)
        if self._relevance.of(header) is False:
            return self._plan((), self._code(NOT_APPLICABLE))
        if self.dated_hook and header[EPOCH] == NO_EPOCH:
            return self._plan((), ASK_LIBRARY)
        changes = self._precondition[1].of(header) if self._precondition else ()
        if isinstance(changes, Failed):
            return self._plan((), self._code(NOT_FOUND + changes.text))
        mapped = self._mapped({**header, **dict(changes)}, self._irrelevant)
        if isinstance(mapped, Failed):
            return self._plan((), self._code(NOT_FOUND + mapped.text))
        first = self._lookup(mapped)
        second = None
        if self._fallback and first.kind not in (LEAF, LIBRARY):
            second = self._second(header)
        return self._decide(first, bool(self._dnr and self._dnr.of(mapped)), second)

    def _second(self, header: Mapping[str, str]) -> Outcome | Failed:
        changes = self._fallback[1].of(header)
        if isinstance(changes, Failed):
            return changes
        mapped = self._mapped({**header, **dict(changes)}, self._irrelevant_again)
        if isinstance(mapped, Failed):
            return Outcome((), FAILED, mapped.text)
        return self._lookup(mapped)

    def _lookup(self, header: Mapping[str, str]) -> Outcome:
        matching = self._matching
        return matching.outcome(matching.walk([header[key] for key in matching.parameters]))

    @staticmethod
    def _mapped(header: dict[str, str], steps) -> dict[str, str] | Failed:
        """``header`` with irrelevant parameters as N/A."""
        found = [(key, step.of(header)) for key, step in steps]
        for key, relevant in found:
            if isinstance(relevant, Failed):
                return relevant
            if not relevant:
                header[key] = "N/A"
        return header

    # ---- many headers ----------------------------------------------------------------

    def plans(self, frame: Frame) -> np.ndarray:
        """The number of the plan for each row of ``frame``, (rows,) int32.

        ``frame`` has all :attr:`columns`.  Hold :attr:`lock` as long as the numbers are used.
        """
        frame = frame.only(self.columns)
        numbers = np.full(frame.rows, -1, np.int32)
        rest = np.arange(frame.rows)
        for step in (self._omitted, self._not_relevant, self._undatable):
            decided = step(frame)
            numbers[rest[decided >= 0]] = decided[decided >= 0]
            open_ = np.flatnonzero(decided < 0)
            if len(open_) < len(rest):
                rest, frame = rest[open_], frame.take(open_)
        if len(rest):
            numbers[rest] = self._looked_up(frame)
        return numbers

    def _omitted(self, frame: Frame) -> np.ndarray:
        plan = self._plan((), OMITTED)
        return _spread(self._omit, frame, lambda omit: plan if omit is True else -1)

    def _not_relevant(self, frame: Frame) -> np.ndarray:
        plan = self._plan((), self._code(NOT_APPLICABLE))
        return _spread(self._relevance, frame, lambda relevant: plan if relevant is False else -1)

    def _undatable(self, frame: Frame) -> np.ndarray:
        if not self.dated_hook:
            return np.full(frame.rows, -1)
        column = frame.columns[EPOCH]
        plan = self._plan((), ASK_LIBRARY)
        of = np.array([plan if value == NO_EPOCH else -1 for value in column.values])
        return of[column.codes]

    def _looked_up(self, frame: Frame) -> np.ndarray:
        changed, failed = _changed(frame, self._precondition)
        mapped, failed = _map_all(changed, self._irrelevant, failed)
        states = self._matching.walk_all(mapped)
        dnr = (_spread(self._dnr, mapped, int) if self._dnr
               else np.zeros(frame.rows, np.int64))
        if not self._fallback:
            numbers = self._decide_all(states, dnr, np.full(frame.rows, -1))
        else:
            again, broken = _changed(frame, self._fallback)
            again, unmapped = _map_all(again, self._irrelevant_again, {})
            second = self._matching.walk_all(again)
            numbers = self._decide_all(states, dnr, second)
            for row in unmapped.keys() | broken.keys():
                first = self._matching.outcome(int(states[row]))
                problem = broken.get(row) or Outcome((), FAILED, unmapped[row].text)
                numbers[row] = self._decide(first, bool(dnr[row]), problem)
        for row, problem in failed.items():
            numbers[row] = self._plan((), self._code(NOT_FOUND + problem.text))
        return numbers

    def _decide_all(self, states, dnr, second) -> np.ndarray:
        """The number of the plan for each row; ``second`` is -1 without a fallback."""
        size = int(states.max()) + 1, 2, int(second.max()) + 2
        group, example = combine(zip((states, dnr, second + 1), size, strict=True), len(states))
        outcome = self._matching.outcome
        made = [self._decide(outcome(state), bool(is_dnr), outcome(again) if again >= 0 else None)
                for state, is_dnr, again in zip(
                    states[example].tolist(), dnr[example].tolist(), second[example].tolist(),
                    strict=True)]
        return np.array(made, np.int32)[group]

    def codes(self, plans: np.ndarray, moments: np.ndarray, ranks: np.ndarray | None,
              ) -> np.ndarray:
        """Codes of the answers, (rows,) int32, :data:`OMITTED` and :data:`ASK_LIBRARY` among them.

        ``plans`` (rows,) are numbers of :meth:`plans`; ``moments`` (rows,) int64; ``ranks``
        (rows,) int32 the number of :attr:`starts` that are not later.
        """
        ends = np.array([plan.end for plan in self._plans], np.int32)
        codes = ends[plans]
        used = np.flatnonzero(np.bincount(plans, minlength=len(self._plans)))
        used = [number for number in used.tolist() if self._plans[number].tables]
        if not used:
            return codes
        dated = np.zeros(len(self._plans), bool)
        dated[used] = True
        rows = dated[plans]
        codes[rows & (moments == BAD)] = ASK_LIBRARY
        rows = np.flatnonzero(rows & (moments != BAD))
        step = max(1, LAID_OUT // (len(self.starts) + 1))
        for begin in range(0, len(used), step):
            part = used[begin:begin + step]
            place = np.full(len(self._plans), -1, np.int64)
            place[part] = np.arange(len(part))
            here = rows if len(used) <= step else rows[place[plans[rows]] >= 0]
            laid = np.stack([self._laid_out(number) for number in part])
            codes[here] = laid.reshape(-1)[
                place[plans[here]] * laid.shape[1] + ranks[here]]
        return codes

    def _laid_out(self, number: int) -> np.ndarray:
        """Answers of a plan by rank, (starts + 1,) int32."""
        plan = self._plans[number]
        moments = np.concatenate([[-1], self.starts])
        codes = np.full(len(moments), plan.end, np.int32)
        for table in reversed(plan.tables):
            codes = table.code_at(moments, codes)
        return codes.astype(np.int32)


# ---- steps over many rows ------------------------------------------------------


def _spread(step: Known, frame: Frame, meaning: Callable[[object], int]) -> np.ndarray:
    """``meaning`` of the step's result for each row."""
    group, results = step.over(frame)
    return np.array([meaning(result) for result in results], np.int64)[group]


def _changed(frame: Frame, step: tuple[Hook, Known] | None) -> tuple[Frame, dict[int, Failed]]:
    """``frame`` after a hook, and the rows in which it failed."""
    if step is None:
        return frame, {}
    group, results = step[1].over(frame)
    changes = [{} if isinstance(result, Failed) else dict(result) for result in results]
    columns = {}
    for key in dict.fromkeys(key for change in changes for key in change):
        if key in frame.columns:
            columns[key] = _replaced(
                frame.columns[key], group, [change.get(key) for change in changes])
    return frame.over(columns), _failures(group, results)


def _map_all(frame: Frame, steps, failed: dict[int, Failed]) -> tuple[Frame, dict[int, Failed]]:
    """``frame`` with irrelevant parameters as N/A; the first failure of each row stays."""
    columns = {}
    for key, step in steps:
        group, results = step.over(frame)
        failed = {**_failures(group, results), **failed}
        if key in frame.columns:
            columns[key] = _replaced(
                frame.columns[key], group,
                ["N/A" if result is False else None for result in results])
    return frame.over(columns), failed


def _failures(group: np.ndarray, results: list) -> dict[int, Failed]:
    wrong = np.array([isinstance(result, Failed) for result in results], bool)
    if not wrong.any():
        return {}
    return {row: results[group[row]] for row in np.flatnonzero(wrong[group]).tolist()}


def _replaced(column: Column, group: np.ndarray, values: list[str | None]) -> Column:
    """``column`` with other values in groups where ``values`` has one."""
    texts = dict.fromkeys(value for value in values if value is not None)
    if not texts:
        return column
    new = {text: number for number, text in enumerate(texts, len(column.values))}
    codes = np.array([new.get(value, -1) for value in values], np.int32)[group]
    return Column(np.where(codes >= 0, codes, column.codes), [*column.values, *texts])


__all__ = ["ASK_LIBRARY", "OMITTED", "CompiledRule", "Plan"]
