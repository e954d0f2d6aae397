"""A small cache with three contexts that differ in every way, and references to compare."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
from astropy.io import fits

from interactive.tests.caches import Cache
from rules.tests import texts

#: References of the distortion tables: A is replaced by C, D comes later.
A, B, C, D = (f"{letter}7g1700gj_idc.fits" for letter in "abcd")
DARKS = "x7g1700gj_drk.fits", "y7g1700gj_drk.fits"


def idctab(value: float, name: str) -> bytes:
    """A FITS file with a table of two rows and a small image."""
    table = fits.BinTableHDU.from_columns([
        fits.Column("DETCHIP", "J", array=[1, 2]),
        fits.Column("DIRECTION", "8A", array=["FORWARD", "INVERSE"]),
        fits.Column("SCALE", "E", array=[value, 0.05])], name="IDC")
    image = fits.ImageHDU(np.full((4, 6), value, dtype="f4"), name="SCI")
    file = io.BytesIO()
    primary = fits.PrimaryHDU()
    primary.header["FILENAME"] = name
    fits.HDUList([primary, table, image]).writeto(file)
    return file.getvalue()


class Content(Cache):
    """Three contexts: in 2 files are new and replaced and a type becomes N/A; in 3 more is new."""

    def __init__(self, root: Path):
        super().__init__(root)
        for value, name in enumerate((A, B, C, D)):
            self.reference(name, idctab(0.05 * value, name))
        for name in DARKS:
            self.records[name] = {"size": "5", "sha1sum": "d" * 40}
        for number, references in ((1, [A, B]), (2, [C, B]), (3, [C, B, D])):
            name = f"hst_acs_idctab_000{number}.rmap"
            self.rule(name, texts.rmap(name, "ACS", "IDCTAB", references))
            dark = "hst_acs_darkfile_0001.rmap"
            if number == 1:
                self.rule(dark, texts.rmap(dark, "ACS", "DARKFILE", list(DARKS)))
            self.rule(f"hst_acs_000{number}.imap", texts.imap(
                f"hst_acs_000{number}.imap", "ACS",
                {"idctab": name, "darkfile": dark if number == 1 else "N/A"}))
        nicmos = "hst_nicmos_0001.imap"
        self.rule(nicmos, texts.imap(nicmos, "NICMOS", {"idctab": "N/A"}))
        for number in (1, 2, 3):
            self.rule(f"hst_000{number}.pmap", texts.pmap(f"hst_000{number}.pmap", {
                "COS": f"hst_cos_000{min(number, 2)}.imap", "ACS": f"hst_acs_000{number}.imap",
                **({"NICMOS": nicmos} if number == 3 else {})}))
        self.info |= {
            "edit_context": "hst_0003.pmap",
            "bad_files_list": [],
        }
        self.write_config()
