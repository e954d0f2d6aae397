"""Two changes of one rule: refused where they touch, both together where they do not."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from rules.editing import deletion, merging, rule_text
from rules.editing.merging import Changes

from . import random_rules

PARKEY = (("DETECTOR", "FILTER"), ("DATE-OBS", "TIME-OBS"))
HEADER = {
    "mapping": "REFERENCE", "observatory": "HST", "instrument": "ACS", "filekind": "IDCTAB",
    "name": "x", "derived_from": "y", "parkey": PARKEY, "sha1sum": ""}

BASE = {("WFC", "F1"): {"2001-01-01 00:00:00": "a_idc.fits", "2005-01-01 00:00:00": "b_idc.fits"},
        ("HRC", "*"): {"2001-01-01 00:00:00": "c_idc.fits"}}


@pytest.fixture(autouse=True)
def hst(library, tmp_path):
    library("hst", tmp_path)


def text(cases: dict, header: dict | None = None) -> str:
    body = "".join(f"  {key!r} : UseAfter({rows!r}),\n" for key, rows in cases.items())
    return f"header = {HEADER | (header or {})!r}\nselector = Match({{\n{body}}})\n"


def rule(name: str, cases: dict, header: dict | None = None) -> rule_text.Rule:
    return rule_text.rule_of(rule_text.load(name, text(cases, header)))


def changed(**cases) -> dict:
    """BASE with other rows: ``WFC={date: name}`` adds to or, with None, removes from a case."""
    keys = {"WFC": ("WFC", "F1"), "HRC": ("HRC", "*"), "SBC": ("SBC", "*")}
    result = {key: dict(rows) for key, rows in BASE.items()}
    for short, rows in cases.items():
        if rows is None:
            del result[keys[short]]
            continue
        merged = {**result.get(keys[short], {}), **rows}
        result[keys[short]] = {date: name for date, name in merged.items() if name}
    return result


def files(folder, **sides):
    paths = []
    for number, content in enumerate(sides.values()):
        cases, header = content if isinstance(content, tuple) else (content, {})
        path = folder / f"hst_acs_idctab_000{number}.rmap"
        path.write_text(rule_text.format_rule(rule(path.name, cases, header)))
        paths.append(path)
    return paths


NEW = "2009-01-01 00:00:00"

TOUCHING = {
    "same row": (changed(WFC={"2005-01-01 00:00:00": "d_idc.fits"}),
                 changed(WFC={"2005-01-01 00:00:00": "e_idc.fits"}), "row"),
    "added twice": (changed(WFC={NEW: "d_idc.fits"}), changed(WFC={NEW: "e_idc.fits"}), "row"),
    "deleted and replaced": (changed(WFC={"2005-01-01 00:00:00": None}),
                             changed(WFC={"2005-01-01 00:00:00": "e_idc.fits"}), "row"),
    "case removed by them": (changed(HRC=None), changed(HRC={NEW: "e_idc.fits"}), "case"),
    "case removed by us": (changed(HRC={NEW: "e_idc.fits"}), changed(HRC=None), "case"),
    "headers": ((BASE, {"rmap_relevance": '(DETECTOR == "WFC")'}),
                (BASE, {"rmap_relevance": '(DETECTOR == "HRC")'}), "header"),
    "two header fields": ((BASE, {"rmap_relevance": "ALWAYS"}), (BASE, {"row_keys": ("A",)}),
                          "header"),
    "parkey and rows": ((BASE, {"merge_overlaps": "false"}),
                        changed(WFC={NEW: "d_idc.fits"}), "structure"),
    "rows and parkey": (changed(WFC={NEW: "d_idc.fits"}),
                        (BASE, {"merge_overlaps": "false"}), "structure"),
}


@pytest.mark.parametrize("case", TOUCHING)
def test_touching_changes_are_refused(tmp_path, case):
    theirs, ours, code = TOUCHING[case]
    paths = files(tmp_path, base=BASE, theirs=theirs, ours=ours)
    found = merging.touch(*paths)
    assert code in {each.code for each in found}
    result = merging.rebase(*paths, tmp_path / "n.rmap", "n.rmap")
    assert result.change is None and result.conflicts == found
    assert not (tmp_path / "n.rmap").exists()


def test_both_sides_are_said_in_words(tmp_path):
    theirs, ours, _ = TOUCHING["same row"]
    (found,) = merging.touch(*files(tmp_path, base=BASE, theirs=theirs, ours=ours))
    assert found.place == "DETECTOR WFC, FILTER F1 from 2005-01-01 00:00:00"
    assert found.theirs == "'b_idc.fits' was replaced by 'd_idc.fits'"
    assert found.ours == "replaces 'b_idc.fits' by 'e_idc.fits'"
    assert found.finding().level == "error" and found.place in found.text


def test_changes_that_do_not_touch_are_both_kept(tmp_path):
    base, theirs, ours = files(
        tmp_path, base=BASE, theirs=changed(WFC={NEW: "d_idc.fits"}, HRC=None),
        ours=changed(WFC={"2005-01-01 00:00:00": None}, SBC={NEW: "e_idc.fits"}))
    result = merging.rebase(base, theirs, ours, tmp_path / "n.rmap", "n.rmap")
    assert rule_text.read(tmp_path / "n.rmap").names() == {
        "a_idc.fits", "d_idc.fits", "e_idc.fits"}
    assert result.change.added == ["e_idc.fits"] and result.change.gone == ["b_idc.fits"]
    mapping = rule_text.load_path(tmp_path / "n.rmap")
    assert dict.get(mapping.header, "derived_from") == theirs.name
    mapping._check_hash((tmp_path / "n.rmap").read_text())


def test_the_same_change_twice_is_no_conflict(tmp_path):
    same = changed(WFC={"2005-01-01 00:00:00": None})
    paths = files(tmp_path, base=BASE, theirs=same, ours=same)
    result = merging.rebase(*paths, tmp_path / "n.rmap", "n.rmap")
    assert result.change.rows == []


def test_new_cases_that_overlap(tmp_path):
    """Forbidden where overlaps are not merged: each alone is right, both together are not."""
    header = {"merge_overlaps": "false"}
    one = {**BASE, ("SBC", "F1"): {NEW: "d_idc.fits"}}
    other = {**BASE, ("SBC", "F1|F2"): {NEW: "e_idc.fits"}}
    paths = files(tmp_path, base=(BASE, header), theirs=(one, header), ours=(other, header))
    assert [found.code for found in merging.touch(*paths)] == ["equal-weight"]


def test_deletion_rebased(tmp_path):
    """A reference that they put into another row goes there, too, or the change is refused."""
    base, theirs, ours = files(tmp_path, base=BASE, theirs=changed(WFC={NEW: "d_idc.fits"}),
                               ours=changed(WFC={"2005-01-01 00:00:00": None}))
    result = merging.rebase_deletion(base, theirs, ours, tmp_path / "n.rmap", "n.rmap",
                                     ["b_idc.fits"])
    assert result.change.gone == ["b_idc.fits"]
    moved = rule("hst_acs_idctab_0001.rmap", changed(SBC={NEW: "b_idc.fits"}))
    theirs.write_text(rule_text.format_rule(moved))
    result = merging.rebase_deletion(base, theirs, ours, tmp_path / "m.rmap", "m.rmap",
                                     ["b_idc.fits"])
    assert [found.code for found in result.conflicts] == ["different-now"]
    assert not (tmp_path / "m.rmap").exists()


def test_insertion_rebased(tmp_path, test_data, library):
    """A real file: what the library inserts into the newer rules."""
    library("hst", test_data / "crds-cache")
    from rules.editing import insertion

    rules, files_ = (test_data / "crds-cache" / "mappings" / "hst",
                     test_data / "references" / "hst")
    base = rules / "hst_acs_idctab_0254.rmap"
    reference = files_ / "v8q14451j_idc.fits"
    ours, theirs = tmp_path / "hst_acs_idctab_9001.rmap", tmp_path / "hst_acs_idctab_9002.rmap"
    insertion.insert(base, ours, ours.name, [reference])
    gone = sorted(rule_text.read(base).names())[0]
    deletion.delete(base, theirs, theirs.name, [gone])
    result = merging.rebase_references(base, theirs, ours, tmp_path / "n.rmap", "n.rmap",
                                       [reference])
    assert result.change.added == [reference.name]
    assert gone not in rule_text.read(tmp_path / "n.rmap").names()
    other = tmp_path / "hst_acs_idctab_9003.rmap"
    other.write_text(ours.read_text().replace(reference.name, "other_idc.fits"))
    refused = merging.rebase_references(base, other, ours, tmp_path / "m.rmap", "m.rmap",
                                        [reference])
    assert [found.code for found in refused.conflicts] == ["row"]


def test_imaps_are_merged_by_their_entries(tmp_path):
    def imap(number: int, entries: dict):
        path = tmp_path / f"hst_acs_000{number}.imap"
        header = {"mapping": "INSTRUMENT", "observatory": "HST", "instrument": "ACS",
                  "name": path.name, "derived_from": "x", "parkey": ("REFTYPE",), "sha1sum": ""}
        path.write_text(f"header = {header!r}\nselector = {entries!r}\n")
        return path

    base = imap(0, {"biasfile": "a.rmap", "darkfile": "N/A"})
    theirs = imap(1, {"biasfile": "b.rmap", "darkfile": "N/A"})
    ours = imap(2, {"biasfile": "a.rmap", "darkfile": "d.rmap"})
    result = merging.rebase(base, theirs, ours, tmp_path / "n.imap", "n.imap")
    assert rule_text.read(tmp_path / "n.imap").names() == {"b.rmap", "d.rmap"}
    assert [row["text"] for row in result.change.rows] == ["replaced 'N/A' with 'd.rmap'"]
    conflict = merging.touch(base, theirs, imap(3, {"biasfile": "c.rmap", "darkfile": "N/A"}))
    assert [found.place for found in conflict] == ["REFTYPE biasfile"]


# ---- made up rules ---------------------------------------------------------

CASES = st.dictionaries(
    st.tuples(st.sampled_from(("A", "B", "1", "1.0", "A|B", "*", "N/A")),
              st.sampled_from(("X", "*", "N/A"))),
    st.dictionaries(st.sampled_from(random_rules.DATES), st.sampled_from(
        ("a_bia.fits", "b_bia.fits", "c_bia.fits", "N/A")), min_size=1, max_size=3), max_size=4)


@st.composite
def edits(draw, base: dict) -> dict:
    """``base`` with some entries changed, added or removed."""
    result = {case: dict(rows) for case, rows in base.items()}
    for _ in range(draw(st.integers(0, 3))):
        other = draw(CASES)
        for case, rows in other.items():
            result.setdefault(case, {}).update(rows)
        if result and draw(st.booleans()):
            case = draw(st.sampled_from(sorted(result)))
            rows = result[case]
            rows.pop(draw(st.sampled_from(sorted(rows))))
            if not rows:
                del result[case]
    return result


def try_rule(name: str, cases: dict) -> rule_text.Rule:
    try:
        return rule(name, cases)
    except rule_text.NotARule:
        assume(False)


@settings(max_examples=150, deadline=None,
          suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.filter_too_much])
@given(data=st.data())
def test_made_up_changes(tmp_path, data):
    """Either side's difference is in the result, exactly; or both say where they touch."""
    base_cases = data.draw(CASES)
    names = [f"hst_acs_idctab_000{number}.rmap" for number in range(3)]
    sides = [base_cases, data.draw(edits(base_cases)), data.draw(edits(base_cases))]
    base, theirs, ours = map(try_rule, names, sides)
    found = merging.conflicts(base, theirs, ours)
    paths = [tmp_path / name for name in names]
    for path, each in zip(paths, (base, theirs, ours), strict=True):
        path.write_text(rule_text.format_rule(each))
    result = merging.rebase(*paths, tmp_path / "n.rmap", "n.rmap")
    them, us = Changes.between(base, theirs), Changes.between(base, ours)
    if result.change is None:
        assert result.conflicts
        assert [each.place for each in merging.conflicts(base, ours, theirs)] or not found
        return
    merged = rule_text.read(tmp_path / "n.rmap")
    flat = {case: dict(rows) for case, rows in base_cases.items()}
    plain = [{(case, date): name for case, rows in side.items() for date, name in rows.items()}
             for side in (flat, sides[1], sides[2])]
    expected = dict(plain[1])
    for key in plain[0].keys() | plain[2].keys():
        if plain[2].get(key) != plain[0].get(key):
            expected.pop(key, None)
            if key in plain[2]:
                expected[key] = plain[2][key]
    assert {(path[0].key, path[1].key): leaf
            for path, leaf in merged.entries.items()} == expected
    assert all(them.entries[path] == us.entries[path]
               for path in them.entries.keys() & us.entries.keys())


@settings(max_examples=100, deadline=None,
          suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(source=random_rules.rule_texts())
def test_rules_of_all_forms_survive(source):
    """A rule read and written is the rule that the library writes."""
    try:
        mapping = rule_text.load("hst_acs_test_0001.rmap", source)
        read = rule_text.rule_of(mapping)
        written = rule_text.to_mapping(read)
    except rule_text.NotARule:
        return
    assert not Changes.between(read, rule_text.rule_of(written))
    mapping.header["sha1sum"] = written.header["sha1sum"]
    assert written.format() == mapping.format()
