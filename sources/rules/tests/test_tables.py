"""Tables of rmaps: every row of the rules, nothing more, and as people read them."""

from __future__ import annotations

import pytest

from rules import tables

from . import texts

RULE = """header = {{
    'classes' : ('Match', 'UseAfter'),
    'derived_from' : 'made by hand',
    'filekind' : 'FLAT',
    'instrument' : 'MIRI',
    'mapping' : 'REFERENCE',
    'name' : 'jwst_miri_flat_0001.rmap',
    'observatory' : 'JWST',
    'parkey' : {parkey},
    'rmap_relevance' : '(FILTER != "BLANK")',
    'sha1sum' : 'SHA1',
    'substitutions' : {{'META.SUBARRAY.NAME' : {{'GENERIC' : 'N/A', 'NEVER' : 'X'}}}},
}}

comment = \"\"\"
Read <this> first.
\"\"\"

selector = {selector}
"""
PARKEY = ("(('META.INSTRUMENT.DETECTOR', 'META.SUBARRAY.NAME'),"
          " ('META.OBSERVATION.DATE', 'META.OBSERVATION.TIME'))")


def table(selector: str, parkey: str = PARKEY) -> tables.RuleTable:
    text = texts.with_checksum(RULE.format(parkey=parkey, selector=selector))
    return tables.read("jwst_miri_flat_0001.rmap", text.encode())


@pytest.fixture(autouse=True)
def library_without_cache(library, tmp_path):
    library("jwst", tmp_path)


# ---- rows and columns ----------------------------------------------------


def test_a_table_has_a_row_for_each_entry_in_order():
    found = table("""Match({
        ('B', 'FULL') : UseAfter({
            '2010-01-01 00:00:00' : 'c.fits', '1990-01-01 00:00:00' : 'b.fits'}),
        ('A|D', 'GENERIC') : UseAfter({'1990-01-01 00:00:00' : 'a.fits'}),
    })""")
    assert found.titles == ["DETECTOR", "SUBARRAY NAME", "USEAFTER", "REFERENCE"]
    assert [(*row.shown, row.result) for row in found.rows] == [
        ("A, D", "GENERIC", "1990-01-01 00:00:00", "a.fits"),
        ("B", "FULL", "1990-01-01 00:00:00", "b.fits"),
        ("B", "FULL", "2010-01-01 00:00:00", "c.fits"),
    ]
    assert found.rows[0].values[0] == "A|D"
    assert found.substitutions == (tables.Substitution(1, "GENERIC", "N/A"),)
    assert found.conditions == {"rmap_relevance": '(FILTER != "BLANK")'}
    assert found.comment == "Read <this> first."
    assert (found.observatory, found.instrument, found.filekind) == ("jwst", "miri", "flat")


def test_not_applicable_and_omitted_cases_are_rows_without_references():
    found = table("""Match({
        ('A', 'FULL') : UseAfter({'1990-01-01 00:00:00' : 'a.fits'}),
        ('B', 'FULL') : 'N/A', ('C', 'FULL') : 'OMIT',
        ('D', 'FULL') : UseAfter({'1990-01-01 00:00:00' : 'TEMP_N/A'}),
    })""")
    assert [(row.values[0], row.values[2], row.special, row.references) for row in found.rows] == [
        ("A", "1990-01-01 00:00:00", "", ("a.fits",)),
        ("B", "", "N/A", ()),
        ("C", "", "OMIT", ()),
        ("D", "1990-01-01 00:00:00", "N/A", ()),
    ]
    assert found.references == ["a.fits"]


def test_what_a_substitution_overrides_is_marked():
    found = table("""Match({
        ('A', 'GENERIC') : 'general.fits', ('A', 'N/A') : 'other.fits', ('A', 'FULL') : 'full.fits',
    })""")
    assert {row.result: row.overridden for row in found.rows} == {
        "general.fits": False, "other.fits": True, "full.fits": False}
    assert found.references == ["full.fits", "general.fits"]


def test_lookup_patterns_of_a_reference():
    found = table("""Match({
        ('A', 'FULL') : UseAfter({'1990-01-01 00:00:00' : 'a.fits'}),
        ('B', 'FULL') : UseAfter({'1991-01-01 00:00:00' : ('a.fits', 'b.fits')}),
    })""")
    assert [row.values[0] for row in found.rows_of("a.fits")] == ["A", "B"]
    assert [row.values[0] for row in found.rows_of("b.fits")] == ["B"]
    assert found.rows_of("c.fits") == []


@pytest.mark.parametrize("selector, title, keys", [
    ("UseAfter({'2002-01-01 00:00:00': 'b.fits', '2001-01-01 00:00:00': 'a.fits'})", "USEAFTER",
     ["2001-01-01 00:00:00", "2002-01-01 00:00:00"]),
    ("VersionAfter({'0.10.1': 'b.fits', '0.9.0': 'a.fits'})", "VERSION", ["0.9.0", "0.10.1"]),
    ("ClosestTime({'2002-01-01': 'b.fits', '2001-01-01': 'a.fits'})", "CLOSEST TIME",
     ["2001-01-01", "2002-01-01"]),
    ("GeometricallyNearest({10.0: 'b.fits', 9.5: 'a.fits'})", "NEAREST", ["9.5", "10.0"]),
    ("Bracket({10.0: 'b.fits', 9.5: 'a.fits'})", "BRACKET", ["9.5", "10.0"]),
    ("SelectVersion({'<5': 'b.fits', '<3.1': 'a.fits'})", "SELECT VERSION", ["< 3.1", "< 5"]),
])
def test_every_selector_of_the_library(selector, title, keys):
    """Alone and below a Match."""
    alone = table(selector, "(('PARAMETER',),)")
    assert (alone.titles, [row.shown for row in alone.rows]) == (
        [title, "REFERENCE"], [(key,) for key in keys])
    below = table(f"Match({{('A',): {selector}}})", "(('DETECTOR',), ('PARAMETER',))")
    assert (below.titles, [row.shown for row in below.rows]) == (
        ["DETECTOR", title, "REFERENCE"], [("A", key) for key in keys])
    assert alone.references == below.references == ["a.fits", "b.fits"]


def test_selectors_of_several_kinds_on_one_level_have_columns_of_their_own():
    found = table("""Match({
        ('A',): UseAfter({'2001-01-01 00:00:00': 'a.fits'}), ('B',): Bracket({1.5: 'b.fits'}),
    })""", "(('DETECTOR',), ('PARAMETER',))")
    assert found.titles == ["DETECTOR", "USEAFTER", "BRACKET", "REFERENCE"]
    assert [row.values for row in found.rows] == [
        ("A", "2001-01-01 00:00:00", ""), ("B", "", "1.5")]


def test_a_match_without_parameters():
    found = table("Match({(): UseAfter({'2001-01-01 00:00:00': 'a.fits'})})",
                  "((), ('DATE-OBS', 'TIME-OBS'))")
    assert found.titles == ["USEAFTER", "REFERENCE"]
    assert found.columns[0].parameter == "DATE-OBS TIME-OBS"


def test_rules_without_entries():
    assert table("Match({})").rows == ()


@pytest.mark.parametrize("written, shown", [
    ("A|B | C", "A, B, C"), ("*", "*"), ("N/A", "N/A"), ("F*W", "F*W"),
    ("# >3000 and <=4200 #", "> 3000 and ≤ 4200"), ("BETWEEN 1055 1097", "≥ 1055 and < 1097"),
    ("NOT MIR_IMAGE", "not MIR_IMAGE"), ("not between 3 4", "not ≥ 3 and < 4"),
    ("{A|B}", "A|B"), ("(A.*B)", "pattern A.*B"), ("<3.1", "< 3.1"), (">=2", "≥ 2"),
    ("", ""), ("#", "#"), ("()", "()"), ("1.0", "1.0"),
])
def test_values_are_readable(written, shown):
    assert tables.readable(written) == shown


def test_short_names_are_unambiguous():
    assert tables.short_names(
        ["META.INSTRUMENT.FILTER", "META.EXPOSURE.TYPE", "META.SUBARRAY.NAME", "meta.x.filter2",
         "CCDAMP"]) == ["FILTER", "TYPE", "SUBARRAY NAME", "FILTER2", "CCDAMP"]
    assert tables.short_names(["META.A.TYPE", "META.B.TYPE"]) == ["A TYPE", "B TYPE"]


# ---- what is not a table ---------------------------------------------------


@pytest.mark.parametrize("name, data", [
    ("jwst_0001.pmap", texts.pmap("jwst_0001.pmap", {"MIRI": "jwst_miri_0001.imap"}).encode()),
    ("jwst_miri_flat_0001.rmap", texts.pmap("x.pmap", {"MIRI": "y.imap"}).encode()),
    ("jwst_miri_flat_0001.rmap", b"import os\nos.system('true')\n"),
    ("jwst_miri_flat_0001.rmap", b"\xff\xfe"), ("jwst_miri_flat_0001.rmap", b""),
])
def test_other_content_is_refused(name, data):
    with pytest.raises(tables.NotATable, match=r"cannot be read|no rows|no rmap|is not an rmap"):
        tables.read(name, data)


# ---- keeping ---------------------------------------------------------------


def rule_file(folder, name: str = "hst_cos_flat_0001.rmap"):
    path = folder / name
    path.write_text(texts.rmap(name, "COS", "FLAT", ["a_flt.fits", "b_flt.fits"]))
    return path


def test_a_table_is_made_once(tmp_path, monkeypatch):
    path = rule_file(tmp_path)
    first = tables.kept(path.name, "ab" * 20, path, tmp_path / "kept")
    monkeypatch.setattr(tables, "read", None)
    assert tables.kept(path.name, "ab" * 20, path, tmp_path / "kept") == first
    assert [row.result for row in first.rows] == ["a_flt.fits", "b_flt.fits"]


@pytest.mark.parametrize("damage", [
    b"", b"{", b"[]", b"1", b'{"version": 0}', b'{"version": %d}' % tables.VERSION])
def test_damaged_or_older_tables_are_made_anew(tmp_path, damage):
    path = rule_file(tmp_path)
    first = tables.kept(path.name, "ab" * 20, path, tmp_path / "kept")
    (kept,) = (tmp_path / "kept").rglob("*.json")
    kept.write_bytes(damage)
    assert tables.kept(path.name, "ab" * 20, path, tmp_path / "kept") == first
    assert tables.from_json(kept.read_bytes()) == first


def test_a_place_that_cannot_be_written_is_no_fault(tmp_path):
    path = rule_file(tmp_path)
    no_folder = tmp_path / "file"
    no_folder.write_text("")
    assert tables.kept(path.name, "ab" * 20, path, no_folder).rows


# ---- against the library -----------------------------------------------------


def entries(selector) -> int:
    from crds.core.selectors import Selector

    return sum(entries(choice) if isinstance(choice, Selector) else 1
               for choice in selector.raw_choices())


@pytest.mark.parametrize("observatory, context", [
    ("hst", "hst_0500.pmap"), ("jwst", "jwst_0300.pmap"), ("roman", None), ("tobs", None)])
def test_tables_of_real_contexts_have_what_the_library_finds(
        library, real_cache, observatory, context):
    """Every rmap of the context, or of the observatory: the same references, a row for each entry
    of its selectors."""
    library(observatory, real_cache)
    from crds.core import rmap

    folder = real_cache / "mappings" / observatory
    names = (rmap.load_mapping(context).mapping_names() if context
             else [path.name for path in folder.glob("*.rmap")])
    names = [name for name in names if name.endswith(".rmap")]
    assert names
    for name in names:
        found = tables.read(name, (folder / name).read_bytes())
        mapping = rmap.ReferenceMapping.from_file(name, ignore_checksum=True)
        assert found.references == mapping.reference_names(), name
        assert len(found.rows) == entries(mapping.selector), name
        assert all(len(row.values) == len(found.columns) for row in found.rows)
        assert tables.from_json(tables.to_json(found)) == found
