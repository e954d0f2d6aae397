"""Edits by hand: what the rows are afterwards, and the rule file that they make."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rules import tables
from rules.editing import edited, rule_text, steps

ROWS = [(("A", "X", "2001-01-01 00:00:00"), "a.fits"), (("A", "X", "2002-01-01 00:00:00"),
        "b.fits"), (("B", "*", "2001-01-01 00:00:00"), "a.fits")]
NEW = ("A", "X", "2003-01-01 00:00:00")


def do(*edits, rows=ROWS) -> steps.Edited:
    return steps.apply(rows, [steps.clean(edit, 3, True) for edit in edits], True)


EDITS = {
    "add": ({"do": "add", "values": NEW, "reference": "c.fits"}, {NEW: "c.fits"}, set()),
    "replace": ({"do": "replace", "values": ROWS[0][0], "reference": "c.fits"},
                {ROWS[0][0]: "c.fits"}, set()),
    "everywhere": ({"do": "replace-all", "reference": "a.fits", "by": "c.fits"},
                   {ROWS[0][0]: "c.fits", ROWS[2][0]: "c.fits"}, set()),
    "move": ({"do": "move", "values": ROWS[0][0], "to": NEW}, {NEW: "a.fits"}, {ROWS[0][0]}),
    "delete": ({"do": "delete", "values": ROWS[1][0]}, {}, {ROWS[1][0]}),
    "change case": ({"do": "change-case", "case": ("B", "*"), "to": ("C", "*")},
                    {("C", "*", "2001-01-01 00:00:00"): "a.fits"}, {ROWS[2][0]}),
    "copy case": ({"do": "copy-case", "case": ("B", "*"), "to": ("C", "*")},
                  {("C", "*", "2001-01-01 00:00:00"): "a.fits"}, set()),
    "delete case": ({"do": "delete-case", "case": ("A", "X")}, {}, {ROWS[0][0], ROWS[1][0]}),
}


@pytest.mark.parametrize("name", EDITS)
def test_each_edit(name):
    step, new, gone = EDITS[name]
    result = do(step)
    expected = {values: ref for values, ref in ROWS if values not in gone} | new
    assert result.present == expected and result.problems == []
    assert steps.in_words(step, ["ONE", "TWO", "USEAFTER"])


def test_edits_that_do_not_fit_are_left_out():
    delete = {"do": "delete", "values": ROWS[0][0]}
    result = do(delete, delete, {"do": "add", "values": ROWS[1][0], "reference": "c.fits"})
    assert [number for number, _ in result.problems] == [1, 2]
    assert "already, with 'b.fits'" in result.problems[1][1]


def test_what_was_deleted_can_be_added_again():
    result = do({"do": "delete", "values": ROWS[0][0]},
                {"do": "add", "values": ROWS[0][0], "reference": "a.fits"})
    assert result.changed == [] and result.present == dict(ROWS)


@pytest.mark.parametrize("step", [
    None, {}, {"do": "apply"}, {"do": "add", "values": ["A"], "reference": "c.fits"},
    {"do": "add", "values": ["A", "", NEW[2]], "reference": "c.fits"},
    {"do": "add", "values": ["A", "X", "2003"], "reference": "c.fits"},
    {"do": "add", "values": NEW, "reference": "../c.fits"},
    {"do": "add", "values": NEW, "reference": "<b>"},
    {"do": "add", "values": ["A\x00", "X", NEW[2]], "reference": "c.fits"},
    {"do": "replace", "values": [["A"], "X", NEW[2]], "reference": "c.fits"},
    {"do": "delete", "values": "AX2"}, {"do": "add", "values": ["A" * 500, "X", NEW[2]]},
])
def test_bad_edits(step):
    with pytest.raises(steps.BadStep):
        steps.clean(step, 3, True)


# ---- rule files ------------------------------------------------------------


@pytest.fixture
def real(test_data, library):
    def read(observatory: str, name: str) -> str:
        library(observatory, test_data / "crds-cache")
        return (test_data / "crds-cache" / "mappings" / observatory / name).read_text()
    return read


def test_edited_rules(real):
    name = "hst_acs_idctab_0254.rmap"
    text = real("hst", name)
    row = next(row for row in tables.read(name, text.encode()).rows if row.values[0] == "WFC")
    other = (row.values[0], "2030-01-01 00:00:00")
    result = edited.make(name, text, [
        {"do": "replace", "values": list(row.values), "reference": "new_idc.fits"},
        {"do": "add", "values": list(other), "reference": "newer_idc.fits"}])
    assert result.ok and result.findings == []
    table = tables.read(name, result.text.encode())
    assert {found.result for found in table.rows_of("new_idc.fits")} == {"new_idc.fits"}
    assert [found.values for found in table.rows_of("newer_idc.fits")] == [other]
    assert result.section["added"] == ["newer_idc.fits"] and result.section["replaced"]
    assert any(case["new"] == ["newer_idc.fits"] and case["from"] == other[1]
               for case in result.impact["cases"])
    mapping = rule_text.load(name, result.text)
    mapping._check_hash(result.text)
    assert dict.get(mapping.header, "name") == name


def test_values_and_overlaps_are_checked(real):
    name = "jwst_miri_ipc_0005.rmap"
    result = edited.make(name, real("jwst", name), [
        {"do": "add", "values": ["NOWHERE", "2020-01-01 00:00:00"], "reference": "a.fits"},
        {"do": "add", "values": ["MIRIFULONG|MIRIFUSHORT", "2020-01-01 00:00:00"],
         "reference": "b.fits"}])
    assert [found.code for found in result.findings] == [
        "value-not-allowed", "equal-weight", "equal-weight"]
    assert not result.ok
    unchanged = edited.make(name, real("jwst", name), [])
    assert [found.code for found in unchanged.findings] == ["unchanged"] and unchanged.ok


@settings(max_examples=40, deadline=None,
          suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_rows_of_the_file_are_the_edited_rows(real, data):
    """What pages show after random edits is what the file then says."""
    name = "hst_cos_deadtab_0250.rmap"
    text = real("hst", name)
    rows = [(row.values, row.result) for row in tables.read(name, text.encode()).rows]
    value = st.sampled_from(["FUV", "NUV", "FUV|NUV", "N/A"])
    date = st.sampled_from(["1996-10-01 00:00:00", "2005-01-01 00:00:00", "2011-01-01 00:00:00"])
    place = st.one_of(st.tuples(value, date), st.sampled_from([values for values, _ in rows]))
    file = st.sampled_from(["a_dead.fits", "s7g1700gl_dead.fits", "N/A"])
    edit = st.one_of(
        st.builds(lambda v, r: {"do": "add", "values": v, "reference": r}, place, file),
        st.builds(lambda v, r: {"do": "replace", "values": v, "reference": r}, place, file),
        st.builds(lambda v, t: {"do": "move", "values": v, "to": t}, place, place),
        st.builds(lambda v: {"do": "delete", "values": v}, place),
        st.builds(lambda c, t: {"do": "change-case", "case": [c], "to": [t]}, value, value))
    edits = [steps.clean(step, 2, True) for step in data.draw(st.lists(edit, max_size=5))]
    shown = steps.apply(rows, edits, True)
    result = edited.make(name, text, edits)
    if result.text:
        assert {row.values: row.result for row in tables.read(name, result.text.encode()).rows
                } == shown.present
    else:
        assert not result.ok
