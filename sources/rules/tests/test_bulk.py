"""The bulk engine: equal to the library on rules of the demonstration and of a real cache."""

from __future__ import annotations

import gc
import os
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from rules import headers
from rules.bulk import Table, dates
from rules.tests import comparing
from rules.tests.loaded import load

CHECKOUT = Path(__file__).resolve().parents[3]
REAL_CACHE = Path(os.environ.get("CRDS_TEST_DATA", CHECKOUT.parent / "shared/data")) / "crds-cache"

#: Headers that the engine answers for each instrument.
GENERATED = 2_000

#: How many of them the library is asked for, under demonstration rules and real ones; what it
#: takes for each differs.  ``-m exhaustive`` asks for all.
ASKED = {"hst": 300, "jwst": 80, "roman": 300, "tobs": 300}
ASKED_OF_REAL = 60


@pytest.fixture
def quiet(monkeypatch):
    """The library without messages: hostile headers make thousands of warnings."""
    from crds.core import log

    for name in ("verbose", "warning", "error"):
        monkeypatch.setattr(log, name, lambda *args, **keys: None)


@pytest.fixture
def demo(demo_cache, library, quiet):
    """``demo("hst")``: an engine and the latest context of a demonstration."""
    def make(observatory: str, folder: Path | None = None):
        cache = demo_cache(observatory)
        library(observatory, cache)
        return _engine(folder), _latest(cache, observatory)

    return make


@pytest.fixture
def real(library, quiet):
    """``real("hst")``: an engine and the latest usable context of the real cache."""
    def make(observatory: str):
        if not REAL_CACHE.is_dir():
            pytest.skip(f"No real CRDS cache at {REAL_CACHE}; set CRDS_TEST_DATA.")
        library(observatory, REAL_CACHE)
        return _engine(), _latest(REAL_CACHE, observatory)

    return make


def _engine(folder: Path | None = None):
    from crds.core import rmap

    return comparing.engine_on(rmap.get_cached_mapping, folder)


def _latest(cache: Path, observatory: str):
    from crds.core import exceptions

    names = sorted(path.name for path in (cache / "mappings" / observatory).glob("*_0*.pmap"))
    for name in reversed(names):
        try:
            return load(name)
        except (exceptions.CrdsError, OSError):
            continue  # a shared cache has contexts with files that are not there
    raise AssertionError(f"no usable context of {observatory} in {cache}")


def compare(engine, context, instrument: str, asked: int, seed: int) -> None:
    """Compare on ``asked`` of the generated headers, from all of them, and on spoilt ones."""
    made = list(headers.generate(context, instrument, GENERATED, seed))
    # All go through the engine together, so that codes and slices are those of many.
    table = engine.table(context.basename, made)
    result = engine.best_references(context.basename, table)
    step = max(1, GENERATED // asked)
    for row in range(0, GENERATED, step):
        theirs = comparing.by_library(context, made[row])
        assert list(result.references(row).items()) == list(theirs.items()), made[row]
    some = made[::max(step, GENERATED // 40)]
    assert not comparing.differences(engine, context, some)
    assert not comparing.differences(engine, context, comparing.spoilt(some, seed), columns=True)


@pytest.mark.parametrize("observatory", ["hst", "jwst", "roman", "tobs"])
def test_demonstration_rules(observatory, demo):
    engine, context = demo(observatory)
    names = headers.instruments(context)
    assert names
    for name in names:
        compare(engine, context, name, ASKED[observatory], seed=1)


@pytest.mark.parametrize("observatory", ["hst", "jwst", "roman"])
def test_real_rules(observatory, real):
    engine, context = real(observatory)
    for name in headers.instruments(context):
        compare(engine, context, name, ASKED_OF_REAL, seed=2)


@pytest.mark.exhaustive
@pytest.mark.parametrize("observatory", ["hst", "jwst", "roman"])
def test_all_headers_on_real_rules(observatory, real):
    engine, context = real(observatory)
    for name in headers.instruments(context):
        compare(engine, context, name, GENERATED, seed=3)


# ---- parts -------------------------------------------------------------------


def test_types_asked_for_keep_their_order(demo):
    engine, context = demo("hst")
    made = list(headers.generate(context, "acs", 20, 4))
    kinds = ["PFLTFILE", "darkfile", "nosuch", "biasfile", "darkfile"]
    assert not comparing.differences(engine, context, made, kinds)
    found = engine.best(context.basename, made[0], ["nosuch"])
    assert found == {"nosuch": "NOT FOUND Unknown reference type 'nosuch'"}


def test_instruments_together_and_headers_of_none(demo):
    engine, context = demo("hst")
    mixed = [header for name in ("wfc3", "acs", "cos")
             for header in headers.generate(context, name, 40, 5)]
    mixed[10] = {"DETECTOR": "WFC"}
    mixed[50] = {**mixed[50], "INSTRUME": "NOSUCH"}
    mixed[70] = {}
    assert not comparing.differences(engine, context, mixed)
    result = engine.best_references(context.basename, engine.table(context.basename, mixed))
    assert result.references(10) == {}
    assert "Missing 'INSTRUME' keyword" in result.error(10)
    assert "Unknown instrument 'nosuch'" in result.error(50)
    assert result.error(11) is None


def test_two_keywords_that_name_different_instruments(demo):
    engine, context = demo("hst")
    made = [{**header, "instrume": "COS"} for header in headers.generate(context, "acs", 10, 6)]
    assert not comparing.differences(engine, context, made)


def test_keywords_of_fits_files_on_jwst_rules(demo):
    engine, context = demo("jwst")
    short = {"META.INSTRUMENT.NAME": "INSTRUME", "META.INSTRUMENT.DETECTOR": "DETECTOR",
             "META.OBSERVATION.DATE": "DATE-OBS", "META.OBSERVATION.TIME": "TIME-OBS"}
    made = list(headers.generate(context, "nircam", 30, 7))
    made = [{short.get(key, key): value for key, value in header.items()} for header in made[:15]
            ] + made[15:]
    assert not comparing.differences(engine, context, made)
    assert not comparing.differences(engine, context, made[:15], columns=True)


def test_imaps_and_rmaps_as_contexts(demo):
    engine, context = demo("hst")
    made = list(headers.generate(context, "acs", 30, 8))
    imap = context.get_imap("acs")
    assert not comparing.differences(engine, imap, made)
    rule = imap.get_rmap("biasfile")
    assert not comparing.differences(engine, rule, made)
    assert not comparing.differences(engine, rule, made, ["darkfile"])


def test_rules_are_compiled_once(demo, tmp_path, monkeypatch):
    engine, context = demo("hst", tmp_path)
    made = list(headers.generate(context, "acs", 20, 9))
    before = [engine.best(context.basename, header) for header in made]
    assert list(tmp_path.rglob("*.json"))
    from rules.bulk import context as module

    monkeypatch.setattr(module, "describe", lambda rule: pytest.fail("compiled again"))
    again, _ = demo("hst", tmp_path)
    assert [again.best(context.basename, header) for header in made] == before
    for kept in tmp_path.rglob("*.json"):
        kept.write_text("{damaged")
    monkeypatch.undo()
    third, _ = demo("hst", tmp_path)
    assert [third.best(context.basename, header) for header in made] == before


def test_contexts_share_rules(demo):
    engine, context = demo("hst")
    header = next(headers.generate(context, "acs", 1, 9))
    shared = []
    for name in ("hst_0005.pmap", "hst_0006.pmap"):
        engine.best(name, header)
        shared.append(engine.context(name).instrument(header))
    first, second = shared
    same = [kind for kind in first.rules if first.rmaps[kind] == second.rmaps.get(kind)]
    assert same and all(first.rules[kind] is second.rules[kind] for kind in same)


def test_what_is_left_to_the_library_is_reported(demo):
    engine, context = demo("hst")
    made = list(headers.generate(context, "acs", 10, 10))
    made[3]["DATE-OBS"] = "yesterday"
    result = engine.best_references(context.basename, engine.table(context.basename, made))
    assert {one.rows for one in result.left_to_library} == {1}
    assert all("date cannot be read" in one.reason for one in result.left_to_library)
    assert not comparing.differences(engine, context, made)


def test_unknown_hooks_are_left_to_the_library(demo, monkeypatch):
    from crds.hst import acs_v2, acs_v3

    def swap(rule, header):
        return {**header, "CCDAMP": "A"}

    for module in (acs_v2, acs_v3):
        for name in dir(module):
            if name.startswith("precondition_header"):
                from crds.hst import acs

                monkeypatch.setattr(acs, name, swap)
    engine, context = demo("hst")
    made = list(headers.generate(context, "acs", 40, 11))
    result = engine.best_references(context.basename, engine.table(context.basename, made))
    reasons = {one.kind: one.reason for one in result.left_to_library}
    assert "swap are not known" in reasons["biasfile"]
    assert not comparing.differences(engine, context, made)


def test_memory_of_contexts_is_bounded(demo):
    engine, context = demo("hst")
    engine._budget = 1
    for name in ("hst_0001.pmap", "hst_0002.pmap", context.basename):
        header = next(headers.generate(load(name), "cos", 1, 12))
        engine.best(name, header)
    gc.collect()
    assert list(engine._contexts) == [context.basename]


def test_remembering_too_much_starts_anew(demo, monkeypatch):
    from rules.bulk import rule

    monkeypatch.setattr(rule, "REMEMBERED", 20)
    monkeypatch.setattr(rule, "REMEMBERED_HEADERS", 3)
    engine, context = demo("hst")
    made = comparing.spoilt(headers.generate(context, "acs", 60, 13), 1)
    assert not comparing.differences(engine, context, made)
    assert not comparing.differences(engine, context, made[::-1])


def test_slices_give_what_a_whole_gives(demo, monkeypatch):
    from rules.bulk import engine as module

    engine, context = demo("hst")
    made = list(headers.generate(context, "wfc3", 101, 14))
    table = engine.table(context.basename, made)
    whole = list(engine.best_references(context.basename, table))
    monkeypatch.setattr(module, "SLICE", 13)
    assert list(engine.best_references(context.basename, table)) == whole


# ---- tables --------------------------------------------------------------------


def test_tables_keep_headers():
    made = [{"A": "1", "B": "x"}, {"B": "y"}, {}, {"A": 2, "B": None, "C": True}]
    table = Table.from_headers(made)
    assert [table.header(row) for row in range(4)] == [
        {"A": "1", "B": "x"}, {"B": "y"}, {}, {"A": "2", "C": "True"}]
    assert Table.from_headers(made, ["A"]).columns.keys() == {"A"}
    assert table.take(np.array([3, 0])).header(1) == {"A": "1", "B": "x"}
    with pytest.raises(ValueError, match="2 rows, not 3"):
        Table.from_columns({"A": ["1", "2", "3"], "B": ["1", "2"]})


# ---- dates -----------------------------------------------------------------------


def test_moments_sort_as_their_texts():
    rng = np.random.default_rng(1)
    span = int((dates.LAST - dates.FIRST).total_seconds())
    made = [dates.FIRST + timedelta(seconds=int(rng.integers(span)),
                                    microseconds=int(rng.choice((0, 1, 100000, 999999))))
            for _ in range(3000)]
    made += [dates.FIRST, dates.LAST, datetime(2009, 5, 14), datetime(2009, 5, 14, 0, 0, 0, 1)]
    texts = sorted(moment.isoformat(" ") for moment in made)
    packed = sorted(map(dates.pack, made))
    assert [dates.pack(datetime.fromisoformat(text)) for text in texts] == packed


def test_any_text_as_a_key_of_useafter():
    rng = np.random.default_rng(2)
    moments = [datetime(2009, 5, 14) + timedelta(microseconds=int(step))
               for step in (0, 1, 10**6, -1, -10**6, 86400 * 10**6)]
    moments += [dates.FIRST, dates.LAST]
    keys = ["", "2", "2009", "2009-05-14", "2009-05-14 00:00:00", "2009-05-14 00:00:00.0",
            "2009-05-14 00:00:00.000001", "2009-05-14 00:00:00 ", "2009-05-14T00:00:00", "x",
            "9999-12-31 23:59:59.999999", "9999-12-31 23:59:59.9999999", "0", "2009-05-13 24:00:00",
            "2009-5-14 00:00:00", "é"]
    keys += ["".join(rng.choice(list("0129-: .5"), size=rng.integers(1, 22))) for _ in range(300)]
    for key in keys:
        first = dates.threshold(key)
        for moment in moments:
            assert (dates.pack(moment) >= first) == (moment.isoformat(" ") >= key), (key, moment)


@pytest.mark.parametrize("values", [
    (days, times) for days in ("2009-05-14", "2009/05/14", "14/05/09", "2009-02-29", "2008-02-29",
                               "1900-02-29", "0000-01-01", "2009-05-14 ", "UNDEFINED", "", "x",
                               "\uff12\uff10\uff10\uff19-05-14", "2009-05-14T01:02:03",
                               "2009-05-14\0")
    for times in ("00:00:00", "23:59:59.999999", "12:30", "24:00:00", "00:60:00", "00:00:60",
                  "01:02:03.1", "01:02:03.1234567", "01:02:03.", "05:04 PM", "01:02:03 UT",
                  "UNDEFINED", "", "1:2:3", "01:02:03\0", "01:02:1e1")])
def test_dates_of_headers_are_read_as_the_library_reads_them(values):
    expected = _library_moment(values)
    from crds.core import utils

    conditioned = [utils.condition_value(value) for value in values]
    assert dates.moment(conditioned) == expected
    table = Table.from_columns({"D": [values[0]] * 2, "T": [values[1]] * 2})
    assert dates.moments(list(table.columns.values())).tolist() == [expected] * 2
    joined = " ".join(values)
    table = Table.from_columns({"D": [joined]})
    assert dates.moments(list(table.columns.values())).tolist() == [_library_moment([joined])]


def test_fractions_of_seconds_are_cut_as_the_library_cuts_them():
    texts = [f"00:00:{step % 60:02d}.{step * 7919 % 10**digits:0{digits}d}"
             for step in range(2000) for digits in (1, 2, 3, 6)]
    table = Table.from_columns({"D": ["2020-01-01"] * len(texts), "T": texts})
    found = dates.moments(list(table.columns.values())).tolist()
    assert found == [_library_moment(("2020-01-01", text)) for text in texts]
    assert found == [dates.moment(("2020-01-01", text)) for text in texts]


def _library_moment(values) -> int:
    """The moment in the text that UseAfterSelector compares, -1 where it raises."""
    from crds.core import selectors, utils

    names = [f"K{index}" for index in range(len(values))]
    header = {name: utils.condition_value(value)
              for name, value in zip(names, values, strict=True)}
    try:
        text = selectors.UseAfterSelector(names, {})._validate_header(header)
    except Exception:
        return dates.BAD
    return dates.pack(datetime.fromisoformat(text))
