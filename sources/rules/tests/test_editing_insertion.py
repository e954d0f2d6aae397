"""References into rmaps and out of them: as the library's own tools do it."""

from __future__ import annotations

import pytest

from rules.editing import deletion, impact, insertion, rule_text, texts

#: Context, rmap and real files; those that certify clean come first.
REAL = {
    "hst-idctab": ("hst", "hst_acs_idctab_0254.rmap", ["v8q14451j_idc.fits"]),
    "hst-wcptab": ("hst", "hst_cos_wcptab_0253.rmap", ["xaf1429el_wcp.fits"]),
    "jwst-distortion": ("jwst", "jwst_miri_distortion_0022.rmap",
                        ["jwst_miri_distortion_0022.asdf"]),
    "roman-flat": ("roman", "roman_wfi_flat_0004.rmap", ["roman_wfi16_f158_flat_small.asdf"]),
}


@pytest.fixture
def real(test_data, library):
    """``real(observatory)``: folders of the rules and of references; the library uses them."""
    def prepare(observatory: str):
        library(observatory, test_data / "crds-cache")
        return (test_data / "crds-cache" / "mappings" / observatory,
                test_data / "references" / observatory)
    return prepare


def by_the_library(old, new, references, observatory) -> str:
    """What ``refactor`` writes, under the name of ``new``."""
    from crds.refactoring import refactor

    refactor.rmap_insert_references(str(old), str(new), list(map(str, references)), observatory)
    refactor.update_derivation(str(new), old.name)
    return new.read_text()


@pytest.mark.parametrize("case", REAL)
def test_insertion_is_the_librarys(real, tmp_path, case):
    observatory, old, names = REAL[case]
    rules, files = real(observatory)
    paths = [files / name for name in names]
    new = "new_" + old
    change = insertion.insert(rules / old, tmp_path / new, new, paths)
    (tmp_path / "library").mkdir()
    assert change.ok
    assert (tmp_path / new).read_text() == change.text
    assert change.text == by_the_library(rules / old, tmp_path / "library" / new, paths,
                                         observatory)
    mapping = rule_text.load_path(tmp_path / new)
    assert dict.get(mapping.header, "name") == new
    assert dict.get(mapping.header, "derived_from") == old
    mapping._check_hash(change.text)


def codes(change) -> set[tuple[str, str]]:
    return {(found.level, found.code) for found in change.findings}


def test_two_files_of_one_case(real, tmp_path):
    """Each would replace the other: an error in both, and nothing is written."""
    from crds.core import log
    from crds.refactoring import refactor

    rules, files = real("hst")
    paths = [files / "s7g1700gl_dead.fits", files / "s7g1700gl_dead_dup1.fits"]
    old = rules / "hst_cos_deadtab_0250.rmap"
    errors = log.errors()
    refactor.rmap_insert_references(str(old), str(tmp_path / "l.rmap"), list(map(str, paths)))
    assert log.errors() == errors + 1
    change = insertion.insert(old, tmp_path / "n.rmap", "n.rmap", paths)
    assert ("error", "exact-duplicate") in codes(change)
    assert not change.ok and not (tmp_path / "n.rmap").exists()
    assert "DETECTOR FUV" in next(f.text for f in change.findings if f.level == "error")


def test_trial_knows_uploads_from_references(real):
    """A file that is called as a reference in the rules replaces that reference."""
    rules, files = real("hst")
    change = insertion.trial(rules / "hst_cos_wcptab_0253.rmap", [files / "xaf1429el_wcp.fits"])
    assert change.ok and change.path is None
    assert change.gone == ["xaf1429el_wcp.fits"]
    assert codes(change) == {("note", "replaces")}


def test_values_that_are_not_allowed(real):
    rules, files = real("jwst")
    change = insertion.trial(rules / "jwst_niriss_photom_0014.rmap",
                             [files / "niriss_ref_photom_bad.fits",
                              files / "niriss_ref_photom.fits"])
    assert codes(change) == {("error", "value-not-allowed")}
    assert "'FOO'" in change.findings[0].text and change.findings[0].file.endswith("bad.fits")
    assert change.added == ["niriss_ref_photom.fits"], "the other file goes on"


def test_new_case_that_includes_others(real, tmp_path):
    """The library finds it only when it certifies the new rules; the trial says it too."""
    from crds.certify import certify
    from crds.core import log

    rules, files = real("jwst")
    reference = files / "jwst_miri_ipc_0003.add.fits"
    change = insertion.trial(rules / "jwst_miri_ipc_0005.rmap", [reference])
    found = [one for one in change.findings if one.code == "equal-weight"]
    assert {one.level for one in found} == {"error"} and len(found) == 2
    assert all(one.file == reference.name for one in found)
    new = tmp_path / "jwst_miri_ipc_0099.rmap"
    by_the_library(rules / "jwst_miri_ipc_0005.rmap", new, [reference], "jwst")
    errors = log.errors()
    certify.certify_file(str(new), "jwst_0300.pmap", observatory="jwst")
    assert log.errors() - errors >= len(found)


def test_deletion_is_the_librarys(real, tmp_path):
    from crds.refactoring import refactor

    rules, _ = real("hst")
    old = rules / "hst_acs_idctab_0254.rmap"
    name = sorted(rule_text.read(old).names())[0]
    (tmp_path / "library").mkdir()
    other = tmp_path / "library" / "n.rmap"
    refactor.rmap_delete_references(str(old), str(other), [name])
    refactor.update_derivation(str(other), old.name)
    change = deletion.delete(old, tmp_path / "n.rmap", "n.rmap", [name])
    assert change.ok and change.gone == [name]
    assert (tmp_path / "n.rmap").read_text() == other.read_text()
    assert deletion.naming([old, tmp_path / "n.rmap"], [name]) == {old.name: [name]}


def test_deletion_of_what_is_not_there(real, tmp_path):
    rules, _ = real("hst")
    change = deletion.delete(rules / "hst_acs_idctab_0254.rmap", tmp_path / "n.rmap", "n.rmap",
                             ["nothing_idc.fits"])
    assert codes(change) == {("error", "not-in-rules")} and not list(tmp_path.iterdir())


def test_impact_of_an_insertion(real):
    """The interval up to the next date of the same case gets the new file."""
    rules, files = real("hst")
    old = rules / "hst_acs_idctab_0254.rmap"
    change = insertion.trial(old, [files / "v8q14451j_idc.fits"])
    (case,) = impact.of_texts(old.name, old.read_text(), change.new, change.text)["cases"]
    assert (case["from"], case["until"]) == ("2002-10-21 00:00:00", "2009-01-01 00:00:00")
    assert case["new"] == ["v8q14451j_idc.fits"] and case["old"] == ["0461802ej_idc.fits"]
    assert "instead of '0461802ej_idc.fits'" in case["text"]


def test_unified_text():
    assert "+b" in texts.unified("a\n", "b\n") and texts.unified("a\n", "a\n") == ""
