"""Small rule files and headers that hypothesis makes, with all that rules can hold."""

from __future__ import annotations

from hypothesis import strategies as st

PARAMETERS = ("DETECTOR", "FILTER", "SUBARRAY")

#: What a match case may say about a parameter.
PATTERNS = (
    "X", "Y", "x", "XYZ", "N/A", "*", "ANY", "X|Y", "X|Y*", "X*", "?", "{X|Y}", "{*}", "(X|Y.)",
    "#>1 AND <5#", "#<0 OR >10#", "BETWEEN 1 5", "between 3 3", "NOT X", "NOT X|Y",
    "NOT BETWEEN 1 5", ">2", "<=2.5", "1", "1.0", 1, 2.0, True, "GENERIC", "UNDEFINED", "-999",
    "NOT APPLICABLE", "T", "", " X ",
)

#: What a header may say.
VALUES = (
    "X", "Y", "XYZ", "x", "N/A", "*", "ANY", "GENERIC", "UNDEFINED", "", " X ", "1", "1.0", "2.5",
    "5", "3", "-3", "11", "T", "F", "nan", "1e400", "X|Y", "{X|Y}", "(X", "NOT X", "BETWEEN 1 5",
    "#>1 AND <5#", "between", "é", "\x00", "' or 1==1", "[X-", "4294967295",
)

DATES = ("1991-01-01 00:00:00", "2001-02-03 04:05:06", "2001-02-03 04:05:07",
         "2010-01-01 00:00:00", "2030-12-31 23:59:59")

HEADER_DATES = (
    ("2001-02-03", "04:05:06"), ("2001-02-03", "04:05:05"), ("1980-01-01", "00:00:00"),
    ("2020-01-01", "00:00:00"), ("UNDEFINED", "00:00:00"), ("2001-02-30", "00:00:00"), ("", ""),
    ("N/A", "N/A"), ("2020-01-01T00:00:00", ""), ("*", "*"),
)

FILES = ("a_bia.fits", "b_bia.fits", "c_bia.fits", "N/A", "OMIT", "TEMP_N/A", "n/a")

EXPRESSIONS = (
    "(DETECTOR == 'X')", "(DETECTOR != 'N/A' and FILTER in ('X', 'Y'))", "(FILTER == DETECTOR)",
    "(NOWHERE == 'X')", "(not SUBARRAY)", "(DETECTOR > '1')", "(True)", "(False)", "always",
)

names = st.sampled_from(FILES)


def keyed(keys, choices, least: int = 1):
    return st.dictionaries(keys, choices, min_size=least, max_size=5)


def source(kind: str, selections: dict) -> str:
    rows = "".join(f"    {key!r} : {choice},\n" for key, choice in selections.items())
    return f"{kind}({{\n{rows}}})"


leaves = st.one_of(
    names.map(repr), names.map(repr), st.tuples(names, names).map(repr),
    st.just(repr({"one": "a_bia.fits", "two": "b_bia.fits"})))


@st.composite
def ordered(draw, choices=leaves) -> tuple[str, tuple[str, ...], str]:
    """Kind, parameters and text of one selector that is not a Match."""
    kind = draw(st.sampled_from(("UseAfter", "UseAfter", "UseAfter", "ClosestTime",
                                 "SelectVersion", "GeometricallyNearest", "Bracket",
                                 "VersionAfter")))
    keys = {
        "SelectVersion": st.sampled_from(("<3.1", "<5", "= 6", "default")),
        "VersionAfter": st.sampled_from(("1.2.3", "0.9", "10.0.0", "2.0")),
        "GeometricallyNearest": st.sampled_from((1.2, 1.5, 5.0, 9)),
        "Bracket": st.sampled_from((1.2, 1.5, 5.0, 9)),
    }.get(kind, st.sampled_from(DATES))
    parameters = ("DATE-OBS", "TIME-OBS") if kind in ("UseAfter", "ClosestTime") else ("NUMBER",)
    return kind, parameters, source(kind, draw(keyed(keys, choices, least=0)))


@st.composite
def rule_texts(draw) -> str:
    """A rule file; the library refuses some."""
    parameters = draw(st.lists(st.sampled_from(PARAMETERS), max_size=3, unique=True))
    case = st.tuples(*[st.sampled_from(PATTERNS) for _ in parameters])
    if len(parameters) == 1:
        case = st.one_of(case, st.sampled_from(PATTERNS))
    shape = draw(st.sampled_from(("match", "match", "nested", "nested", "nested", "mixed",
                                  "deep", "ordered")))
    below = None
    kind, keys, text = draw(ordered())
    if shape in ("nested", "mixed"):
        same = ordered().filter(lambda one: one[0] == kind).map(lambda one: one[2])
        below = st.one_of(same, leaves) if shape == "mixed" else same
    elif shape == "deep":
        inner = source("SelectVersion", {"<3": "'a_bia.fits'", "default": "'b_bia.fits'"})
        below = st.sampled_from((source("UseAfter", {DATES[1]: inner, DATES[3]: inner}),
                                 source("UseAfter", {DATES[1]: inner})))
        kind, keys = "UseAfter", ("DATE-OBS", "TIME-OBS")
    elif shape == "match":
        below = leaves
    if shape == "ordered":
        selector, parkey, classes = text, (keys,), (kind,)
    else:
        selector = source("Match", draw(keyed(case, below)))
        parkey, classes = (tuple(parameters),), ("Match",)
        if shape != "match":
            parkey, classes = (*parkey, keys), (*classes, kind)
        if shape == "deep":
            parkey, classes = (*parkey, ("NUMBER",)), (*classes, "SelectVersion")
    header = draw(headers_of_rules(parkey, classes))
    rows = "".join(f"    {name!r} : {value!r},\n" for name, value in sorted(header.items()))
    return f"header = {{\n{rows}}}\n\nselector = {selector}\n"


@st.composite
def headers_of_rules(draw, parkey, classes) -> dict:
    header = {
        "mapping": "REFERENCE", "observatory": "HST", "name": "hst_acs_test_0001.rmap",
        "instrument": "ACS", "filekind": draw(st.sampled_from(("TESTFILE", "BIASFILE"))),
        "derived_from": "hypothesis", "sha1sum": "none",
        "parkey": parkey, "classes": classes, "extra_keys": ("EXTRA",),
    }
    expression = st.sampled_from(EXPRESSIONS)
    options = {
        "rmap_relevance": expression, "rmap_omit": st.sampled_from(EXPRESSIONS[:-1]),
        "parkey_relevance": st.dictionaries(
            st.sampled_from(("detector", "filter", "subarray")), expression, max_size=2),
        "substitutions": st.just({"FILTER": {"GENERIC": "N/A", "X": ["Y", "XYZ"]}}),
        "merge_overlaps": st.sampled_from(("true", "false")),
        "reffile_required": st.sampled_from(("YES", "NO", "NONE")),
        "reffile_switch": st.sampled_from(("NONE", "BIASCORR")),
        "comment_parkeys": st.just(("FILTER",)),
        "hooks": st.sampled_from((
            {"precondition_header": "none", "fallback_header": "none"},
            {"precondition_header": "precondition_header_acs_biasfile_v2",
             "fallback_header": "fallback_header_acs_biasfile_v2"},
            {"precondition_header": "precondition_header_acs_biasfile_v3",
             "fallback_header": "fallback_header_acs_biasfile_v3"})),
    }
    for name, values in options.items():
        if draw(st.integers(0, 3)) == 0:
            header[name] = draw(values)
    return header


@st.composite
def dataset_headers(draw) -> dict[str, str]:
    value = st.one_of(st.sampled_from(VALUES), st.sampled_from(VALUES), st.text(max_size=4))
    header = {name: draw(value) for name in PARAMETERS if draw(st.integers(0, 9))}
    if draw(st.integers(0, 9)):
        header["DATE-OBS"], header["TIME-OBS"] = draw(st.sampled_from(HEADER_DATES))
    header["NUMBER"] = draw(st.sampled_from(("1.4", "3.25", "6", "99", "0.1", "1.2.3", "X", "")))
    header["INSTRUME"] = draw(st.sampled_from(("ACS", "acs", "COS")))
    return header
