"""Lookup tables and tests of synthetic photometry, on the demonstration rules."""

from __future__ import annotations

import importlib.util
import shutil
from pathlib import Path

import pytest
from astropy.io import fits

from rules import synphot
from rules.certifying import Candidate, Workshop

from .test_certifying import newest


@pytest.fixture(scope="module")
def folder(demo_cache) -> Path:
    return demo_cache("hst") / "references" / "hst"


@pytest.fixture(scope="module")
def workshop(demo_cache):
    cache = demo_cache("hst")
    with Workshop("hst", cache, newest(cache, "hst"), processes=2) as shop:
        yield shop


def reference(folder: Path, pattern: str) -> Path:
    return sorted(folder.rglob(pattern))[-1]


def component(folder: Path, tmp_path: Path, name="acs_f435w_002_syn.fits", **keywords) -> Path:
    path = tmp_path / name
    shutil.copyfile(reference(folder, "acs_f435w_001_syn.fits"), path)
    with fits.open(path, mode="update") as hdus:
        hdus[0].header.update(keywords)
        # Other bytes than those of the catalogue, and zero at both ends.
        hdus[1].data["THROUGHPUT"][0] = hdus[1].data["THROUGHPUT"][-1] = 0.0
    return path


@pytest.mark.parametrize(("given", "made"), [
    (["thruput"], ("tmctab",)), (["thermal", "thruput"], ("tmctab", "tmttab")),
    (["thruput", "tmctab"], ()), (["tmgtab"], ()), ([], ())])
def test_which_tables_are_to_be_made(given, made):
    assert synphot.tables_to_make(given) == made


def test_a_component_and_the_table_made_for_it(workshop, folder, tmp_path):
    path = component(folder, tmp_path)
    [certified] = workshop.certify([Candidate(path, path.name)])
    assert certified.errors == 0, certified.log
    assert (certified.instrument, certified.filekind) == ("synphot", "thruput")
    target = tmp_path / "abp15303m_tmc.fits"
    assert synphot.make_table(workshop, "tmctab", {path.name: path}, target) is None
    with fits.open(target) as hdus:
        rows = {row["COMPNAME"]: row["FILENAME"] for row in hdus[-1].data}
        assert hdus[0].header["DBTABLE"] == "CRCOMPLIST"
    assert rows["acs_f435w"] == "cracscomp$acs_f435w_002_syn.fits"
    assert rows["acs_f606w"] == "cracscomp$acs_f606w_001_syn.fits"
    # The file that the new table names is not in the store yet; beside it, it is known.
    both = workshop.certify([Candidate(target, target.name), Candidate(path, path.name)])
    assert [one.errors for one in both] == [0, 0], both[0].log
    certified = workshop.certify([Candidate(target, target.name)], overlay={path.name: path})[0]
    assert certified.errors == 0, certified.log


def test_an_older_version_is_an_error(workshop, folder, tmp_path):
    path = component(folder, tmp_path, "acs_f435w_000_syn.fits")
    [certified] = workshop.certify([Candidate(path, path.name)])
    assert "synphot-name" in {one.code for one in certified.findings if one.level == "error"}


def test_the_whole_agrees(workshop, folder, tmp_path):
    path = component(folder, tmp_path)
    table = tmp_path / "abp15303m_tmc.fits"
    assert synphot.make_table(workshop, "tmctab", {path.name: path}, table) is None
    findings, log = synphot.test(workshop, {
        path.name: ("thruput", path), table.name: ("tmctab", table)})
    if importlib.util.find_spec("stsynphot"):
        assert findings == [], log
        assert "all observation modes succeeded" in log
    else:
        assert [one.code for one in findings] == ["synphot-untested"], log
    assert "missing from" in log


def test_a_component_that_the_graph_does_not_know(workshop, folder, tmp_path):
    path = component(folder, tmp_path, "acs_f999w_001_syn.fits", COMPNAME="acs_f999w")
    table = tmp_path / "abp15303m_tmc.fits"
    assert synphot.make_table(workshop, "tmctab", {path.name: path}, table) is None
    findings, log = synphot.test(workshop, {
        path.name: ("thruput", path), table.name: ("tmctab", table)})
    errors = [one for one in findings if one.level == "error"]
    assert {one.code for one in errors} == {"synphot-components"}, log
    assert "acs_f999w" in errors[0].text
    assert {one.stage for one in findings} == {"synphot"}


def test_a_table_that_cannot_be_made(workshop, tmp_path):
    path = tmp_path / "x_001_syn.fits"
    path.write_text("nothing")
    problem = synphot.make_table(workshop, "tmctab", {path.name: path}, tmp_path / "t.fits")
    assert (problem.level, problem.code) == ("error", "synphot-table")
