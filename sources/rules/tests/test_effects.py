"""What the client makes of headers and answers, compared with its own functions."""

from __future__ import annotations

import numpy as np
import pytest
from crds import matches
from crds.bestrefs import bestrefs
from crds.core import timestamp

from rules.bulk import Table, columns, effects

ANSWERS = [
    None, "a.fits", "A.fits", "b.fits", "jref$a.fits", "crds://b.fits", "NOT FOUND n/a",
    "NOT FOUND N/A because", "NOT FOUND No match found.", "NOT FOUND parameter='X' is bad", "",
    "*", "none", "UNDEFINED", " a.fits "]


class _Client(bestrefs.BestrefsScript):
    """The client's judgement without its command line."""

    def __init__(self):
        self.skip_filekinds = []
        self.errors: list[str] = []

        class Arguments:
            undefined_differences_matter = na_differences_matter = True
            update_pickle = differences_are_errors = print_new_references = files = False
            update_bestrefs = unique_delimiter = None

        self.args = Arguments()

    def log_and_track_error(self, dataset, instrument, filekind, *pars, **keys):
        self.errors.append(" ".join(map(str, pars)))


@pytest.mark.parametrize("old", ANSWERS)
@pytest.mark.parametrize("new", ANSWERS)
def test_pairs_of_answers_mean_what_they_mean_to_the_client(old, new):
    client = _Client()
    updates, killed = client._compare_bestrefs(
        "ACS", "X:X", {} if old is None else {"DARKFILE": old},
        {} if new is None else {"DARKFILE": new})
    own = effects._judge("darkfile", old, new)
    if own is None:
        assert (updates, killed, client.errors) == ([], [], [])
        return
    assert own.failed == bool(killed)
    assert list(own.errors) == client.errors
    assert [own.update.new.upper()] if own.update else [
        one.new_reference for one in updates] == []
    assert bool(own.update) == bool(updates)


def test_several_files_at_once_stop_the_client():
    with pytest.raises(AttributeError) as caught:
        _Client()._compare_bestrefs("ACS", "X:X", {"DARKFILE": "a"}, {"DARKFILE": ("a", "b")})
    own = effects._judge("darkfile", "a", "('a', 'b')")
    assert own.broken == str(caught.value)
    assert own.update is None


def test_times_are_compared_as_the_client_compares_them():
    headers = [
        {"DATE-OBS": "2016-12-29", "TIME-OBS": "19:07:56"},
        {"DATE-OBS": "2016-12-29", "TIME-OBS": "19:07:55.9"},
        {"DATE-OBS": "2016-12-29", "TIME-OBS": "UNDEFINED"},
        {"DATE-OBS": "2016-12-3", "TIME-OBS": "00:00:00"},
        {"DATE-OBS": "UNDEFINED", "TIME-OBS": "00:00:00"},
        {"DATE-OBS": "2016-12-30"},
        {"META.OBSERVATION.DATE": "2017-01-01", "META.OBSERVATION.TIME": "00:00:00"},
        {"DATE-OBS": "2001-01-01", "META.OBSERVATION.DATE": "2017-01-01",
         "META.OBSERVATION.TIME": "00:00:00"},
        {"META.EXPOSURE.START_TIME": "2017-01-01T00:00:00"},
        {"DATE-OBS": "", "TIME-OBS": ""}, {"FILTER": "F606W"}]
    table = Table.from_headers(headers)
    for start in ("2016-12-29 19:07:56", "1900-01-01 00:00:00", "2016-12-29 ", "0001", "9999"):
        expected = [matches.get_exptime(header) >= start for header in headers]
        found = effects.observed_since(table, np.arange(len(headers)), start)
        assert found.tolist() == expected, start


def test_types_are_asked_for_once_for_each_set_of_keywords_that_matter():
    asked = []

    def types(header, context):
        asked.append(header)
        if header["A"] == "2":
            return [header.get("B", "none")]
        if header["A"] == "bad":
            raise ValueError("unknown")
        return ["dark"]

    headers = [{"A": a, "B": b, "C": str(number)} for number, (a, b) in enumerate(
        [("1", "x"), ("1", "y"), ("2", "x"), ("2", "y"), ("bad", "x")] * 20)]
    group, kinds = effects.applicable_types(Table.from_headers(headers), types, "context")
    expected = [{"dark"} if h["A"] == "1" else set() if h["A"] == "bad" else {h["B"]}
                for h in headers]
    assert [kinds[number] for number in group] == expected
    assert len(asked) < 12


def test_columns_give_back_what_was_put_into_them(tmp_path):
    headers = [{"A": "1", "B": "ü\0 \"x\""}, {"B": ""}, {"C": "z", "A": "2"}, {}]
    times = [columns.microseconds(timestamp.parse_date("2016-12-29 19:07:56").replace(
        tzinfo=columns.UTC)), columns.microseconds(None), 5, 6]
    chunk = columns.write(tmp_path / "0.npz", ["P:E", "Q:F", "R:G", "S:H"], headers, times)
    assert (chunk.rows, chunk.latest) == (4, times[0])
    ids, table = columns.read(chunk.path)
    assert list(ids) == ["P:E", "Q:F", "R:G", "S:H"]
    assert [table.header(row) for row in range(4)] == headers
    ids, table = columns.read(chunk.path, {"A"}, np.array([2, 0]))
    assert (list(ids), [table.header(row) for row in range(2)]) == (
        ["R:G", "P:E"], [{"A": "2"}, {"A": "1"}])
    assert columns.observed(chunk.path).tolist() == times
