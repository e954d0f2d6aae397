"""Explanations in plain sentences."""

from __future__ import annotations

from .causes import culprit
from .model import Case, Cause, Cell, Group, Mark, Outcome, Trace, TypeExplanation

#: Most parameters and values that a sentence names.
FEW = 6
#: Longest pattern that a sentence shows whole.
LONGEST = 16


def describe(one: TypeExplanation) -> None:
    """Fill in ``reason`` and ``advice``."""
    one.reason = _REASONS[one.cause](one)
    one.advice = _ADVICE.get(one.cause, "")
    if one.outcome is Outcome.ERROR and one.required == "YES":
        one.advice = (one.advice + " The rules say that this type is required.").strip()


# ---- reasons -------------------------------------------------------------------


def _matched(one: TypeExplanation) -> str:
    return _story(_trace(one))


def _fallback(one: TypeExplanation) -> str:
    return ("The header's own values give no file; with the values of the library's fallback, "
            + _story(_trace(one)))


def _case_not_applicable(one: TypeExplanation) -> str:
    return ("The rules declare this type not applicable for these values: "
            + _story(_trace(one)))


def _case_omitted(one: TypeExplanation) -> str:
    return "The rules leave this type out for these values: " + _story(_trace(one))


def _relevance(one: TypeExplanation) -> str:
    condition = next(each for each in one.expressions if each.kind == "rmap_relevance")
    return (f"The rules apply only where {condition.source} holds; here it does not"
            f"{_values(condition.values)}.")


def _omit(one: TypeExplanation) -> str:
    condition = next(each for each in one.expressions if each.kind == "rmap_omit")
    return (f"The rules leave this type out where {condition.source} holds; here it does"
            f"{_values(condition.values)}.")


def _not_required(one: TypeExplanation) -> str:
    return "The type is not required here, and the lookup found nothing: " + _failure(one)


def _not_reprocessed(one: TypeExplanation) -> str:
    return ("The lookup found nothing, and the library never reprocesses such exposures: "
            "detector WFC with a gain of 0.5 or 1.4.")


def _several(one: TypeExplanation) -> str:
    group = next(each for each in _trace(one).groups if each.chosen)
    return (f"{len(group.cases)} cases of equal weight {group.weight} match, each with an answer"
            " of its own, and the library gives all of them.")


def _unmergeable(one: TypeExplanation) -> str:
    trace = _trace(one)
    group = next(each for each in trace.groups if not each.tried)
    return (f"{len(group.cases)} cases match with equal weight {group.weight}, and the library"
            f" cannot merge them: {trace.error}.")


def _failed(one: TypeExplanation) -> str:
    return _failure(one)


def _other(one: TypeExplanation) -> str:
    broken = next((each for each in one.expressions if each.error), None)
    if broken is not None and not one.lookups:
        return f"The condition {broken.source} could not be evaluated: {broken.error}."
    return "The library stopped with: " + (one.result or "").removeprefix("NOT FOUND ")


_REASONS = {
    Cause.MATCHED: _matched,
    Cause.FALLBACK: _fallback,
    Cause.TYPE_NOT_APPLICABLE:
        lambda one: f"The context declares {one.filekind} not applicable for the instrument.",
    Cause.TYPE_OMITTED:
        lambda one: f"The context leaves {one.filekind} out for the instrument.",
    Cause.UNKNOWN_TYPE:
        lambda one: f"The context has no rules for a type {one.filekind}.",
    Cause.RELEVANCE: _relevance,
    Cause.OMIT: _omit,
    Cause.CASE_NOT_APPLICABLE: _case_not_applicable,
    Cause.CASE_OMITTED: _case_omitted,
    Cause.NOT_REQUIRED: _not_required,
    Cause.NOT_REPROCESSED: _not_reprocessed,
    Cause.NO_CASE: _failed,
    Cause.TOO_EARLY: _failed,
    Cause.MISSING_PARAMETER: _failed,
    Cause.UNKNOWN_VALUE: _failed,
    Cause.BAD_DATE: _failed,
    Cause.BAD_NUMBER: _failed,
    Cause.SEVERAL: _several,
    Cause.UNMERGEABLE: _unmergeable,
    Cause.OTHER: _other,
}

_ADVICE = {
    Cause.TYPE_NOT_APPLICABLE:
        "Not an error: calibration does not use such a file for this instrument.",
    Cause.RELEVANCE:
        "Not an error: calibration does not use such a file for these settings.",
    Cause.CASE_NOT_APPLICABLE:
        "Not an error: calibration does not use such a file for these settings.",
    Cause.OMIT: "The type does not appear among the answers at all.",
    Cause.CASE_OMITTED: "The type does not appear among the answers at all.",
    Cause.TYPE_OMITTED: "The type does not appear among the answers at all.",
    Cause.NOT_REQUIRED:
        "Calibration does without it. The nearest cases below show what would have matched.",
    Cause.NO_CASE:
        "No file was delivered for these values. The nearest cases below show which values"
        " the rules have.",
    Cause.TOO_EARLY:
        "A file whose USEAFTER date is not later than the exposure is needed.",
    Cause.MISSING_PARAMETER: "Add the parameter to the header.",
    Cause.UNKNOWN_VALUE:
        "Check the spelling of the value; if it is right, no file was delivered for it.",
    Cause.BAD_DATE: "Write dates as YYYY-MM-DD and times as hh:mm:ss.",
    Cause.SEVERAL: "The rules have to be corrected; until then none of the files is the best.",
    Cause.UNMERGEABLE: "The rules have to be corrected so that one of the cases weighs more.",
    Cause.UNKNOWN_TYPE: "Check the name of the type, or ask under another context.",
}


# ---- what a lookup did -------------------------------------------------------------


def _trace(one: TypeExplanation) -> Trace:
    return one.lookups[-1].trace


def _story(trace: Trace) -> str:
    """How a lookup came to its answer."""
    if trace.selector != "Match":
        return _capital(_line(trace, "")) + "."
    group = next(each for each in trace.groups if each.chosen)
    parts = [_matches(trace, group)]
    passed = sum(len(each.cases) for each in trace.groups if each.tried and not each.chosen)
    if passed:
        parts.append(f"{_count(passed, 'heavier case')} had no date early enough")
    if group.below is not None:
        parts.append(_line(group.below, "its" if len(group.cases) == 1 else "their"))
    return "; ".join(parts) + "."


def _matches(trace: Trace, group: Group) -> str:
    candidates = sum(len(each.cases) for each in trace.groups)
    total = _count(trace.total, "case")
    if not trace.parameters:
        return "The rules of this type match every header"
    if trace.total == 1:
        return f"The only case matches: {case_text(group.cases[0])}"
    if candidates == 1:
        return f"1 of {total} matches: {case_text(group.cases[0])}"
    if len(group.cases) > 1:
        return (f"{candidates} of {total} match; {len(group.cases)} of equal weight"
                f" {group.weight} were merged: {case_text(group.cases[0])} and"
                f" {_count(len(group.cases) - 1, 'other')}")
    return (f"{candidates} of {total} match; the one with most weight ({group.weight}) that has"
            f" an answer is {case_text(group.cases[0])}"
            if any(each.tried and not each.chosen for each in trace.groups) else
            f"{candidates} of {total} match; the one with most weight ({group.weight}) is"
            f" {case_text(group.cases[0])}")


def _line(trace: Trace, whose: str) -> str:
    """How an ordered selector chose."""
    if trace.selector == "Match":
        return "inside it " + _story(trace).rstrip(".")
    chosen = [entry for entry in trace.entries if entry.chosen]
    if not chosen:
        return "nothing was chosen"
    key = chosen[0].key
    count = f"of {whose} " if whose else "of "
    if trace.selector == "UseAfter":
        if trace.total == 1:
            return (f"the exposure of {trace.value} does not lie before {whose or 'the'} only date"
                    f" {key}")
        return (f"{count}{_count(trace.total, 'date')}, {key} is the last not after the exposure"
                f" of {trace.value}")
    if trace.selector == "VersionAfter":
        return (f"{count}{_count(trace.total, 'version')}, {key} is the last not after"
                f" {trace.value}")
    if trace.selector == "Bracket":
        keys = " and ".join(entry.key for entry in chosen)
        return f"{count}{_count(trace.total, 'value')}, {keys} enclose {trace.value}"
    if trace.selector == "SelectVersion":
        return f"{trace.value} falls under {key}"
    return f"{count}{_count(trace.total, 'value')}, {key} is nearest to {trace.value}"


def _failure(one: TypeExplanation) -> str:
    """How the decisive lookup failed."""
    if not one.lookups:
        return "A date or time that these rules need is not in the header."
    trace = _trace(one)
    if one.cause is Cause.UNMERGEABLE:
        return _unmergeable(one)
    if problem := _unreadable(trace.error):
        return problem
    name, value = culprit(trace.error)
    if name and value == "UNDEFINED":
        return f"{name} is needed to select and is not in the header.{_also_missing(trace, name)}"
    if name:
        return (f"{name} is {_shown(value)}, a value that no case of these rules has."
                + _nearest(trace))
    tried = [group for group in trace.groups if group.tried and group.below]
    if tried:
        return _too_early(trace, tried)
    if trace.error_kind in ("UseAfterError", "VersionAfterError"):
        return _before_all(trace)
    if trace.error_kind == "MatchingError":
        none = ("The only case does not match." if trace.total == 1 else
                f"None of {trace.total} cases matches.")
        return none + _nearest(trace)
    return f"The library stopped with: {trace.error}"


def _also_missing(trace: Trace, name: str) -> str:
    """Other parameters that keep the nearest case from matching because they are missing."""
    cells = trace.misses[0].cells if trace.misses else []
    others = [short(cell.parameter) for cell in cells
              if cell.mark is Mark.FAILED and cell.value == "UNDEFINED" and cell.parameter != name]
    return f" Missing are also {', '.join(others)}." if others else ""


def _unreadable(error: str) -> str:
    """A date or number that cannot be read, in words; empty for other errors."""
    value = error.partition("value = ")[2].partition(" exception is ")[0]
    if "Invalid date/time format" in error:
        return f"The date of the exposure cannot be read: {value}."
    if "Invalid number for" in error:
        return f"The rules need a number and the header has {value}."
    return ""


def _before_all(trace: Trace) -> str:
    what, item = (("The exposure of " + trace.value, "date") if trace.selector == "UseAfter"
                  else ("Version " + trace.value, "version"))
    if not trace.keys:
        return f"The rules hold no {item}."
    return f"{what} lies before the first {item} {trace.keys[0]}."


def _too_early(trace: Trace, tried: list[Group]) -> str:
    cases = sum(len(group.cases) for group in tried)
    firsts = [group.below.keys[0] for group in tried if group.below.keys]
    value = next((group.below.value for group in tried if group.below.value), "")
    if not firsts or not value:
        return (f"{cases} of {_count(trace.total, 'case')} match, but hold no answer:"
                f" {tried[-1].error or 'there are no dates'}.")
    verb = "matches" if cases == 1 else "match"
    count = "The only case" if trace.total == 1 else f"{cases} of {trace.total} cases"
    return (f"{count} {verb}, but the exposure of {value} lies"
            f" before the first date {min(firsts)}.")


def _nearest(trace: Trace) -> str:
    """The nearest miss in words."""
    if not trace.misses:
        return ""
    nearest = trace.misses[0]
    failed = [cell for cell in nearest.cells if cell.mark is Mark.FAILED]
    wants = ", ".join(
        f"{short(cell.parameter)} is {_shown(cell.value)} and it wants {_shown(cell.pattern)}"
        for cell in failed[:3])
    more = f" and {len(failed) - 3} more" if len(failed) > 3 else ""
    return f" The nearest case fails in {_count(len(failed), 'parameter')}: {wants}{more}."


def case_text(case: Case) -> str:
    """A case by the values that count: ``DETECTOR=WFC, FILTER1=F606W``."""
    telling = [cell for cell in case.cells if cell.mark is Mark.MATCHED]
    if not telling:
        return "neutral in every parameter" if case.cells else "the only case"
    shown = ", ".join(f"{short(cell.parameter)}={_pattern(cell)}" for cell in telling[:FEW])
    return shown + (f" and {len(telling) - FEW} more" if len(telling) > FEW else "")


def _pattern(cell: Cell) -> str:
    """A pattern; of long or-bars only the value that matches."""
    values = cell.pattern.split("|")
    if len(cell.pattern) > LONGEST and len(values) > 1:
        return f"{cell.value} (one of {len(values)})"
    return _shown(cell.pattern)


def short(parameter: str) -> str:
    """The telling end of a data model's name: META.INSTRUMENT.FILTER is FILTER.

    Ends that several names share keep the part before: SUBARRAY.NAME, EXPOSURE.TYPE.
    """
    if not parameter.startswith(("META.", "ROMAN.")):
        return parameter
    parts = parameter.split(".")
    return ".".join(parts[-2:]) if parts[-1] in ("NAME", "TYPE") else parts[-1]


def _shown(value: str) -> str:
    return value if value.strip() else "blank"


def _values(values: dict[str, str]) -> str:
    if not values:
        return ""
    return ": " + ", ".join(f"{name} is {value}" for name, value in values.items())


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
