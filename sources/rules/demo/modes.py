"""Observing modes of each instrument: the parameter values the demonstration rules are made for.

A mode is a consistent set of dataset parameters, for instance one detector with
a filter and an aperture that exist for it.  Every demonstration rule projects
the modes of its instrument on its own matching parameters, so a dataset taken
in one of the modes finds nearly all of its reference types.
"""

from __future__ import annotations

Mode = dict[str, str]


def _variants(common: Mode, *changes: Mode) -> list[Mode]:
    return [{**common, **change} for change in changes]


def _keys(prefix: str, **values: str) -> Mode:
    """``_keys("META.", INSTRUMENT__FILTER="F770W")`` -> ``{"META.INSTRUMENT.FILTER": "F770W"}``."""
    return {prefix + name.replace("__", "."): value for name, value in values.items()}


# ---- HST ----------------------------------------------------------------

_ACS_WFC = {
    "DETECTOR": "WFC", "CCDAMP": "ABCD", "CCDGAIN": "2.0", "APERTURE": "WFC",
    "NAXIS1": "4144.0", "NAXIS2": "4136.0", "LTV1": "24.0", "LTV2": "0.0",
    "XCORNER": "0.0", "YCORNER": "0.0", "CCDCHIP": "-999.0",
    "FILTER1": "F606W", "FILTER2": "CLEAR2L", "OBSTYPE": "IMAGING",
    "FW1OFFST": "0.0", "FW2OFFST": "0.0", "FWSOFFST": "0.0", "LRFWAVE": "0.0",
    "FLASHCUR": "OFF", "SHUTRPOS": "A", "BINAXIS1": "1.0", "BINAXIS2": "1.0",
}
_ACS_HRC = {
    **_ACS_WFC, "DETECTOR": "HRC", "CCDAMP": "C", "APERTURE": "HRC",
    "NAXIS1": "1062.0", "NAXIS2": "1044.0", "LTV1": "19.0",
    "FILTER1": "CLEAR1S", "FILTER2": "F250W",
}
_ACS_SBC = {
    **_ACS_WFC, "DETECTOR": "SBC", "CCDAMP": "N/A", "CCDGAIN": "-999.0", "APERTURE": "SBC",
    "NAXIS1": "1024.0", "NAXIS2": "1024.0", "LTV1": "0.0",
    "FILTER1": "F150LP", "FILTER2": "N/A",
}

_WFC3_UVIS = {
    "DETECTOR": "UVIS", "CCDAMP": "ABCD", "CCDGAIN": "1.5", "BINAXIS1": "1.0",
    "BINAXIS2": "1.0", "APERTURE": "UVIS", "CHINJECT": "NONE", "SUBARRAY": "F",
    "FILTER": "F606W", "FLASHCUR": "LOW", "SHUTRPOS": "A", "SAMP_SEQ": "N/A",
    "SUBTYPE": "N/A",
}
_WFC3_IR = {
    **_WFC3_UVIS, "DETECTOR": "IR", "CCDGAIN": "2.5", "APERTURE": "IR", "FILTER": "F160W",
    "FLASHCUR": "ZERO", "SAMP_SEQ": "SPARS100", "SUBTYPE": "FULLIMAG",
}

_COS_FUV = {
    "DETECTOR": "FUV", "OBSMODE": "TIME-TAG", "OBSTYPE": "SPECTROSCOPIC", "LIFE_ADJ": "3.0",
    "EXPTYPE": "EXTERNAL/SCI", "OPT_ELEM": "G130M",
}
_COS_NUV = {**_COS_FUV, "DETECTOR": "NUV", "LIFE_ADJ": "1.0", "OPT_ELEM": "G185M"}

_STIS_CCD = {
    "DETECTOR": "CCD", "CCDAMP": "D", "CCDGAIN": "1.0", "CCDOFFST": "3.0", "BINAXIS1": "1.0",
    "BINAXIS2": "1.0", "OBSTYPE": "SPECTROSCOPIC", "OPT_ELEM": "G430L", "CENWAVE": "4300.0",
    "APERTURE": "52X0.2",
}
_STIS_NUV = {
    **_STIS_CCD, "DETECTOR": "NUV-MAMA", "CCDAMP": "N/A", "CCDGAIN": "-999.0",
    "CCDOFFST": "-999.0", "OPT_ELEM": "E230M", "CENWAVE": "2707.0", "APERTURE": "0.2X0.2",
}
_STIS_FUV = {**_STIS_NUV, "DETECTOR": "FUV-MAMA", "OPT_ELEM": "E140M", "CENWAVE": "1425.0"}

_NICMOS = {
    "CAMERA": "1.0", "READOUT": "FAST", "NREAD": "1.0", "SAMP_SEQ": "STEP8",
    "OBSMODE": "MULTIACCUM", "FILTER": "F110W",
}
_WFPC2 = {
    "MODE": "FULL", "ATODGAIN": "7.0", "SERIALS": "OFF", "SHUTTER": "A", "IMAGETYP": "EXT",
    "FILTER1": "0.0", "FILTER2": "38.0", "FILTNAM1": "F606W", "FILTNAM2": "", "LRFWAVE": "0.0",
}

HST = {
    "acs": [
        *_variants(
            _ACS_WFC, {},
            {"FILTER1": "CLEAR1L", "FILTER2": "F814W"},
            {"FILTER1": "CLEAR1L", "FILTER2": "F435W", "FLASHCUR": "LOW"},
            {"FILTER1": "F775W", "CCDGAIN": "1.0", "FLASHCUR": "MED", "SHUTRPOS": "B"},
            {"FILTER1": "CLEAR1L", "FILTER2": "FR656N", "LRFWAVE": "6560.0"},
            {"FILTER1": "G800L", "OBSTYPE": "SPECTROSCOPIC"},
            {"CCDAMP": "A", "APERTURE": "WFC1-1K", "NAXIS1": "1046.0", "NAXIS2": "1024.0",
             "LTV1": "-1048.0", "LTV2": "-1024.0", "XCORNER": "1049.0", "YCORNER": "1025.0",
             "CCDCHIP": "1.0"},
        ),
        *_variants(
            _ACS_HRC, {},
            {"FILTER1": "F606W", "FILTER2": "CLEAR2S", "CCDGAIN": "4.0",
             "OBSTYPE": "CORONAGRAPHIC"},
        ),
        *_variants(_ACS_SBC, {}, {"FILTER1": "F125LP"}),
    ],
    "cos": [
        *_variants(
            _COS_FUV, {},
            {"OPT_ELEM": "G160M", "LIFE_ADJ": "2.0"},
            {"OPT_ELEM": "G140L", "LIFE_ADJ": "1.0"},
            {"OBSMODE": "ACCUM"},
        ),
        *_variants(
            _COS_NUV, {},
            {"OPT_ELEM": "G230L", "OBSMODE": "ACCUM"},
            {"OPT_ELEM": "MIRRORA", "OBSTYPE": "IMAGING"},
        ),
    ],
    "nicmos": _variants(
        _NICMOS, {},
        {"CAMERA": "2.0", "FILTER": "F160W", "SAMP_SEQ": "STEP16"},
        {"CAMERA": "3.0", "FILTER": "F110W", "SAMP_SEQ": "SPARS64"},
        {"CAMERA": "3.0", "FILTER": "G141", "SAMP_SEQ": "SPARS64"},
        {"CAMERA": "2.0", "FILTER": "POL0L", "OBSMODE": "ACCUM", "SAMP_SEQ": "NONE",
         "READOUT": "SLOW", "NREAD": "9.0"},
    ),
    "stis": [
        *_variants(
            _STIS_CCD, {},
            {"OPT_ELEM": "G750L", "CENWAVE": "7751.0"},
            {"OPT_ELEM": "G230LB", "CENWAVE": "2375.0", "CCDGAIN": "4.0"},
            {"OPT_ELEM": "MIRVIS", "OBSTYPE": "IMAGING", "APERTURE": "50CCD",
             "CENWAVE": "-999.0", "CCDGAIN": "4.0"},
        ),
        *_variants(
            _STIS_NUV, {},
            {"OPT_ELEM": "G230L", "CENWAVE": "2376.0", "APERTURE": "52X2"},
            {"OPT_ELEM": "MIRNUV", "OBSTYPE": "IMAGING", "APERTURE": "F25SRF2",
             "CENWAVE": "-999.0"},
        ),
        *_variants(
            _STIS_FUV, {},
            {"OPT_ELEM": "G140M", "CENWAVE": "1222.0", "APERTURE": "52X0.2"},
            {"OPT_ELEM": "MIRFUV", "OBSTYPE": "IMAGING", "APERTURE": "25MAMA",
             "CENWAVE": "-999.0"},
        ),
    ],
    "wfc3": [
        *_variants(
            _WFC3_UVIS, {},
            {"FILTER": "F814W", "FLASHCUR": "MED", "SHUTRPOS": "B"},
            {"FILTER": "F336W", "APERTURE": "UVIS-CENTER"},
            {"FILTER": "F275W", "BINAXIS1": "2.0", "BINAXIS2": "2.0"},
            {"CCDAMP": "C", "APERTURE": "UVIS2-C512C-SUB", "SUBARRAY": "T"},
        ),
        *_variants(
            _WFC3_IR, {},
            {"FILTER": "F125W", "SAMP_SEQ": "STEP50"},
            {"FILTER": "F140W", "SAMP_SEQ": "SPARS50"},
            {"FILTER": "G141", "SUBTYPE": "SQ512SUB", "SAMP_SEQ": "SPARS25"},
        ),
    ],
    "wfpc2": _variants(
        _WFPC2, {},
        {"FILTER2": "39.0", "FILTNAM1": "F814W", "SHUTTER": "B"},
        {"ATODGAIN": "15.0", "FILTER2": "35.0", "FILTNAM1": "F555W"},
        {"MODE": "AREA", "FILTER2": "39.0", "FILTNAM1": "F814W", "SERIALS": "ON"},
    ),
}

# ---- JWST ---------------------------------------------------------------


def _jwst(**values: str) -> Mode:
    return _keys("META.", **values)


_COMMON = _jwst(
    VISIT__TSOVISIT="F", VISIT__TYPE="PRIME_TARGETED_FIXED", VISIT__CROWDED_FIELD="F",
    EXPOSURE__NGROUPS="10.0", EXPOSURE__NOUTPUTS="4.0", INSTRUMENT__CORONAGRAPH="NONE",
    INSTRUMENT__LAMP_MODE="N/A", INSTRUMENT__LAMP_STATE="N/A",
)

_MIRI = {
    **_COMMON,
    **_jwst(
        INSTRUMENT__DETECTOR="MIRIMAGE", INSTRUMENT__FILTER="F770W", INSTRUMENT__BAND="N/A",
        INSTRUMENT__CHANNEL="N/A", EXPOSURE__TYPE="MIR_IMAGE", EXPOSURE__READPATT="FASTR1",
        SUBARRAY__NAME="FULL",
    ),
}
_MRS_SHORT = _jwst(
    INSTRUMENT__DETECTOR="MIRIFUSHORT", INSTRUMENT__CHANNEL="12", INSTRUMENT__BAND="SHORT",
    INSTRUMENT__FILTER="N/A", EXPOSURE__TYPE="MIR_MRS", EXPOSURE__READPATT="SLOWR1",
)
_NIRCAM = {
    **_COMMON,
    **_jwst(
        INSTRUMENT__DETECTOR="NRCA1", INSTRUMENT__MODULE="A", INSTRUMENT__CHANNEL="SHORT",
        INSTRUMENT__FILTER="F200W", INSTRUMENT__PUPIL="CLEAR", EXPOSURE__TYPE="NRC_IMAGE",
        EXPOSURE__READPATT="RAPID", SUBARRAY__NAME="FULL",
    ),
}
_NRC_LONG = _jwst(
    INSTRUMENT__DETECTOR="NRCALONG", INSTRUMENT__CHANNEL="LONG", INSTRUMENT__FILTER="F444W"
)
_NIRISS = {
    **_COMMON,
    **_jwst(
        INSTRUMENT__DETECTOR="NIS", INSTRUMENT__FILTER="CLEAR", INSTRUMENT__PUPIL="F200W",
        EXPOSURE__TYPE="NIS_IMAGE", EXPOSURE__READPATT="NIS", SUBARRAY__NAME="FULL",
    ),
}
_NIRSPEC = {
    **_COMMON,
    **_jwst(
        INSTRUMENT__DETECTOR="NRS1", INSTRUMENT__FILTER="F170LP", INSTRUMENT__GRATING="G235M",
        EXPOSURE__TYPE="NRS_FIXEDSLIT", EXPOSURE__READPATT="NRSRAPID", SUBARRAY__NAME="FULL",
    ),
}
_FGS = {
    **_COMMON,
    **_jwst(
        INSTRUMENT__DETECTOR="GUIDER1", INSTRUMENT__FILTER="N/A", EXPOSURE__TYPE="FGS_IMAGE",
        EXPOSURE__READPATT="FGS", SUBARRAY__NAME="FULL",
    ),
}

JWST = {
    "fgs": _variants(
        _FGS, {},
        _jwst(INSTRUMENT__DETECTOR="GUIDER2"),
        _jwst(EXPOSURE__TYPE="FGS_FINEGUIDE", EXPOSURE__READPATT="FINEGUIDE",
              SUBARRAY__NAME="SUB8X8"),
        _jwst(INSTRUMENT__DETECTOR="GUIDER2", EXPOSURE__TYPE="FGS_DARK",
              EXPOSURE__READPATT="FGSRAPID"),
    ),
    "miri": _variants(
        _MIRI, {},
        _jwst(INSTRUMENT__FILTER="F1500W"),
        _jwst(INSTRUMENT__FILTER="F560W", SUBARRAY__NAME="SUB256"),
        _jwst(INSTRUMENT__FILTER="F1065C", EXPOSURE__TYPE="MIR_4QPM", SUBARRAY__NAME="MASK1065",
              INSTRUMENT__CORONAGRAPH="4QPM_1065"),
        _jwst(INSTRUMENT__FILTER="P750L", EXPOSURE__TYPE="MIR_LRS-FIXEDSLIT"),
        _jwst(INSTRUMENT__FILTER="P750L", EXPOSURE__TYPE="MIR_LRS-SLITLESS",
              SUBARRAY__NAME="SLITLESSPRISM", VISIT__TSOVISIT="T"),
        _MRS_SHORT,
        {**_MRS_SHORT, **_jwst(INSTRUMENT__DETECTOR="MIRIFULONG", INSTRUMENT__CHANNEL="34")},
        {**_MRS_SHORT, **_jwst(INSTRUMENT__BAND="LONG")},
    ),
    "nircam": _variants(
        _NIRCAM, {},
        _jwst(INSTRUMENT__DETECTOR="NRCB4", INSTRUMENT__MODULE="B", INSTRUMENT__FILTER="F150W",
              EXPOSURE__READPATT="SHALLOW4"),
        _NRC_LONG,
        {**_NRC_LONG, **_jwst(INSTRUMENT__DETECTOR="NRCBLONG", INSTRUMENT__MODULE="B",
                              INSTRUMENT__FILTER="F356W", EXPOSURE__READPATT="BRIGHT1")},
        {**_NRC_LONG, **_jwst(INSTRUMENT__PUPIL="GRISMR", EXPOSURE__TYPE="NRC_WFSS")},
        {**_NRC_LONG, **_jwst(INSTRUMENT__PUPIL="GRISMR", EXPOSURE__TYPE="NRC_TSGRISM",
                              SUBARRAY__NAME="SUBGRISM256", VISIT__TSOVISIT="T",
                              INSTRUMENT__FILTER="F322W2")},
        {**_NRC_LONG, **_jwst(INSTRUMENT__PUPIL="MASKRND", EXPOSURE__TYPE="NRC_CORON",
                              SUBARRAY__NAME="SUB320A335R", INSTRUMENT__FILTER="F335M",
                              INSTRUMENT__CORONAGRAPH="MASKA335R")},
    ),
    "niriss": _variants(
        _NIRISS, {},
        _jwst(INSTRUMENT__PUPIL="F115W", EXPOSURE__READPATT="NISRAPID"),
        _jwst(INSTRUMENT__FILTER="GR150C", EXPOSURE__TYPE="NIS_WFSS"),
        _jwst(INSTRUMENT__FILTER="CLEAR", INSTRUMENT__PUPIL="GR700XD", EXPOSURE__TYPE="NIS_SOSS",
              SUBARRAY__NAME="SUBSTRIP256", EXPOSURE__READPATT="NISRAPID", VISIT__TSOVISIT="T"),
        _jwst(INSTRUMENT__FILTER="F480M", INSTRUMENT__PUPIL="NRM", EXPOSURE__TYPE="NIS_AMI",
              SUBARRAY__NAME="SUB80", EXPOSURE__READPATT="NISRAPID"),
    ),
    "nirspec": _variants(
        _NIRSPEC, {},
        _jwst(INSTRUMENT__DETECTOR="NRS2"),
        _jwst(INSTRUMENT__FILTER="F290LP", INSTRUMENT__GRATING="G395H", EXPOSURE__TYPE="NRS_IFU",
              EXPOSURE__READPATT="NRSIRS2RAPID"),
        _jwst(INSTRUMENT__FILTER="CLEAR", INSTRUMENT__GRATING="PRISM",
              EXPOSURE__TYPE="NRS_MSASPEC", EXPOSURE__READPATT="NRSIRS2"),
        _jwst(INSTRUMENT__FILTER="CLEAR", INSTRUMENT__GRATING="PRISM", VISIT__TSOVISIT="T",
              EXPOSURE__TYPE="NRS_BRIGHTOBJ", SUBARRAY__NAME="SUB512"),
        _jwst(INSTRUMENT__FILTER="OPAQUE", INSTRUMENT__GRATING="G140M",
              EXPOSURE__TYPE="NRS_AUTOWAVE", INSTRUMENT__LAMP_MODE="FIXEDSLIT",
              INSTRUMENT__LAMP_STATE="LINE1"),
    ),
    "system": [],
}

# ---- Roman --------------------------------------------------------------


def _roman(detector: str, element: str, exposure: str = "WFI_IMAGE") -> Mode:
    return {
        "ROMAN.META.INSTRUMENT.DETECTOR": detector,
        "ROMAN.META.INSTRUMENT.OPTICAL_ELEMENT": element,
        "ROMAN.META.EXPOSURE.TYPE": exposure,
        "ROMAN.FIELD": "N/A",
        "ROMAN.META.SPEC_CONTEXT": "N/A",
    }


ROMAN = {
    "wfi": [
        _roman("WFI01", "F158"),
        _roman("WFI02", "F158"),
        _roman("WFI03", "F129"),
        _roman("WFI04", "F106"),
        _roman("WFI07", "F184"),
        _roman("WFI10", "GRISM", "WFI_GRISM"),
        _roman("WFI16", "PRISM", "WFI_PRISM"),
        _roman("WFI18", "DARK", "WFI_DARK"),
    ],
}

TOBS = {
    "tinstr": [
        {"TEST_CASE": "USE_AFTER"},
        {"TEST_CASE": "MATCH"},
        {"TEST_CASE": "CLOSEST_TIME"},
        {"TEST_CASE": "INSERT"},
    ],
}

MODES: dict[str, dict[str, list[Mode]]] = {"hst": HST, "jwst": JWST, "roman": ROMAN, "tobs": TOBS}
