"""Files that are bit for bit the same."""

from __future__ import annotations

from rules import duplicates

KNOWN = {"aa": ["s7g1700gl_dead.fits"], "hh": ["dbu1405fu.r1h"],
         "dd": ["cbu1405fu.r1d", "dbu1405fu.r1d"], "ff": ["cbu1405fu.r1h"]}


def texts(found):
    return {name: [one.text for one in errors] for name, errors in found.items()}


def test_same_as_a_file_of_the_catalogue():
    found = duplicates.find({"one.fits": "aa", "two.fits": "bb"}, KNOWN)
    assert texts(found) == {"one.fits": [
        "It is identical to s7g1700gl_dead.fits, which CRDS has already."]}
    assert found["one.fits"][0].level == "error"


def test_same_as_another_of_the_batch():
    found = duplicates.find({"one.fits": "bb", "two.fits": "bb", "three.fits": "cc"}, {})
    assert texts(found) == {"two.fits": ["It is identical to one.fits of the same submission."]}


def test_the_catalogue_is_asked_for_the_sums_of_the_batch_only():
    asked = []

    def known(sums):
        asked.append(sums)
        return {}

    assert duplicates.find({"one.fits": "bb", "two.fits": "cc"}, known) == {}
    assert asked == [{"bb", "cc"}]


def test_a_geis_pair_is_a_duplicate_with_both_halves_only():
    assert duplicates.find({"new.r1h": "ee", "new.r1d": "dd"}, KNOWN) == {}
    assert duplicates.find({"new.r1h": "hh", "new.r1d": "ee"}, KNOWN) == {}
    both = duplicates.find({"new.r1h": "hh", "new.r1d": "dd"}, KNOWN)
    assert texts(both) == {
        "new.r1h": ["It is identical to dbu1405fu.r1h, which CRDS has already."],
        "new.r1d": ["It is identical to dbu1405fu.r1d, which CRDS has already."]}


def test_halves_of_two_published_pairs_make_a_new_one():
    known = {"hh": ["dbu1405fu.r1h"], "dd": ["cbu1405fu.r1d"]}
    assert duplicates.find({"new.r1h": "hh", "new.r1d": "dd"}, known) == {}


def test_pairs_of_one_batch():
    found = duplicates.find({"one.r1h": "aa", "one.r1d": "dd", "two.r1d": "dd", "two.r1h": "bb",
                             "same.r1h": "aa", "same.r1d": "dd"}, {})
    assert texts(found) == {
        "same.r1h": ["It is identical to one.r1h of the same submission."],
        "same.r1d": ["It is identical to one.r1d of the same submission."]}
