"""Small rules made up by hypothesis, which use everything that selection knows."""

from __future__ import annotations

import json

from hypothesis import strategies as st

from rules.bulk.context import Source
from rules.bulk.description import describe

#: Keys of match cases, those of values and those that mean more.
KEYS = (
    "A", "B", "C", "AD", "BC", "WFC", "HRC", 1, 1.0, 2.0, "4.0", 0.5, "0.0", 4144, "*", "N/A",
    "ANY", "A|B", "A | C|", "1.0|2.0", "B*", "*D|C", "{A|B}", "(A.*|B)", "#>1 and <=4#",
    "# <0.5 or >= 2 #", ">1", "<=2", "BETWEEN 1 3", "between 0 1", "NOT A", "NOT BETWEEN 1 3",
    "not #>1#", "NOT A|B",
    "NOT APPLICABLE", "T", True, False, "NONE", "UNDEFINED", "GENERIC", "SUB", "FULL",
)

#: Keys and values that meet often, so that lookups get as far as files.
COMMON_KEYS = ("A", "B", "1.0", 2.0, "*", "N/A", "A|B", "NOT A")
COMMON_VALUES = ("A", "B", "1.0", "2")

#: Values of headers: some that the keys accept, and everything else.
VALUES = (
    "A", "B", "C", "D", "AD", "BD", "WFC", "HRC", "1", "1.0", "2.0", "3", "4.0", "0.5", "1.4", "0",
    "0.0", "4144", "2068", "8.0", "*", "N/A", "ANY", "A|B", "a", "BX", "T", "F", "TRUE", "GENERIC",
    "SUB", "FULL", "NOT A", "NOT Q", "NOT", "BETWEEN 1 3", "BETWEEN 1", "between q r", "{A|B}",
    "#>1 and <=4#", "#>1 AND <=4#", ">1", "", " ", "nan", "1e400", "NOT FOUND", "UNDEFINED", "NONE",
    "4294967295", "-2147483648", "OMIT", "PERFORM", "1:20", "\u00e9", "x" * 50,
)

DATES = ("2009-05-14", "2009-05-13", "2002-03-30", "2002-03-29", "1996-10-01", "2030-01-01",
         "2009/05/14", "14/05/2009", "May 14 2009", "2009-02-30", "UNDEFINED", "N/A", "", "x",
         "2009-05-14T00:00:00.5", "20090514:000000", "0001-01-01", "9999-12-31")
TIMES = ("00:00:00", "00:00:01", "12:30:15", "23:59:59.999999", "00:00:00.1", "12:30", "24:00:00",
         "01:02 PM", "UNDEFINED", "", "N/A", "12:30:15.1234567", "1:2:3")

USEAFTERS = ("1996-10-01 00:00:00", "2002-03-30 00:00:00", "2009-05-14 00:00:00", "2009-05-14",
             "2009-05-14 00:00:00.1", "2009-05-14 00:00:00.100000", "2009-05-14 12:30:15",
             "2009-05-13 24:00:00", "2009-13-01 00:00:00", "19", "3", "", "x", "2009-05-14 0:0:0",
             "0001-01-01 00:00:00", "9999-12-31 23:59:59", "2009/05/14 00:00:00")

FILES = ("a_1.fits", "b_2.fits", "c_3.fits", "N/A", "OMIT", "temp_n/a", "TEMP_OMIT", "n/a")

EXPRESSIONS = (
    'ALWAYS', '(True)', '(False)', '({0} == "A")', '({0} != "A" and {1} in ["B", "1.0"])',
    '({0} not in ("N/A", "C") or {1} == "*")', '({1} > "B")', '(NOSUCH == "A")', '({0})',
    '({0} and NOSUCH)', '(not {1})',
)

#: Parameters by instrument: those of the hooks that each has.
PARAMETERS = {
    "acs": ("DETECTOR", "CCDAMP", "CCDGAIN", "APERTURE", "NAXIS1", "NAXIS2", "LTV1", "LTV2",
            "RAW_LTV1", "RAW_LTV2", "XCORNER", "YCORNER", "NUMCOLS", "NUMROWS"),
    "wfc3": ("DETECTOR", "SUBARRAY", "APERTURE", "CCDGAIN"),
    "wfpc2": ("FILTER1", "FILTER2", "MODE"),
    "nircam": ("META.INSTRUMENT.DETECTOR", "META.SUBARRAY.NAME", "META.EXPOSURE.TYPE", "OTHER"),
}

HOOKS = {
    "acs": ({}, {"precondition_header": "precondition_header_acs_biasfile_v2",
                 "fallback_header": "fallback_header_acs_biasfile_v2"},
            {"precondition_header": "precondition_header_acs_biasfile_v3",
             "fallback_header": "fallback_header_acs_biasfile_v3"},
            {"precondition_header": "none", "fallback_header": "fallback_header_acs_biasfile_v3"}),
    "wfc3": ({}, {"precondition_header": "precondition_header_wfc3_biasfile_v1"}),
    "wfpc2": ({}, {"fallback_header": "fallback_header_wfpc2_flatfile_v1"}),
    "nircam": ({},),
}

#: Types, so that those with hooks of their own are among them.
KINDS = {"acs": ("biasfile", "darkfile"), "wfc3": ("biasfile", "flshfile"),
         "wfpc2": ("flatfile", "darkfile"), "nircam": ("dark", "flat")}


def observatory(instrument: str) -> str:
    return "jwst" if instrument == "nircam" else "hst"


def date_keys(instrument: str) -> tuple[str, ...]:
    if instrument == "nircam":
        return ("META.OBSERVATION.DATE", "META.OBSERVATION.TIME")
    return ("DATE-OBS", "TIME-OBS")


@st.composite
def expressions(draw, parameters) -> str:
    names = [draw(st.sampled_from(parameters)) for _ in range(2)]
    return draw(st.sampled_from(EXPRESSIONS)).format(*names)


@st.composite
def useafters(draw) -> str:
    entries = draw(st.dictionaries(st.sampled_from(USEAFTERS), st.sampled_from(FILES), max_size=5))
    return f"UseAfter({entries!r})"


@st.composite
def choices(draw) -> str:
    """What a match case leads to: mostly dates, as in real rules."""
    lot = draw(st.integers(0, 99))
    if lot < 80:
        return draw(useafters())
    if lot < 98:
        return repr(draw(st.sampled_from(FILES)))
    return draw(st.sampled_from((
        "('a.fits', 'b.fits')", "{'one': 'a.fits'}", "VersionAfter({'1.0': 'a.fits'})",
        "ClosestTime({'2009-05-14 00:00:00': 'a.fits', '2012-01-01 00:00:00': 'b.fits'})",
        "SelectVersion({'<5': 'a.fits', 'default': 'b.fits'})",
        "GeometricallyNearest({1.0: 'a.fits', 2.0: 'b.fits'})",
        "Bracket({1.0: 'a.fits', 2.0: 'b.fits'})")))


@st.composite
def rules(draw, instrument: str, kind: str) -> str:
    """The text of an rmap."""
    pool = PARAMETERS[instrument]
    hooks = draw(st.sampled_from(HOOKS[instrument])) if draw(st.booleans()) else {}
    count = draw(st.sampled_from((1, 2, 2, 3, 4)))
    parameters = tuple(draw(st.permutations(pool)))[:count]
    dates = date_keys(instrument)
    if draw(st.integers(0, 19)) == 19:
        dates = dates[:1]
    keys = st.tuples(*[st.one_of(st.sampled_from(COMMON_KEYS), st.sampled_from(KEYS))
                       for _ in parameters])
    cases = draw(st.dictionaries(keys, choices(), min_size=draw(st.sampled_from((3, 1, 0))),
                                 max_size=9))
    header = {
        "observatory": observatory(instrument).upper(), "instrument": instrument.upper(),
        "filekind": kind.upper(), "mapping": "REFERENCE", "derived_from": "made up",
        "name": f"{instrument}_{kind}.rmap", "sha1sum": "none", "parkey": (parameters, dates),
    }
    optional = {
        "rmap_relevance": expressions(pool), "rmap_omit": expressions(pool),
        "parkey_relevance": st.dictionaries(
            st.sampled_from(parameters).map(str.lower), expressions(pool), max_size=2),
        "reffile_required": st.sampled_from(("YES", "NO", "NONE")),
        "reffile_switch": st.sampled_from(("NONE", "DARKCORR")),
        "extra_keys": st.lists(st.sampled_from(pool), max_size=2).map(tuple),
        "merge_overlaps": st.sampled_from((True, False)),
        "comment_parkeys": st.lists(st.sampled_from(parameters), max_size=1).map(tuple),
        "substitutions": st.dictionaries(st.sampled_from(parameters), st.dictionaries(
            st.sampled_from(("A", "GENERIC", "*", "FULL")),
            st.sampled_from(("N/A", "B", ["A", "C"], ("A", "B"))), max_size=2), max_size=1),
    }
    for name, strategy in optional.items():
        if draw(st.integers(0, 3)) == 3:
            header[name] = draw(strategy)
    if draw(st.integers(0, 3)) < 3:
        # Hooks need their parameters.
        header["extra_keys"] = pool
    if header.get("rmap_omit") == "ALWAYS":
        del header["rmap_omit"]
    if hooks:
        header["hooks"] = hooks
    body = ",\n".join(f"    {key!r} : {choice}" for key, choice in cases.items())
    return f"header = {header!r}\nselector = Match({{\n{body}\n}})\n"


@st.composite
def headers(draw, instrument: str) -> dict[str, str]:
    """A header with values, odd values and gaps."""
    name = "META.INSTRUMENT.NAME" if instrument == "nircam" else "INSTRUME"
    header = {name: instrument.upper()}
    # The smallest numbers are drawn most often; they stand for what is usual.
    for key in (*PARAMETERS[instrument], "DARKCORR"):
        lot = draw(st.integers(0, 19))
        if lot < 19:
            place = key.lower() if lot == 18 else key
            header[place] = draw(st.one_of(
                st.sampled_from(COMMON_VALUES), st.sampled_from(COMMON_VALUES),
                st.sampled_from(VALUES)))
    for key, values in zip(date_keys(instrument), (DATES, TIMES), strict=True):
        if draw(st.integers(0, 29)) < 29:
            usual = draw(st.integers(0, 9)) < 9
            header[key] = draw(st.sampled_from(values[:4] if usual else values))
    return header


class MadeUp(Source):
    """Rules that are in memory only."""

    def __init__(self, instrument: str, texts: dict[str, str], special: dict[str, str]):
        from crds.core import rmap

        self.instrument = instrument
        observatory_ = observatory(instrument).upper()
        common = {"observatory": observatory_, "derived_from": "made up", "sha1sum": "none"}
        imap = {**common, "mapping": "INSTRUMENT", "instrument": instrument.upper(),
                "parkey": ("REFTYPE",), "name": "i.imap"}
        pmap = {**common, "mapping": "PIPELINE", "name": "p.pmap",
                "parkey": ("META.INSTRUMENT.NAME" if observatory_ == "JWST" else "INSTRUME",)}
        kinds = {kind.upper(): f"{kind}.rmap" for kind in texts} | special
        self._made = {}
        keys = {"ignore_checksum": True, "loader": self.load}
        for name, text, class_ in (
                ("p.pmap", f"header = {pmap!r}\nselector = {{{instrument.upper()!r}: 'i.imap'}}",
                 rmap.PipelineContext),
                ("i.imap", f"header = {imap!r}\nselector = {kinds!r}", rmap.InstrumentContext),
                *((f"{kind}.rmap", text, rmap.ReferenceMapping) for kind, text in texts.items())):
            self._made[name] = class_.from_string(text, name, **keys)
        super().__init__(self.load)

    def load(self, name: str, **_):
        return self._made[name]

    def description(self, name: str):
        # As it comes back from a file.
        return json.loads(json.dumps(describe(self.load(name)))), 1000, name
