"""Official names, and files that say them."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from datetime import UTC, datetime

import numpy as np
import pytest
from astropy.io import fits

from rules import environment, names, renaming
from rules.certifying import Workshop
from rules.renaming import NameRefused, Placing, official_name, place

NOW = datetime(2026, 11, 25, 15, 30, 7, tzinfo=UTC)


class Given:
    """Names that were given out, as the database keeps them."""

    def __init__(self, *taken):
        self.taken = set(taken)
        self.serials = defaultdict(int)

    def reserve(self, name):
        if name in self.taken:
            return False
        self.taken.add(name)
        return True

    def allocate(self, series):
        self.serials[series] += 1
        return names.next_name(series, self.serials[series])

    def __call__(self, observatory, uploaded_as, instrument, filekind, **options):
        return official_name(observatory, uploaded_as, instrument, filekind, now=NOW,
                             allocate=self.allocate, reserve=self.reserve, **options)


@pytest.fixture(autouse=True)
def library(tmp_path):
    def prepare(observatory):
        environment.prepare(observatory, tmp_path)

    prepare("hst")
    return prepare


# ---- names -----------------------------------------------------------------


def test_hst_names_tell_the_time_and_step_on():
    given = Given()
    made = [given("hst", f"new{number}.fits", "acs", "biasfile") for number in range(3)]
    assert made == ["abp15303j_bia.fits", "abp15304j_bia.fits", "abp15305j_bia.fits"]
    assert names.naming_time(made[1], datetime(2026, 12, 1, tzinfo=UTC)) == \
        datetime(2026, 11, 25, 15, 30, 8, tzinfo=UTC)


def test_a_step_into_the_next_minute():
    given = Given()
    made = [given("hst", "x.fits", "cos", "deadtab") for _ in range(30)]
    assert len(set(made)) == 30
    assert made[-1] == "abp15312l_dead.fits"


def test_geis_keeps_its_extension():
    assert Given()("hst", "new.r1h", "wfpc2", "atodfile") == "abp15303u_a2d.r1h"


@pytest.mark.parametrize(("name", "filekind"), [
    ("acs_f435w_007_syn.fits", "thruput"), ("hst_ota_004_th.fits", "thermal")])
def test_synphot_components_keep_their_names(name, filekind):
    given = Given()
    assert given("hst", name, "synphot", filekind) == name
    with pytest.raises(NameRefused, match="given out before") as refused:
        given("hst", name, "synphot", filekind)
    assert "version" in refused.value.found.advice


def test_a_synphot_component_without_version():
    with pytest.raises(NameRefused, match="keep their names"):
        Given()("hst", "acs_f435w_syn.fits", "synphot", "thruput")


@pytest.mark.parametrize("filekind", ["tmgtab", "tmctab", "tmttab"])
def test_synphot_tables_get_names_of_their_time(filekind):
    assert Given()("hst", "any.fits", "synphot", filekind) == f"abp15303m_{filekind[:3]}.fits"


def test_jwst_series_go_on(library):
    library("jwst")
    given = Given()
    assert [given("jwst", "a.fits", "miri", "dark"), given("jwst", "b.fits", "miri", "dark"),
            given("jwst", "c.asdf", "miri", "pars-tweakregstep")] == [
        "jwst_miri_dark_0001.fits", "jwst_miri_dark_0002.fits",
        "jwst_miri_pars-tweakregstep_0001.asdf"]


def test_roman_names_of_four_and_five_parts(library):
    library("roman")
    given = Given("roman_wfi_prism_optmodel_ctx0001.yaml")
    assert given("roman", "flat.asdf", "wfi", "flat") == "roman_wfi_flat_0001.asdf"
    assert given("roman", "roman_wfi_prism_sflat_0009.asdf", "wfi", "sflat") == \
        "roman_wfi_prism_sflat_0001.asdf"
    assert given("roman", "roman_wfi_prism_optmodel_ctx0001.yaml", "wfi", "optmodel") == \
        "roman_wfi_prism_optmodel_ctx0002.yaml"


def test_without_auto_rename_a_good_name_is_kept_once():
    given = Given()
    assert given("hst", "s7g1700gl_dead.fits", "cos", "deadtab", auto_rename=False) == \
        "s7g1700gl_dead.fits"
    with pytest.raises(NameRefused, match="never used twice"):
        given("hst", "s7g1700gl_dead.fits", "cos", "deadtab", auto_rename=False)


@pytest.mark.parametrize("name", ["new dead.fits", "dead.fits", "s7g1700gl_bia.fits",
                                  "S7G1700GL_dead.fits", "hst_cos_biasfile_0001.fits"])
def test_without_auto_rename_other_names_are_refused(name):
    with pytest.raises(NameRefused, match="not an official name") as refused:
        Given()("hst", name, "cos", "deadtab", auto_rename=False)
    assert "Auto Rename" in refused.value.found.advice


# ---- files -----------------------------------------------------------------


@pytest.fixture(scope="module")
def workshop(tmp_path_factory):
    with Workshop("hst", tmp_path_factory.mktemp("cache"), processes=2) as shop:
        yield shop


def a_table(path, checksum):
    primary = fits.PrimaryHDU()
    primary.header["FILENAME"] = "old.fits"
    table = fits.BinTableHDU.from_columns(
        [fits.Column("A", "J", array=np.arange(5))], name="SCI")
    fits.HDUList([primary, table]).writeto(path, checksum=checksum)
    return path


@pytest.mark.parametrize("checksum", [True, False])
def test_a_fits_file_says_its_new_name(workshop, tmp_path, checksum):
    path = a_table(tmp_path / "stored-otherwise", checksum)
    before = path.read_bytes()
    placing = Placing(path, "mine.fits", "abp15303j_bia.fits", tmp_path / "files")
    assert place([placing], workshop) == [None]
    with fits.open(placing.target, checksum=checksum) as hdus:
        header = hdus[0].header
        assert (header["FILENAME"], header["ROOTNAME"]) == ("abp15303j_bia.fits", "ABP15303J_BIA")
        assert "mine.fits renamed to abp15303j_bia.fits on" in str(header["HISTORY"])
        assert ("CHECKSUM" in header) is checksum
        assert list(hdus["SCI"].data["A"]) == [0, 1, 2, 3, 4]
    assert path.read_bytes() == before
    assert [one.name for one in placing.folder.iterdir()] == [placing.name]
    assert place([placing], workshop) == [None]  # once more, after a stop


def test_a_file_that_cannot_be_rewritten(workshop, tmp_path):
    path = tmp_path / "broken.fits"
    path.write_bytes(b"SIMPLE  = nothing")
    placing = Placing(path, "broken.fits", "abp15303j_bia.fits", tmp_path / "files")
    [problem] = place([placing], workshop)
    assert (problem.level, problem.stage) == ("error", "rename")
    assert list(placing.folder.iterdir()) == []


def test_other_files_keep_their_bytes(tmp_path):
    path = tmp_path / "mine.asdf"
    path.write_bytes(b"#ASDF 1.0.0\n")
    placing = Placing(path, "mine.asdf", "jwst_miri_distortion_0023.asdf", tmp_path / "files")
    assert place([placing, placing], None) == [None, None]
    assert placing.target.read_bytes() == path.read_bytes()
    assert [one.name for one in placing.folder.iterdir()] == [placing.name]


CARDS = ["SIMPLE  =                    F", "FILENAME= 'old.r1h  '", "GCOUNT  =   4", "END"]


@pytest.mark.parametrize("end", ["\n", "\r\n", ""])
def test_a_geis_pair_says_its_new_name(tmp_path, end):
    header = tmp_path / "mine.r1h"
    header.write_bytes(end.join(card.ljust(80) for card in CARDS).encode())
    data = tmp_path / "mine.r1d"
    data.write_bytes(b"\1\2\3")
    placing = Placing(header, "mine.r1h", "abp15303u_a2d.r1h", tmp_path / "files", data)
    assert place([placing], None, NOW) == [None]
    text = placing.target.read_text().replace("\r", "")
    cards = text.split("\n") if end else [text[at:at + 80] for at in range(0, len(text), 80)]
    assert {len(card) for card in cards} == {80}
    assert [card.split("/")[0].strip() for card in cards] == [
        "SIMPLE  =                    F", "FILENAME= 'abp15303u_a2d.r1h'", "GCOUNT  =   4",
        "ROOTNAME= 'ABP15303U_A2D'",
        "HISTORY mine.r1h renamed to abp15303u_a2d.r1h on Nov 25 2026", "END"]
    assert (tmp_path / "files" / "abp15303u_a2d.r1d").read_bytes() == b"\1\2\3"


def test_the_history_of_a_long_name_takes_two_cards():
    card = ("END".ljust(80)).encode()
    made = renaming.renamed_geis_header(card, "m" * 60 + ".r1h", "abp15303u_a2d.r1h", NOW)
    assert made.count(b"HISTORY ") == 2
    assert len(made) % 80 == 0
    assert hashlib.sha1(made).hexdigest() != hashlib.sha1(card).hexdigest()
