"""Differences of rules: the library's own, on fewer files, sorted and counted truly."""

from __future__ import annotations

import functools
import itertools
import os
from pathlib import Path

import pytest

from rules import reading

from . import texts

#: How many neighbouring contexts of each real cache are compared.
PAIRS = {"hst": 24, "jwst": 24, "roman": 6}


def plain(difference) -> tuple:
    """A difference tuple without folders in names of files."""
    return tuple(
        tuple(os.path.basename(part) for part in step) if isinstance(step, tuple) else step
        for step in difference)


def of_the_library(observatory: str, old: str, new: str, **options) -> list[tuple]:
    from crds import diff
    from crds.core import utils

    utils.clear_function_caches()
    return [plain(found) for found in diff.mapping_diffs(
        old, new, observatory=observatory, **options)]


def neighbours(observatory: str, cache: Path, number: int) -> list[tuple[str, str]]:
    """Pairs of contexts that follow each other, spread over all that the cache has."""
    names = sorted(path.name for path in (cache / "mappings" / observatory).glob("*_????.pmap"))
    pairs = list(itertools.pairwise(names))
    step = max(1, len(pairs) // number)
    return pairs[::step]


@functools.cache
def references(folder: Path, name: str) -> frozenset[str]:
    """References that the rule reaches, from the texts of the rules alone."""
    rule = reading.read_rule(folder / name)
    return frozenset(rule.references).union(
        *(references(folder, child) for _, child in rule.children))


def check_counts(sections, folder: Path, old: str, new: str) -> None:
    """What the sections count is what the closures of both rules say."""
    before, after = references(folder, old), references(folder, new)
    types = [section for section in sections if section.level == "rmap"]
    came = {name for section in types for name in (*section.added, *section.replacing)}
    gone = {name for section in types for name in (*section.replaced, *section.deleted)}
    assert came - before == after - before
    assert gone - after == before - after


@pytest.mark.parametrize("observatory", PAIRS)
def test_neighbouring_real_contexts_differ_as_the_library_says(library, real_cache, observatory):
    library(observatory, real_cache)
    from rules import differences

    folder = real_cache / "mappings" / observatory
    pairs = neighbours(observatory, real_cache, PAIRS[observatory])
    compared = 0
    for old, new in pairs:
        try:
            expected = of_the_library(observatory, old, new, include_header_diffs=True,
                                      recurse_added_deleted=True)
        except FileNotFoundError:
            # The cache has some test files that name rules outside of it.
            with pytest.raises(FileNotFoundError, match="data/hst_"):
                differences.compare(old, new)
            continue
        compared += 1
        assert [plain(found) for found in differences.logical_differences(old, new)] == expected
        sections = differences.compare(old, new)
        rows = [row for section in sections for row in section.rows]
        headers = [change for section in sections for change in section.headers
                   if change.key != "comment"]
        assert len(rows) + len(headers) == len(expected)
        assert {row.text for row in rows} <= {found[-1] for found in expected}
        check_counts(sections, folder, old, new)
    assert compared >= (5 if observatory == "roman" else 22)


@pytest.mark.parametrize("observatory", ["hst", "jwst", "roman"])
def test_demonstration_contexts_differ_as_the_library_says(library, demo_cache, observatory):
    cache = demo_cache(observatory)
    library(observatory, cache)
    from rules import differences

    folder = cache / "mappings" / observatory
    names = sorted(path.name for path in folder.glob("*.pmap"))
    pairs = [*itertools.pairwise(names), (names[-1], names[0])]
    assert len(pairs) >= 4
    for old, new in pairs:
        assert [plain(found) for found in differences.logical_differences(old, new)] == (
            of_the_library(observatory, old, new, include_header_diffs=True,
                           recurse_added_deleted=True))
        # Without options the library leaves out headers and what is inside rules that came.
        usual = {found[-1] for found in of_the_library(observatory, old, new)}
        sections = differences.compare(old, new)
        assert usual <= {row.text for section in sections for row in section.rows}
        check_counts(sections, folder, old, new)


def test_only_rules_whose_names_differ_are_read(library, real_cache):
    library("hst", real_cache)
    from rules import differences

    reader = differences.Reader()
    differences.logical_differences("hst_0498.pmap", "hst_0499.pmap", reader)
    assert len(reader._rules) == 6


# ---- sections ------------------------------------------------------------------


@pytest.fixture
def cache(tmp_path, library):
    """``cache({name: text})`` makes a cache of these rules and points the library at it."""
    folder = tmp_path / "cache" / "mappings" / "hst"
    folder.mkdir(parents=True)

    def make(rules: dict[str, str]) -> None:
        for name, text in rules.items():
            (folder / name).write_text(text)
        library("hst", tmp_path / "cache")

    return make


def one_rmap(number: int, references: list[str], **changes: str) -> tuple[str, str]:
    name = f"hst_cos_deadtab_{number:04d}.rmap"
    text = texts.rmap(name, "COS", "deadtab", references)
    for old, new in changes.items():
        text = text.replace(*new) if isinstance(new, tuple) else text.replace(old, new)
    return name, text


def compare(cache, one, other):
    cache(dict([one, other]))
    from rules import differences

    (section,) = differences.compare(one[0], other[0])
    return section


def test_files_that_moved_are_neither_new_nor_gone(cache):
    section = compare(cache, one_rmap(1, ["a.fits", "b.fits"]), one_rmap(2, ["b.fits", "a.fits"]))
    assert (section.added, section.replaced, section.deleted) == ([], [], [])
    assert [(row.action, row.old, row.new) for row in section.rows] == [
        ("replaced", ("a.fits",), ("b.fits",)), ("replaced", ("b.fits",), ("a.fits",))]


def test_added_replaced_and_deleted_files_are_told_apart(cache):
    section = compare(cache, one_rmap(1, ["a.fits", "b.fits"]),
                      one_rmap(2, ["c.fits", "b.fits", "d.fits"]))
    assert (section.added, section.replaced, section.replacing, section.deleted) == (
        ["d.fits"], ["a.fits"], ["c.fits"], [])
    assert [(row.case, row.date, row.text) for row in section.rows] == [
        (("FUV",), "2000-01-01 00:00:00", "replaced 'a.fits' with 'c.fits'"),
        (("FUV",), "2002-01-01 00:00:00", "added terminal 'd.fits'")]
    assert (section.status, section.cases, section.count("added")) == ("changed", 1, 1)
    assert section.parameters == ("DETECTOR",)


def test_header_changes_are_told_with_their_values_and_routine_ones_marked(cache):
    section = compare(cache, one_rmap(1, ["a.fits"]), one_rmap(
        2, ["a.fits"], x=("'a test',\n", "'with a reason',\n    'rmap_relevance' : 'ALWAYS',\n")))
    assert [(change.key, change.action, change.old, change.new)
            for change in section.headers if not change.routine] == [
        ("description", "replaced", "a test", "with a reason"),
        ("rmap_relevance", "added", None, "always")]
    assert {change.key for change in section.headers if change.routine} == {"name", "sha1sum"}
    assert not section.rows


def test_a_changed_comment_is_a_header_change(cache):
    section = compare(cache, one_rmap(1, ["a.fits"]), one_rmap(
        2, ["a.fits"], x=("\nselector", '\ncomment = """Made with care."""\n\nselector')))
    changes = {change.key: change for change in section.headers}
    assert (changes["comment"].action, changes["comment"].new) == ("added", "Made with care.")


def test_other_parameters_are_a_restructuring(cache):
    section = compare(cache, one_rmap(1, ["a.fits"]), one_rmap(
        2, ["b.fits"], x=("('DETECTOR',)", "('DETECTOR', 'OBSTYPE')"),
        y=("('FUV',)", "('FUV', 'IMAGING')")))
    assert [row.action for row in section.rows] == ["restructured"]
    assert (section.added, section.deleted) == (["b.fits"], ["a.fits"])


def test_types_inside_an_instrument_that_came_have_sections(cache):
    rmap = one_rmap(1, ["a.fits"])
    cache({
        "hst_0001.pmap": texts.pmap("hst_0001.pmap", {}),
        "hst_0002.pmap": texts.pmap("hst_0002.pmap", {"COS": "hst_cos_0001.imap"}),
        "hst_cos_0001.imap": texts.imap("hst_cos_0001.imap", "COS", {
            "deadtab": rmap[0], "flatfile": "N/A"}),
        rmap[0]: rmap[1]})
    from rules import differences

    found = differences.compare("hst_0001.pmap", "hst_0002.pmap")
    assert [(section.old, section.new, section.status) for section in found] == [
        ("hst_0001.pmap", "hst_0002.pmap", "changed"), ("", "hst_cos_0001.imap", "added"),
        ("", rmap[0], "added")]
    assert found[2].added == ["a.fits"]
    assert [row.text for row in found[1].rows] == ["added 'N/A'"]


def test_a_missing_rule_is_named(cache):
    cache({"hst_0001.pmap": texts.pmap("hst_0001.pmap", {"COS": "hst_cos_0001.imap"}),
           "hst_0002.pmap": texts.pmap("hst_0002.pmap", {})})
    from rules import differences

    with pytest.raises(FileNotFoundError, match=r"hst_cos_0001\.imap"):
        differences.compare("hst_0001.pmap", "hst_0002.pmap")


@pytest.mark.parametrize("text, action, old, new", [
    ("replaced 'a.fits' with 'b.fits'", "replaced", ("a.fits",), ("b.fits",)),
    ("added terminal 'a.fits'", "added", (), ("a.fits",)),
    ("added Match rule for 'a.fits'", "added", (), ("a.fits",)),
    ("deleted UseAfter rule for ('a.fits', 'b.fits')", "deleted", ("a.fits", "b.fits"), ()),
    ("deleted 'N/A'", "deleted", ("N/A",), ()),
    ("added terminal {'one': 'a.fits'}", "added", (), ("a.fits",)),
    ("different classes Match : UseAfter", "restructured", (), ()),
])
def test_words_of_the_library_are_understood(text, action, old, new):
    from rules import differences

    assert differences._change(text) == (action, old, new)


@pytest.mark.parametrize("instrument, filekind, keys", [
    ("acs", "ccdtab", True), ("acs", "darkfile", False), ("nothing", "nothing", False)])
def test_keys_of_table_rows_come_from_the_specifications(instrument, filekind, keys):
    from rules import differences

    assert bool(differences.row_keys("hst", instrument, filekind)) is keys
