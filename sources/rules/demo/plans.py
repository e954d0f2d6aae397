"""The history of each demonstration observatory: what was delivered when, and why.

A plan is a list of steps, oldest first.  The first step makes all rules; each
later one changes a few of them and so makes a new context.  The last step stays
in the edit context, the one before it is the latest context.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

#: What a change does to one rule file.
NEW_DATES = "new dates"  # a newer reference for every match case
REPLACE = "replace"  # other references for the same cases and dates
REMOVE = "remove"  # one reference less
NEW_CASE = "new case"  # a mode that had no rule before
SPLIT_CASE = "split case"  # one value of an or-bar gets its own references
NEW_TYPE = "new type"  # a reference type that had no rules before
RETIRE = "retire"  # the type becomes N/A for its instrument


@dataclass(frozen=True)
class Change:
    action: str
    instrument: str
    filekind: str


@dataclass(frozen=True)
class Step:
    """One context: when it was delivered, when it became the latest one, and what it brought."""

    delivered: datetime
    activated: datetime
    description: str
    changes: tuple[Change, ...] = ()


@dataclass(frozen=True)
class Plan:
    """``useafter`` are the dates of the first rules, ``later`` one date for each later step."""

    steps: tuple[Step, ...]
    useafter: dict[str, tuple[str, ...]]
    later: tuple[str, ...]
    not_applicable: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def types_added_later(self) -> set[tuple[str, str]]:
        return {
            (change.instrument, change.filekind)
            for step in self.steps
            for change in step.changes
            if change.action == NEW_TYPE
        }

    def first_dates(self, instrument: str) -> tuple[str, ...]:
        return self.useafter.get(instrument, self.useafter["*"])


def _step(delivered: str, activated: str, description: str, *changes: tuple[str, str, str]) -> Step:
    return Step(
        datetime.fromisoformat(delivered),
        datetime.fromisoformat(activated),
        description,
        tuple(Change(*change) for change in changes),
    )


HST = Plan(
    steps=(
        _step("2019-03-04 10:00:00", "2019-03-11 15:02:41",
              "First rules of all instruments, made from the specifications of the reference "
              "types."),
        _step("2020-01-14 09:30:00", "2020-01-21 13:47:09",
              "ACS/WFC darks and biases of the December 2019 anneal and new COS gain sag table.",
              (NEW_DATES, "acs", "darkfile"), (NEW_DATES, "acs", "biasfile"),
              (NEW_DATES, "cos", "gsagtab")),
        _step("2021-06-08 08:15:00", "2021-06-15 16:20:33",
              "WFC3 UVIS and IR flats with better low-frequency structure replace the old ones.",
              (REPLACE, "wfc3", "pfltfile"), (REPLACE, "wfc3", "imphttab"),
              (REMOVE, "wfc3", "darkfile")),
        _step("2022-04-19 11:45:00", "2022-04-26 14:05:57",
              "STIS echelle blaze shift table as a new reference type, and flats for the STIS "
              "imaging modes.",
              (NEW_TYPE, "stis", "blazetab"), (NEW_CASE, "stis", "pfltfile"),
              (SPLIT_CASE, "stis", "tdstab")),
        _step("2023-09-05 10:20:00", "2023-09-12 17:31:12",
              "COS lifetime position tables, ACS/WFC distortion solution and WFPC2 chip offsets.",
              (NEW_DATES, "cos", "xtractab"), (NEW_CASE, "cos", "disptab"),
              (REPLACE, "acs", "idctab"), (NEW_DATES, "wfpc2", "offtab"),
              (RETIRE, "nicmos", "saadfile")),
        _step("2024-02-13 09:05:00", "2024-02-20 12:00:00",
              "ACS/WFC darks of the January 2024 anneal, delivered and not yet in operation.",
              (NEW_DATES, "acs", "darkfile"), (REPLACE, "cos", "wcptab")),
    ),
    useafter={
        "*": ("1991-01-01 00:00:00", "2009-05-14 00:00:00", "2013-06-01 12:30:00"),
        "nicmos": ("1997-02-01 00:00:00", "2002-04-01 00:00:00"),
        "wfpc2": ("1993-12-01 00:00:00", "1995-10-24 06:15:00"),
    },
    later=("2019-12-12 03:21:44", "2018-01-01 00:00:00", "2016-07-01 00:00:00",
           "2021-10-04 00:00:00", "2024-01-08 05:14:27"),
    not_applicable={"cos": ("dgeofile",), "wfpc2": ("wf4tfile",), "acs": ("shadfile",)},
)

JWST = Plan(
    steps=(
        _step("2021-11-02 10:00:00", "2021-11-09 14:12:08",
              "First rules of all instruments, made from the specifications of the reference "
              "types."),
        _step("2022-07-05 09:10:00", "2022-07-12 16:40:51",
              "NIRCam and NIRISS photometry, flats and darks from commissioning.",
              (NEW_DATES, "nircam", "flat"), (NEW_DATES, "nircam", "photom"),
              (NEW_DATES, "niriss", "dark")),
        _step("2022-11-15 08:00:00", "2022-11-22 13:55:30",
              "MIRI MRS distortion and fringe references replace the ground versions.",
              (REPLACE, "miri", "distortion"), (REPLACE, "miri", "fringe"),
              (REMOVE, "miri", "dark")),
        _step("2023-06-13 10:30:00", "2023-06-20 15:18:22",
              "Picture frame correction of NIRSpec as a new reference type, and software version "
              "1.11.0.",
              (NEW_TYPE, "nirspec", "pictureframe"), (NEW_CASE, "nirspec", "sflat"),
              (NEW_CASE, "system", "calver"), (SPLIT_CASE, "nirspec", "photom")),
        _step("2024-03-05 11:00:00", "2024-03-12 12:27:45",
              "MIRI time-dependent photometry, parameters of the jump step and software version "
              "1.14.0.",
              (NEW_DATES, "miri", "photom"), (REPLACE, "miri", "pars-jumpstep"),
              (NEW_CASE, "system", "calver"), (RETIRE, "niriss", "amplifier")),
        _step("2024-09-17 09:40:00", "2024-09-24 10:00:00",
              "NIRSpec darks and masks of cycle 3, delivered and not yet in operation.",
              (NEW_DATES, "nirspec", "dark"), (NEW_DATES, "nirspec", "mask")),
    ),
    useafter={"*": ("2014-01-01 00:00:00", "2021-12-25 12:20:00")},
    later=("2022-04-22 00:00:00", "2022-06-01 00:00:00", "2022-12-01 00:00:00",
           "2023-08-21 13:05:00", "2024-05-01 00:00:00"),
    not_applicable={
        "fgs": ("regions", "specwcs", "wcsregions", "drizpars"),
        "nircam": ("wcsregions", "amplifier"),
        "niriss": ("regions", "wcsregions"),
        "nirspec": ("wcsregions", "amplifier", "specwcs"),
        "miri": ("v2v3", "wcsregions"),
    },
)

ROMAN = Plan(
    steps=(
        _step("2023-05-09 10:00:00", "2023-05-16 15:10:20",
              "First rules of the Wide Field Instrument, made from the specifications of the "
              "reference types."),
        _step("2023-12-05 09:00:00", "2023-12-12 14:33:18",
              "Darks and read noise of the second thermal vacuum test.",
              (NEW_DATES, "wfi", "dark"), (NEW_DATES, "wfi", "readnoise")),
        _step("2024-06-04 08:45:00", "2024-06-11 13:22:07",
              "Flat fields with better illumination correction replace the old ones.",
              (REPLACE, "wfi", "flat"), (REMOVE, "wfi", "saturation")),
        _step("2024-11-12 10:15:00", "2024-11-19 16:04:39",
              "Dark decay signal as a new reference type, and distortion of more elements.",
              (NEW_TYPE, "wfi", "darkdecaysignal"), (NEW_CASE, "wfi", "distortion")),
        _step("2025-05-20 11:30:00", "2025-05-27 12:48:50",
              "New point spread functions and parameters of the tweakreg step.",
              (NEW_DATES, "wfi", "epsf"), (REPLACE, "wfi", "pars-tweakregstep"),
              (SPLIT_CASE, "wfi", "apcorr")),
        _step("2025-10-07 09:20:00", "2025-10-14 10:00:00",
              "Darks of the observatory test, delivered and not yet in operation.",
              (NEW_DATES, "wfi", "dark"), (NEW_DATES, "wfi", "mask")),
    ),
    useafter={"*": ("2020-01-01 00:00:00", "2022-06-01 00:00:00")},
    later=("2023-10-01 00:00:00", "2024-01-01 00:00:00", "2024-04-01 00:00:00",
           "2025-01-15 06:00:00", "2025-09-01 00:00:00"),
    not_applicable={"wfi": ("dustmap", "optmodel", "pars-sourcedetectionstep")},
)

TOBS = Plan(
    steps=(
        _step("2020-02-04 10:00:00", "2020-02-11 10:00:00", "First rules of the test observatory."),
        _step("2021-02-02 10:00:00", "2021-02-09 10:00:00", "Newer references for every case.",
              (NEW_DATES, "tinstr", "tfilekind")),
        _step("2022-02-01 10:00:00", "2022-02-08 10:00:00", "References replaced.",
              (REPLACE, "tinstr", "tfilekind")),
        _step("2023-02-07 10:00:00", "2023-02-14 10:00:00", "One more match case.",
              (NEW_CASE, "tinstr", "tfilekind")),
    ),
    useafter={"*": ("2003-09-26 01:28:00", "2004-06-18 04:36:00")},
    later=("2010-01-01 00:00:00", "2012-01-01 00:00:00", "2014-01-01 00:00:00"),
)

PLANS: dict[str, Plan] = {"hst": HST, "jwst": JWST, "roman": ROMAN, "tobs": TOBS}
