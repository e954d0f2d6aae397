"""A small synthetic photometry throughput model for the HST demonstration.

Three ACS/WFC filters behind the telescope: component curves, the graph that
connects them, the lookup tables that name their files, and the observing modes
they give.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Component:
    """One optical element: a bell-shaped or flat curve over wavelength (angstrom)."""

    name: str
    folder: str
    title: str
    peak: float
    centre: float = 0.0
    width: float = 0.0

    @property
    def file_name(self) -> str:
        return f"{self.name}_001_syn.fits"

    def curve(self) -> tuple[np.ndarray, np.ndarray]:
        """Wavelength in angstrom and throughput between 0 and 1."""
        wavelength = np.linspace(1000.0, 12000.0, 111)
        if not self.width:
            return wavelength, np.full_like(wavelength, self.peak)
        shape = np.exp(-(((wavelength - self.centre) / self.width) ** 6))
        return wavelength, np.where(shape < 1e-4, 0.0, self.peak * shape)


COMPONENTS = (
    Component("hst_ota", "crotacomp", "Mirrors of the telescope", 0.72),
    Component("acs_wfc_im123", "cracscomp", "Mirrors of the ACS wide field channel", 0.92),
    Component("acs_f435w", "cracscomp", "ACS filter F435W", 0.85, 4330.0, 520.0),
    Component("acs_f606w", "cracscomp", "ACS filter F606W", 0.95, 5920.0, 1150.0),
    Component("acs_f814w", "cracscomp", "ACS filter F814W", 0.96, 8060.0, 1250.0),
    Component("acs_wfc_ccd", "cracscomp", "CCDs of the ACS wide field channel",
              0.80, 6500.0, 4200.0),
)

THERMAL = Component("hst_ota", "crotacomp", "Thermal emission of the telescope", 0.05)
THERMAL_FILE = "hst_ota_001_th.fits"

#: Component, its thermal component, keyword that selects it, node in, node out.
GRAPH = (
    ("hst_ota", "hst_ota", "acs", 1, 20),
    ("acs_wfc_im123", "clear", "wfc1", 20, 30),
    ("acs_f435w", "clear", "f435w", 30, 40),
    ("acs_f606w", "clear", "f606w", 30, 40),
    ("acs_f814w", "clear", "f814w", 30, 40),
    ("acs_wfc_ccd", "clear", "default", 40, 50),
)

OBSERVING_MODES = ("acs,wfc1,f435w", "acs,wfc1,f606w", "acs,wfc1,f814w")

#: Units of columns that have one; the photometry software insists on that of the wavelength.
UNITS = {"WAVELENGTH": "angstrom"}

DATE = "2019-03-04"
SYBDATE = "Mar 04 2019 10:00:00"


def cases(spec, new_reference: Callable) -> list[tuple[tuple[str, ...], str]]:
    """Match cases and references of one synphot type.

    Throughput and thermal files keep their own names, the tables get HST names.
    """
    if spec.filekind == "thruput":
        return [
            ((item.name.upper(), DATE, item.title.upper()),
             new_reference(spec, (item.name,), item.file_name, 0))
            for item in COMPONENTS
        ]
    if spec.filekind == "thermal":
        key = (THERMAL.name.upper(), DATE, THERMAL.title.upper())
        return [(key, new_reference(spec, (THERMAL.name,), THERMAL_FILE, 0))]
    return [((), new_reference(spec, (), "", 0))]


def keywords(filekind: str, name: str) -> dict[str, object]:
    """Primary header keywords beyond those of every reference."""
    tables = {
        "thruput": "CRTHROUGHPUT", "thermal": "CRTHERMAL", "tmctab": "CRCOMPLIST",
        "tmttab": "CRTHERMLIST", "tmgtab": "CRGRAPH", "obsmodes": "CROBSMODELIST",
    }
    words: dict[str, object] = {
        "DBTABLE": tables[filekind],
        "COMMENT": "Demonstration content, not for scientific use.",
        "USEAFTER": SYBDATE,
        "INSTRUME": "HST" if filekind in ("tmctab", "tmttab", "tmgtab") else "SYNPHOT",
    }
    if filekind in ("thruput", "thermal"):
        component = _component(filekind, name)
        words.update(COMPNAME=component.name, DESCRIP=component.title, DATE=DATE, LITREF="none")
        words["INSTRUME"] = "ACS" if component.name.startswith("acs") else "HST"
    if filekind == "tmgtab":
        words["GENERATI"] = 1
    return words


def table(filekind: str, name: str) -> np.ndarray:
    """Rows of the table extension."""
    if filekind in ("thruput", "thermal"):
        wavelength, value = _component(filekind, name).curve()
        column = "THROUGHPUT" if filekind == "thruput" else "EMISSIVITY"
        return np.rec.fromarrays([wavelength, value], names=["WAVELENGTH", column])
    if filekind == "tmgtab":
        rows = [
            (component, keyword, start, end, thermal, "demonstration graph")
            for component, thermal, keyword, start, end in GRAPH
        ]
        kind = [("COMPNAME", "S20"), ("KEYWORD", "S12"), ("INNODE", "i4"), ("OUTNODE", "i4"),
                ("THCOMPNAME", "S20"), ("COMMENT", "S68")]
        return np.array(rows, dtype=kind)
    if filekind == "obsmodes":
        return np.array([(mode,) for mode in OBSERVING_MODES], dtype=[("OBSMODE", "S40")])
    files = [(item, item.file_name) for item in COMPONENTS]
    if filekind == "tmttab":
        files = [(THERMAL, THERMAL_FILE)]
    rows = [
        (SYBDATE.lower(), item.name, f"{item.folder}${file_name}", item.title)
        for item, file_name in files
    ]
    kind = [("TIME", "S26"), ("COMPNAME", "S18"), ("FILENAME", "S56"), ("COMMENT", "S68")]
    return np.array(rows, dtype=kind)


def _component(filekind: str, name: str) -> Component:
    if filekind == "thermal":
        return THERMAL
    return next(item for item in COMPONENTS if item.file_name == name)
