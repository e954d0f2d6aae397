"""Reading one rule file: what it says, and every way in which it can be wrong."""

from __future__ import annotations

import hashlib

import pytest

from rules import environment
from rules.parallel import over_files
from rules.reading import is_catalog_name, parse_rule, read_rule
from rules.tests import texts

RMAP = texts.rmap("hst_cos_deadtab_0001.rmap", "COS", "DEADTAB",
                  ["s7g1700gl_dead.fits", "N/A", "s7g1700gm_dead.fits"])


@pytest.fixture(autouse=True)
def library(tmp_path):
    environment.prepare("hst", tmp_path)


def parse(text: str, name: str = "hst_cos_deadtab_0001.rmap"):
    return parse_rule(name, text.encode())


def test_rmap():
    rule = parse(RMAP)
    assert rule.problem is None and rule.code == ""
    assert rule.references == ("s7g1700gl_dead.fits", "s7g1700gm_dead.fits")
    assert (rule.observatory, rule.instrument, rule.filekind) == ("hst", "cos", "deadtab")
    assert rule.header["description"] == "a test"
    assert (rule.size, rule.sha1sum) == (len(RMAP), hashlib.sha1(RMAP.encode()).hexdigest())


def test_children_without_special_values():
    rule = parse(texts.pmap("hst_0001.pmap", {"COS": "hst_cos_0001.imap", "ACS": "N/A",
                                              "STIS": "OMIT"}), "hst_0001.pmap")
    assert rule.children == (("cos", "hst_cos_0001.imap"),)
    assert rule.names == ("hst_cos_0001.imap",)
    assert rule.problem is None


@pytest.mark.parametrize(("text", "code"), [
    ("", "unparsable"),
    ("header = {", "unparsable"),
    ("import os\n", "unparsable"),
    (RMAP.replace("Match({", "open({"), "unparsable"),
    (RMAP.replace("'filekind' : 'DEADTAB',\n", ""), "unparsable"),
    (RMAP.replace("a test", "changed"), "checksum"),
    (RMAP.replace("'sha1sum'", "'other'"), "checksum"),
    (RMAP.replace("'REFERENCE'", "'INSTRUMENT'"), "wrong-kind"),
    (texts.rmap("hst_cos_deadtab_0001.rmap", "COS", "DEADTAB", ["data/x_dead.fits"]), "bad-names"),
    (texts.rmap("hst_cos_deadtab_0001.rmap", "COS", "DEADTAB", ["../x.fits"]), "bad-names"),
])
def test_problems(text, code):
    rule = parse(text)
    assert rule.code == code
    assert rule.problem.endswith((".", "...")) or ":" in rule.problem


def test_a_rule_that_would_run_code_is_refused(tmp_path):
    trap = tmp_path / "trap"
    rule = parse(RMAP.replace("'a test'", f"open({str(trap)!r}, 'w').write('x')"))
    assert rule.code == "unparsable" and not trap.exists()


def test_bytes_that_are_no_text():
    assert parse_rule("hst_0001.pmap", b"\xff\xfe\x00").code == "unparsable"


def test_deep_nesting_is_a_problem_not_a_crash():
    assert parse("selector = " + "(" * 5000 + ")" * 5000).code == "unparsable"


def test_a_name_of_another_kind():
    assert parse(RMAP, "hst_cos_deadtab_0001.fits").code == "wrong-kind"


def test_missing_file_and_folder(tmp_path):
    assert read_rule(tmp_path / "hst_0001.pmap").code == "unreadable"
    (tmp_path / "hst_0002.pmap").mkdir()
    assert "cannot be read" in read_rule(tmp_path / "hst_0002.pmap").problem


def test_line_ends_of_other_systems_count_as_the_library_counts_them(tmp_path):
    path = tmp_path / "hst_cos_deadtab_0001.rmap"
    path.write_bytes(RMAP.replace("\n", "\r\n").encode())
    rule = read_rule(path)
    assert rule.problem is None and rule.size > len(RMAP)


def test_worker_processes_read_the_same(tmp_path, monkeypatch):
    paths = []
    for number in range(40):
        name = f"hst_cos_deadtab_{number:04}.rmap"
        (tmp_path / name).write_text(texts.rmap(name, "COS", "DEADTAB", ["a_dead.fits"]))
        paths.append(tmp_path / name)
    monkeypatch.setattr("rules.parallel.LITTLE", 0)
    found = list(over_files("hst", tmp_path, read_rule, paths))
    assert found == [read_rule(path) for path in paths]


@pytest.mark.parametrize(("name", "good"), [
    ("hst_0001.pmap", True), ("v8q14451j_idc.fits", True), ("a" * 128, True), ("a" * 129, False),
    ("", False), (".hidden", False), ("-x", False), ("a/b", False), ("a b.fits", False),
    ("..", False), ("a\n", False),
])
def test_catalog_names(name, good):
    assert is_catalog_name(name) == good
