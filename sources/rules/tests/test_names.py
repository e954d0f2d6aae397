"""What names tell."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from rules import environment, names


@pytest.mark.parametrize(("observatory", "name", "identity"), [
    ("hst", "hst_0500.pmap", ("mapping", "", "", ".pmap")),
    ("hst", "hst.pmap", ("mapping", "", "", ".pmap")),
    ("hst", "hst_acs_0012.imap", ("mapping", "acs", "", ".imap")),
    ("hst", "hst_acs_biasfile_0012.rmap", ("mapping", "acs", "biasfile", ".rmap")),
    ("hst", "v8q14451j_idc.fits", ("reference", "acs", "idctab", ".fits")),
    ("hst", "dbu1405fu.r1h", ("reference", "wfpc2", "atodfile", ".r1h")),
    ("hst", "wfpc_pol60_001_syn.fits", ("reference", "synphot", "thruput", ".fits")),
    ("jwst", "jwst_miri_pars-tweakregstep_0002.asdf",
     ("reference", "miri", "pars-tweakregstep", ".asdf")),
    ("roman", "roman_wfi_flat_0004.asdf", ("reference", "wfi", "flat", ".asdf")),
    ("roman", "hst_acs_0012.imap", ("mapping", "", "", ".imap")),
    ("hst", "garbage.txt", ("reference", "", "", ".txt")),
    ("jwst", "_.fits", ("reference", "", "", ".fits")),
    ("hst", "", ("reference", "", "", "")),
])
def test_identify(tmp_path, observatory, name, identity):
    environment.prepare(observatory, tmp_path)
    assert tuple(names.identify(observatory, name)) == identity


@pytest.mark.parametrize(("name", "series", "serial"), [
    ("hst_acs_0012.imap", "hst_acs.imap", 12),
    ("hst_12345.pmap", "hst.pmap", 12345),
    ("hst.pmap", "hst.pmap", None),
    ("jwst_miri_dark_0001.fits", "jwst_miri_dark.fits", 1),
    ("v8q14451j_idc.fits", "v8q14451j_idc.fits", None),
])
def test_series(name, series, serial):
    assert names.split_serial(name) == (series, serial)
    assert names.series(name) == series
    if serial is not None:
        assert names.next_name(series, serial) == name


def test_highest_serials_leave_oddities_out():
    found = names.highest_serials(["a_0003.rmap", "a_0011.rmap", "a_9999.rmap", "b.rmap"])
    assert found == {"a.rmap": 11}


@pytest.mark.parametrize(("name", "time"), [
    ("v8q14451j_idc.fits", datetime(2011, 8, 26, 14, 45, 2, tzinfo=UTC)),
    ("16j16005o_apd.fits", datetime(2017, 6, 19, 16, 0, 10, tzinfo=UTC)),
    ("d6n1328ou.r6h", datetime(1993, 6, 23, 13, 28, 48, tzinfo=UTC)),
    ("jwst_miri_dark_0001.fits", None),
    ("hst_acs_biasfile_0001.fits", None),
    ("v2v14451j_idc.fits", None),
])
def test_naming_time(name, time):
    assert names.naming_time(name, datetime(2019, 1, 1, tzinfo=UTC)) == time


def test_naming_time_begins_again_after_36_years():
    name = "a3114451j_idc.fits"
    assert names.naming_time(name, datetime(2026, 2, 1, tzinfo=UTC)).year == 1990
    assert names.naming_time(name, datetime(2026, 4, 1, tzinfo=UTC)).year == 2026


def test_naming_time_is_what_the_library_writes(tmp_path):
    environment.prepare("hst", tmp_path)
    from crds.hst import locate

    moment = datetime(2024, 11, 30, 23, 59, 58)
    name = locate.generate_unique_name_core("acs", "idctab", ".fits", moment)
    assert names.naming_time(name) == moment.replace(tzinfo=UTC)
