"""What an explanation tells, on small rules whose answers are known."""

from __future__ import annotations

import json

import pytest

HEAD = {
    "mapping": "REFERENCE", "observatory": "HST", "name": "hst_acs_test_0001.rmap",
    "instrument": "ACS", "filekind": "TESTFILE", "derived_from": "by hand", "sha1sum": "none",
    "classes": ("Match", "UseAfter"),
    "parkey": (("DETECTOR", "FILTER", "SUBARRAY"), ("DATE-OBS", "TIME-OBS")),
}

SELECTOR = """Match({
    ('WFC', 'F606W|F814W', 'N/A') : UseAfter({
        '2001-01-01 00:00:00' : 'old_flt.fits',
        '2010-01-01 00:00:00' : 'mid_flt.fits',
    }),
    ('WFC', 'F606W', 'GENERIC') : UseAfter({
        '2010-01-01 00:00:00' : 'aaa_flt.fits',
        '2012-01-01 00:00:00' : 'new_flt.fits',
    }),
    ('WFC', '*', 'FULL') : UseAfter({
        '2015-01-01 00:00:00' : 'full_flt.fits',
    }),
    ('HRC', 'F606W', 'N/A') : 'N/A',
    ('SBC', 'F115LP', 'FULL') : UseAfter({
        '2001-01-01 00:00:00' : 'sbc_flt.fits',
    }),
})"""

DATASET = {"DETECTOR": "wfc", "FILTER": "F606W", "SUBARRAY": "FULL", "DATE-OBS": "2011-06-01",
           "TIME-OBS": "00:00:00", "INSTRUME": "ACS"}


@pytest.fixture(autouse=True)
def acs(library, tmp_path):
    library("hst", tmp_path)


def text(selector: str = SELECTOR, **header) -> str:
    fields = {**HEAD, **header}
    rows = "".join(f"    {name!r} : {value!r},\n" for name, value in fields.items())
    return f"header = {{\n{rows}}}\n\nselector = {selector}\n"


def one(selector: str = SELECTOR, dataset: dict | None = None, rules: dict | None = None,
        **changes):
    """The explanation of one type; ``changes`` are parameters, None takes one away."""
    from crds.core import rmap

    from rules.explaining import explain_rule

    rule = rmap.ReferenceMapping.from_string(
        text(selector, **(rules or {})), "hst_acs_test_0001.rmap", ignore_checksum=True)
    header = {**(dataset or DATASET), **changes}
    explanation = explain_rule(rule, {k: v for k, v in header.items() if v is not None})
    assert explanation.agrees
    assert json.loads(json.dumps(explanation.as_dict()))["agrees"] is True
    return explanation.types[0]


def marks(case) -> dict[str, str]:
    return {cell.parameter: str(cell.mark) for cell in case.cells}


def test_equal_weights_are_merged_and_heavier_ones_tried_first():
    found = one()
    first, merged = found.lookups[0].trace.groups[:2]
    assert (first.weight, first.tried, first.chosen) == (3, True, False)
    assert first.below.error_kind == "UseAfterError"
    assert merged.chosen and merged.weight == 2
    assert [case.key[1] for case in merged.cases] == ["F606W", "F606W|F814W"]
    assert found.result == "mid_flt.fits" and found.files == ["mid_flt.fits"]


def test_a_collision_of_dates_names_the_file_that_lost():
    line = one().lookups[0].trace.groups[1].below
    assert line.value == "2011-06-01 00:00:00"
    assert [(entry.key[:4], entry.choice, entry.chosen) for entry in line.entries] == [
        ("2001", "old_flt.fits", False), ("2010", "mid_flt.fits", True),
        ("2012", "new_flt.fits", False)]
    chosen = line.entries[1]
    assert chosen.cases == [1] and chosen.replaced == ["aaa_flt.fits"]


def test_cells_say_what_each_parameter_did():
    trace = one().lookups[0].trace
    assert marks(trace.groups[1].cases[0]) == {
        "DETECTOR": "matched", "FILTER": "matched", "SUBARRAY": "neutral"}
    generic = trace.groups[1].cases[0].cells[2]
    assert (generic.written, generic.pattern, generic.substituted) == ("GENERIC", "N/A", True)
    assert not any(cell.substituted for cell in trace.groups[1].cases[1].cells)
    assert "the rules read GENERIC as N/A" in generic.note
    assert "any value matches" in trace.groups[0].cases[0].cells[1].note


def test_misses_come_nearest_first_with_what_would_be_needed():
    trace = one(FILTER="F550M", SUBARRAY="HALF").lookups[0].trace
    assert trace.error_kind == "MatchingError" and not trace.groups
    assert trace.misses[0].failed == 1 and trace.misses[-1].failed >= trace.misses[0].failed
    hints = {hint.parameter: hint.patterns for hint in trace.hints}
    assert hints["FILTER"] == ["F606W", "F606W|F814W"]
    assert hints["SUBARRAY"] == ["FULL"]
    assert sum(trace.missed.values()) == trace.total == 5


@pytest.mark.parametrize(("changes", "cause", "outcome", "says"), [
    ({}, "matched", "file", "1 heavier case had no date early enough"),
    ({"DETECTOR": "HRC"}, "case not applicable", "n/a", "not applicable for these values"),
    ({"DATE-OBS": "1999-01-01"}, "before the first date", "error",
     "lies before the first date 2001-01-01"),
    ({"DETECTOR": "XXX"}, "value not in the rules", "error", "DETECTOR is XXX"),
    ({"DETECTOR": None}, "parameter missing", "error", "DETECTOR is needed"),
    ({"DATE-OBS": None}, "parameter missing", "error", "DATE-OBS is needed"),
    ({"DATE-OBS": "yesterday"}, "date not readable", "error", "cannot be read"),
    ({"DETECTOR": "SBC"}, "no case matches", "error",
     "The nearest case fails in 1 parameter: FILTER is F606W and it wants F115LP"),
])
def test_causes_and_their_words(changes, cause, outcome, says):
    found = one(**changes)
    assert (found.cause, found.outcome) == (cause, outcome)
    assert says in found.reason
    assert found.advice or outcome == "file"


def test_a_type_that_is_not_required_is_not_applicable_where_nothing_matches():
    found = one(rules={"reffile_required": "NO"}, DETECTOR="SBC")
    assert (found.cause, found.result) == ("not required", "NOT FOUND n/a")
    assert "None of 5 cases matches" in found.reason


def test_relevance_and_omission_stop_before_the_lookup():
    found = one(rules={"rmap_relevance": "(DETECTOR == 'HRC')"})
    assert found.cause == "rmap_relevance" and not found.lookups
    (condition,) = found.expressions
    assert condition.result is False and condition.values == {"DETECTOR": "WFC"}
    found = one(rules={"rmap_omit": "(FILTER == 'F606W')"})
    assert (found.cause, found.outcome, found.result) == ("rmap_omit", "omitted", None)


def test_a_condition_that_cannot_be_evaluated_counts_as_true_and_says_so():
    found = one(rules={"rmap_relevance": "(NOWHERE == 'X')"})
    (condition,) = found.expressions
    assert condition.result is None and "NOWHERE" in condition.error
    assert found.cause == "matched"


def test_irrelevant_parameters_become_na_with_the_reason():
    found = one(rules={"parkey_relevance": {"filter": "(DETECTOR != 'SBC')"}}, DETECTOR="SBC")
    (change,) = found.lookups[0].changes
    assert (change.parameter, change.before, change.after) == ("FILTER", "F606W", "N/A")
    assert "(DETECTOR != 'SBC') is false" in change.reason
    assert found.result == "sbc_flt.fits"


def test_the_fallback_is_told_with_what_it_changed():
    selector = """Match({
        ('A', 'B') : UseAfter({'2001-01-01 00:00:00' : 'ab_flt.fits'}),
        ('B', 'C') : UseAfter({'2001-01-01 00:00:00' : 'bc_flt.fits'}),
        ('C', 'B') : UseAfter({'2001-01-01 00:00:00' : 'cb_flt.fits'}),
    })"""
    rules = {"instrument": "WFPC2", "filekind": "FLATFILE",
             "parkey": (("FILTER1", "FILTER2"), ("DATE-OBS", "TIME-OBS")),
             "hooks": {"fallback_header": "fallback_header_wfpc2_flatfile_v1"}}
    found = one(selector, rules=rules, FILTER1="B", FILTER2="A")
    assert found.cause == "fallback" and found.result == "ab_flt.fits"
    assert [lookup.name for lookup in found.lookups] == ["first", "fallback"]
    assert {change.parameter: change.after for change in found.lookups[1].changes} == {
        "FILTER1": "A", "FILTER2": "B"}
    assert "the other way round" in found.lookups[1].changes[0].reason


def test_the_window_around_the_chosen_date_counts_what_it_leaves_out():
    from crds.core import rmap

    from rules.explaining import Extent, explain_rule

    rows = "".join(f"'20{year:02}-01-01 00:00:00' : 'f{year}.fits',\n" for year in range(40))
    rule = rmap.ReferenceMapping.from_string(
        text(f"Match({{('WFC', 'F606W', 'N/A') : UseAfter({{\n{rows}}}),}})"),
        "hst_acs_test_0001.rmap", ignore_checksum=True)
    found = explain_rule(rule, DATASET, extent=Extent(entries=2)).types[0]
    line = found.lookups[0].trace.groups[0].below
    assert [entry.key[:4] for entry in line.entries] == ["2009", "2010", "2011", "2012", "2013"]
    assert (line.skipped_before, line.skipped_after, line.total) == (9, 26, 40)
    assert line.keys == ["2000-01-01 00:00:00", "2039-01-01 00:00:00"]


def test_parameters_tell_how_values_were_put_into_one_form():
    from crds.core import rmap

    from rules.explaining import explain_rule

    rule = rmap.ReferenceMapping.from_string(text(), "hst_acs_test_0001.rmap",
                                             ignore_checksum=True)
    found = explain_rule(rule, {**DATASET, "SUBARRAY": "any", "FILTER": "3"})
    by_name = {parameter.name: parameter for parameter in found.parameters}
    assert (by_name["DETECTOR"].given, by_name["DETECTOR"].used) == ("wfc", "WFC")
    assert by_name["SUBARRAY"].used == "*" and by_name["FILTER"].used == "3.0"
    assert all(by_name[name].note for name in ("DETECTOR", "SUBARRAY", "FILTER"))


def test_lines_of_cases_are_those_of_the_text():
    from rules.explaining import places

    whole = text()
    found = places.lines(whole)
    rows = whole.splitlines()
    assert len(found) == 5
    for key, number in found.items():
        assert rows[number - 1].strip().startswith(repr(key))


def test_a_large_type_is_explained_at_once():
    import time

    from crds.core import rmap

    from rules.explaining import explain_rule

    rows = "".join(
        f"    ('WFC', 'F{number}W', 'S{number % 7}') : UseAfter({{"
        f"'2001-01-01 00:00:00' : 'f{number}.fits'}}),\n" for number in range(5000))
    rule = rmap.ReferenceMapping.from_string(text(f"Match({{\n{rows}}})"),
                                             "hst_acs_test_0001.rmap", ignore_checksum=True)
    explain_rule(rule, DATASET)
    started = time.perf_counter()
    found = explain_rule(rule, {**DATASET, "FILTER": "F606W", "SUBARRAY": "S4"})
    assert found.agrees and found.types[0].result == "f606.fits"
    assert time.perf_counter() - started < 1.0


@pytest.mark.parametrize(("parameter", "short"), [
    ("DETECTOR", "DETECTOR"), ("META.INSTRUMENT.FILTER", "FILTER"),
    ("META.SUBARRAY.NAME", "SUBARRAY.NAME"), ("META.EXPOSURE.TYPE", "EXPOSURE.TYPE"),
    ("ROMAN.META.INSTRUMENT.OPTICAL_ELEMENT", "OPTICAL_ELEMENT"),
])
def test_parameters_have_short_names(parameter, short):
    from rules.explaining import wording

    assert wording.short(parameter) == short


def test_hooks_that_are_described_are_those_of_the_library():
    from crds.hst import acs, wfc3, wfpc2

    from rules.explaining import hooks

    known = [name for module in (acs, wfc3, wfpc2) for name in dir(module)]
    for family in hooks._WORDS:
        versions = [name for name in known if name.startswith(f"{family}_v")]
        assert versions, family
        for name in versions:
            hook = next(getattr(m, name) for m in (acs, wfc3, wfpc2) if hasattr(m, name))
            for parameter in hooks._WORDS[family]:
                assert name in hooks.reason(hook, parameter)
                assert len(hooks.reason(hook, parameter)) > len(name) + 30
    assert hooks.reason(len, "X") == "the library's rule len"
