"""What certifying must find in each of the real reference files, good and broken.

The counts are those of the client's own ``crds certify --run-fitsverify``
(``benchmarks/certify_equality.py`` compares them), except where ``own`` says that this server looks
for more.
"""

from __future__ import annotations

from dataclasses import dataclass

#: Contexts of the real cache that the files are certified against.
CONTEXTS = {"hst": "hst_0500.pmap", "jwst": "jwst_0300.pmap", "roman": "roman_0004.pmap"}


@dataclass(frozen=True)
class Expected:
    """Instrument and type, errors and warnings of a file, and the codes of its errors."""

    instrument: str
    filekind: str
    errors: int = 0
    warnings: int = 0
    codes: frozenset[str] = frozenset()
    own: bool = False

    @property
    def accepted(self) -> bool:
        return not self.errors


def _file(properties: str, errors: int = 0, warnings: int = 0, *codes: str,
          own: bool = False) -> Expected:
    instrument, _, filekind = properties.partition(" ")
    return Expected(instrument, filekind, errors, warnings, frozenset(codes), own)


OUTCOMES = {
    "hst": {
        "16j16005o_apd.fits": _file("stis apdestab", 0, 2),
        "2381905mm_tmg.fits": _file("synphot tmgtab", 1, 2, "context"),
        "acs_new_idc.fits": _file("acs idctab", 0, 2),
        "dbu1405fu.r1h": _file("", 1, 0, "geis-half", own=True),
        "hst_acs_biasfile_0001.fits": _file("acs biasfile"),
        "hst_acs_biasfile_0002.fits": _file("acs biasfile"),
        "hst_synphot_new_syn.fits": _file(
            "synphot thruput", 3, 6, "keyword-missing", "synphot-name", "context"),
        "hst_synphot_new_th.fits": _file(
            "synphot thermal", 3, 3, "keyword-missing", "synphot-name", "context"),
        "j4d1435jj_bpx.fits": _file("acs bpixtab"),
        "missing_keyword.fits": _file("cos deadtab", 1, 0, "keyword-missing"),
        "s7g1700gl_dead.fits": _file("cos deadtab"),
        "s7g1700gl_dead_bad_xsum.fits": _file(
            "cos deadtab", 4, 6, "checksum", "fitsverify", "fitsverify-summary"),
        "s7g1700gl_dead_dup1.fits": _file("cos deadtab"),
        "s7g1700gl_dead_dup2.fits": _file("cos deadtab"),
        "s7g1700gl_dead_good_xsum.fits": _file("cos deadtab"),
        "s7g1700gm_dead_broken.fits": _file("cos deadtab", 1, 0, "keyword-value"),
        "s7g1700hl_dead.fits": _file("cos deadtab"),
        "truncated.fits": _file("cos deadtab", 2, 18, "truncated", "fitsverify-summary"),
        "v8q14451j_idc.fits": _file("acs idctab", 0, 1),
        "v8q1445xx_idc.fits": _file("acs idctab", 0, 1),
        "valid.r1h": _file("", 1, 0, "geis-half", own=True),
        "xaf1429el_wcp.fits": _file("cos wcptab", 1, 1, "keyword-missing"),
    },
    "jwst": {
        "invalid.asdf": _file("", 1, 0, "format"),
        "invalid.json": _file("", 1, 0, "format"),
        "invalid.yaml": _file("", 1, 0, "format"),
        "jwst_miri_distortion_0022.asdf": _file("miri distortion"),
        "jwst_miri_ipc.bad-keyword.fits": _file("miri ipc", 0, 1),
        "jwst_miri_ipc_0003.add.fits": _file("miri ipc"),
        "jwst_miri_ipc_0004.fits": _file("miri ipc", 1, 2, "keyword-missing"),
        "niriss_ref_photom.fits": _file("niriss photom", 0, 4),
        "niriss_ref_photom_bad.fits": _file("niriss photom", 1, 4, "keyword-value"),
        "valid.asdf": _file("nirspec wavecorr", 1, 0, "context"),
        "valid.json": _file("miri distortion"),
        "valid.yaml": _file("miri distortion", 1, 0, "keyword-missing"),
    },
    "roman": {
        "roman_wfi16_f158_flat_invalid_schema.asdf": _file("wfi flat", 1, 0, "keyword-date"),
        "roman_wfi16_f158_flat_small.asdf": _file("wfi flat"),
        "roman_wfi_pars-exposurepipeline.asdf": _file(
            "wfi pars-exposurepipeline", 1, 0, "context"),
    },
}

#: Files that take no time: enough for every run of the tests.
SAMPLE = {
    "hst": ("dbu1405fu.r1h", "missing_keyword.fits", "s7g1700gl_dead_bad_xsum.fits",
            "s7g1700hl_dead.fits", "truncated.fits", "v8q1445xx_idc.fits"),
    "jwst": ("invalid.asdf", "invalid.json", "invalid.yaml", "jwst_miri_ipc.bad-keyword.fits",
             "valid.json"),
    "roman": tuple(OUTCOMES["roman"]),
}
