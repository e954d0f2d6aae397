"""One type: the rule file's conditions, its hooks, its selectors.

:func:`explain_type` mirrors ``get_best_ref`` and ``_get_best_ref`` of the library's
``ReferenceMapping``, step by step and with its own methods.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import CodeType
from typing import Any

from crds import data_file
from crds.core import rmap, utils
from crds.core.exceptions import (
    CrdsUnknownReftypeError,
    IrrelevantReferenceTypeError,
    OmitReferenceTypeError,
)

from . import hooks
from .causes import classify, classify_error
from .model import Cause, Change, Expression, Lookup, Outcome, TypeExplanation
from .tracing import Extent, follow

NOT_FOUND = "NOT FOUND "
NOT_APPLICABLE = NOT_FOUND + "n/a"


@dataclass
class _Ended(Exception):
    """The answer of a type is known."""

    cause: Cause
    result: str | None

    @property
    def outcome(self) -> Outcome:
        if self.result is None:
            return Outcome.OMITTED
        if self.result == NOT_APPLICABLE:
            return Outcome.NOT_APPLICABLE
        return Outcome.ERROR if self.result.startswith(NOT_FOUND) else Outcome.FILE


def explain_filekind(imap: rmap.InstrumentContext, filekind: str, header: Mapping[str, str],
                     extent: Extent) -> TypeExplanation:
    """Explain a type of an instrument, also one that has no rules."""
    filekind = filekind.lower()
    try:
        rules = imap.get_rmap(filekind)
    except IrrelevantReferenceTypeError:
        return _without_rules(filekind, _Ended(Cause.TYPE_NOT_APPLICABLE, NOT_APPLICABLE))
    except OmitReferenceTypeError:
        return _without_rules(filekind, _Ended(Cause.TYPE_OMITTED, None))
    except CrdsUnknownReftypeError as exc:
        return _without_rules(filekind, _Ended(Cause.UNKNOWN_TYPE, NOT_FOUND + str(exc)))
    return explain_type(rules, header, extent)


def _without_rules(filekind: str, ended: _Ended) -> TypeExplanation:
    return TypeExplanation(filekind, None, ended.outcome, ended.cause, ended.result, None, False)


def explain_type(rules: rmap.ReferenceMapping, header: Mapping[str, str],
                 extent: Extent) -> TypeExplanation:
    """Explain what one rule file selects for a header that is minimized and conditioned."""
    walk = _Walk(rules, header, extent)
    try:
        walk.run()
    except _Ended as reached:
        ended = reached
    except Exception as exc:  # as the library: any other error is the type's answer
        ended = _Ended(classify_error(exc), NOT_FOUND + str(exc))
    return TypeExplanation(
        rules.filekind, rules.basename, ended.outcome, ended.cause, ended.result, None, False,
        required=rules._reffile_required, files=walk.files,
        expressions=walk.expressions, lookups=walk.lookups)


class _Walk:
    """``ReferenceMapping._get_best_ref`` with a note after each step."""

    def __init__(self, rules: rmap.ReferenceMapping, header: Mapping[str, str], extent: Extent):
        self.rules = rules
        self.given = dict(header)
        self.extent = extent
        self.expressions: list[Expression] = []
        self.lookups: list[Lookup] = []
        self.files: list[str] = []
        self._changes: list[Change] = []

    def run(self) -> None:
        """Ends with :class:`_Ended` or with the library's error."""
        self._check_conditions()
        header = self.rules._precondition_header(self.rules, self.given)
        self._changes = _compare(self.given, header, self.rules._precondition_header)
        header = self._map_irrelevant(header)
        result, error = self._look_up("first", header)
        if error is None:
            self._end(result, Cause.MATCHED)
        if self.rules.dnr_check(header) is True:
            raise _Ended(Cause.NOT_REPROCESSED, NOT_APPLICABLE)
        self._fall_back(error)

    def _check_conditions(self) -> None:
        header = utils.condition_header_keys(self.given)
        source, compiled = self.rules._rmap_omit_expr
        omit = _evaluate("rmap_omit", "", source, compiled, header)
        omit.effect = "the type is left out" if omit.result else "the type is kept"
        if "rmap_omit" in self.rules.header:
            self.expressions.append(omit)
        try:
            self.rules.check_rmap_omit(header)
        except OmitReferenceTypeError:
            raise _Ended(Cause.OMIT, None) from None
        source, compiled = self.rules._rmap_relevance_expr
        relevance = _evaluate("rmap_relevance", "", source, compiled, header)
        relevance.effect = ("the type is not applicable" if relevance.result is False
                            else "the type applies")
        if source != "True":  # what "always" stands for
            self.expressions.append(relevance)
        try:
            self.rules.check_rmap_relevance(header)
        except IrrelevantReferenceTypeError:
            raise _Ended(Cause.RELEVANCE, NOT_APPLICABLE) from None

    def _map_irrelevant(self, header: Mapping[str, str]) -> dict[str, str]:
        """Parameters that do not matter here become N/A; the reasons are noted."""
        self._note_relevance(header)
        mapped = self.rules.map_irrelevant_parkeys_to_na(header)
        self._changes += [
            Change(name, header.get(name, "UNDEFINED"), value, self._irrelevance(name))
            for name, value in mapped.items() if header.get(name) != value]
        return mapped

    def _irrelevance(self, name: str) -> str:
        if name.lower() in self.rules._comment_parkeys:
            return "a comment of the rules, never matched"
        source, _ = self.rules._parkey_relevance_exprs[name.lower()]
        return f"does not matter here: {source} is false"

    def _note_relevance(self, header: Mapping[str, str]) -> None:
        needed = self.rules._required_parkeys
        seen = utils.condition_header_keys(
            data_file.ensure_keys_defined(dict(header), needed_keys=needed))
        seen["keep_comments"] = False
        self.expressions = [one for one in self.expressions if one.kind != "parkey_relevance"]
        for name in needed:
            if name.lower() in self.rules._parkey_relevance_exprs:
                source, compiled = self.rules._parkey_relevance_exprs[name.lower()]
                one = _evaluate("parkey_relevance", name, source, compiled, seen)
                one.effect = (f"{name} does not matter: it becomes N/A" if one.result is False
                              else f"{name} takes part")
                self.expressions.append(one)

    def _look_up(self, name: str, header: Mapping[str, str]) -> tuple[Any, Exception | None]:
        found = follow(self.rules.selector, header, self.extent)
        error = found.error
        values = {key: str(header.get(key, "UNDEFINED")) for key in self._matched_parameters()}
        self.lookups.append(Lookup(
            name, values, self._changes, found.trace,
            None if error else found.trace.result, str(error) if error else ""))
        self._changes = []
        return found.choice, error

    def _matched_parameters(self) -> list[str]:
        names = []
        for key in self.rules.parkey:
            names += list(key) if isinstance(key, tuple) else [key]
        return names

    def _fall_back(self, first: Exception) -> None:
        """The second try with another header, where the instrument has one."""
        error = first
        before = dict(self.given)  # a hook may change what it is given
        # The library guards the second lookup and not the hook, whose error is the answer.
        header = self.rules._fallback_header(self.rules, self.given)
        if header:
            try:
                minimized = self.rules.minimize_header(header)
                self._changes = _compare(before, minimized, self.rules._fallback_header)
                result, error = self._look_up("fallback", self._map_irrelevant(minimized))
            except Exception as exc:
                error = exc
            if error is None:
                self._end(result, Cause.FALLBACK)
        if self.rules._reffile_required not in ("YES", "NONE"):
            raise _Ended(Cause.NOT_REQUIRED, NOT_APPLICABLE)
        raise _Ended(classify(self.lookups[-1].trace), NOT_FOUND + str(error))

    def _end(self, choice: Any, cause: Cause) -> None:
        """Choices that are not files mean that the type does not apply or is left out."""
        if rmap.MappingSelectionsDict.is_na_value(choice):
            raise _Ended(Cause.CASE_NOT_APPLICABLE, NOT_APPLICABLE)
        if choice is None or rmap.MappingSelectionsDict.is_omit_value(choice):
            raise _Ended(Cause.CASE_OMITTED, None)
        if isinstance(choice, tuple) and self._merged_without_rule():
            cause = Cause.SEVERAL
        self.files = _files(choice)
        raise _Ended(cause, str(choice))

    def _merged_without_rule(self) -> bool:
        """Whether the answer is that of several cases, and not of one bracket."""
        chosen = [group for group in self.lookups[-1].trace.groups if group.chosen]
        return any(len(group.cases) > 1 and group.below is None for group in chosen)


def _files(choice: Any) -> list[str]:
    """File names in an answer: one text, or the texts of a tuple or a dictionary."""
    if isinstance(choice, str):
        return [choice]
    parts = choice.values() if isinstance(choice, dict) else choice
    names = [name for part in parts for name in (_files(part) if _holds_names(part) else [])]
    return [name for name in dict.fromkeys(names) if not rmap.is_special_value(name)]


def _holds_names(part: Any) -> bool:
    return isinstance(part, (str, tuple, dict))


def _compare(before: Mapping[str, str], after: Mapping[str, str],
             hook: Callable) -> list[Change]:
    """What a hook of the library changed in a header."""
    return [Change(name, before.get(name, "UNDEFINED"), str(value), hooks.reason(hook, name))
            for name, value in after.items() if before.get(name, "UNDEFINED") != value]


def _evaluate(kind: str, parameter: str, source: str, compiled: CodeType,
              header: Mapping[str, Any]) -> Expression:
    """The value of an expression that the library has checked and compiled."""
    read = {name: str(header.get(name, "not in the header"))
            for name in compiled.co_names if name not in ("keep_comments", "True", "False")}
    one = Expression(kind, parameter, source, None, "", read)
    try:
        one.result = bool(eval(compiled, {}, dict(header)))  # names and operators only, checked
    except Exception as exc:
        one.error = str(exc)
    return one
