"""Files that are bit for bit the same."""

from __future__ import annotations

from rules import duplicates

KNOWN = {"aa": "s7g1700gl_dead.fits", "dd": "dbu1405fu.r1d"}


def texts(found):
    return {name: [one.text for one in errors] for name, errors in found.items()}


def test_same_as_a_file_of_the_catalogue():
    found = duplicates.find({"one.fits": "aa", "two.fits": "bb"}, KNOWN)
    assert texts(found) == {"one.fits": [
        "one.fits is identical to the existing CRDS file s7g1700gl_dead.fits."]}
    assert found["one.fits"][0].level == "error"


def test_same_as_another_of_the_batch():
    found = duplicates.find({"one.fits": "bb", "two.fits": "bb", "three.fits": "cc"}, {})
    assert texts(found) == {"two.fits": [
        "two.fits is identical to one.fits of the same submission."]}


def test_the_catalogue_is_asked_for_the_sums_of_the_batch_only():
    asked = []

    def known(sums):
        asked.append(sums)
        return {}

    assert duplicates.find({"one.fits": "bb", "two.fits": "cc"}, known) == {}
    assert asked == [{"bb", "cc"}]


def test_equal_data_of_geis_pairs_are_no_duplicates():
    assert duplicates.find({"new.r1h": "ee", "new.r1d": "dd"}, KNOWN) == {}
    both = duplicates.find({"new.r1h": "aa", "new.r1d": "dd"}, KNOWN)
    assert set(both) == {"new.r1h", "new.r1d"}
