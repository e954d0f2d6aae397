"""Small reference files that go with the demonstration rules.

Each is a real file of its kind (FITS image or table, ASDF, JSON, YAML, GEIS
pair) with the keywords its type's constraints ask for.  Pixels and curves are made up
to look like real ones; the same name always gives the same bytes.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from textwrap import wrap
from zlib import crc32

import numpy as np

from . import curves, pixels, synphot
from .specifications import INSTRUMENT_PARAMETERS, TypeSpecification

AUTHOR = "Demonstration instrument team"

#: JWST parameters that have a FITS keyword of their own.
JWST_KEYWORDS = {
    "META.INSTRUMENT.DETECTOR": "DETECTOR", "META.INSTRUMENT.FILTER": "FILTER",
    "META.INSTRUMENT.PUPIL": "PUPIL", "META.INSTRUMENT.GRATING": "GRATING",
    "META.INSTRUMENT.CHANNEL": "CHANNEL", "META.INSTRUMENT.BAND": "BAND",
    "META.INSTRUMENT.MODULE": "MODULE", "META.INSTRUMENT.CORONAGRAPH": "CORONMSK",
    "META.INSTRUMENT.LAMP_MODE": "OPMODE", "META.INSTRUMENT.LAMP_STATE": "LAMP",
    "META.EXPOSURE.TYPE": "EXP_TYPE", "META.EXPOSURE.READPATT": "READPATT",
    "META.EXPOSURE.NGROUPS": "NGROUPS", "META.EXPOSURE.NOUTPUTS": "NOUTPUTS",
    "META.SUBARRAY.NAME": "SUBARRAY", "META.VISIT.TSOVISIT": "TSOVISIT",
    "META.VISIT.TYPE": "VISITYPE", "META.VISIT.CROWDED_FIELD": "CROWDFLD",
    "META.EXPOSURE.GROUPGAP": "GROUPGAP", "META.EXPOSURE.NFRAMES": "NFRAMES",
}

#: Columns whose constraint is an expression that only special values meet.
COLUMN_VALUES = {"PAR1NAMES": "MJD#"}

#: Presence conditions such as ``(OBSTYPE=="IMAGING")``.
_CONDITION = re.compile(r"^\(?(\w+)(==|!=)[\"']([^\"']*)[\"']\)?$")

#: Keywords that every HST reference gets from us and not from the constraints.
FIXED_KEYWORDS = {"INSTRUME", "FILETYPE", "USEAFTER", "PEDIGREE", "DESCRIP", "HISTORY", "COMMENT"}

#: Keywords that describe the layout of a FITS file and belong to astropy.
STRUCTURE_KEYWORDS = {"SIMPLE", "BITPIX", "NAXIS", "NAXIS1", "NAXIS2", "GROUPS", "GCOUNT", "PCOUNT"}


#: Pixels of a side: of most images, and of those that come in several planes or by hundreds.
SIZE, SMALL = 64, 48

#: Planes of cubes, and rows of tables.
GROUPS, ROWS = 4, 4

#: Units of the images of some types.
UNITS = {"darkfile": "ELECTRONS/S", "drkcfile": "ELECTRONS/S", "biasfile": "COUNTS",
         "satufile": "ELECTRONS", "d2imfile": "PIXELS", "npolfile": "PIXELS"}

#: Types whose content is a model.
TRANSFORMS = {"distortion", "specwcs", "v2v3", "camera", "collimator", "disperser", "fore", "fpa",
              "ifufore", "ifupost", "ifuslicer", "msa", "ote", "filteroffset", "wcsregions"}


@dataclass(frozen=True)
class Reference:
    """What a reference file is to contain; ``case`` are the values of its match case."""

    name: str
    spec: TypeSpecification
    case: tuple[str, ...]
    useafter: str
    delivered: datetime
    slot: int = 0

    @property
    def values(self) -> dict[str, str]:
        return dict(zip(self.spec.match_parameters, self.case, strict=False))

    @property
    def random(self) -> np.random.Generator:
        return np.random.default_rng(crc32(self.name.encode()))

    @property
    def useafter_date(self) -> datetime:
        if not self.useafter or not self.useafter[:4].isdigit():
            return datetime(1991, 1, 1)
        return datetime.fromisoformat(self.useafter)

    @property
    def description(self) -> str:
        """One line for people: the type and what it is for."""
        shown = [
            value.replace("|", ", ")
            for value in self.case
            if value not in ("N/A", "*") and not value.replace(".", "").lstrip("-").isdigit()
        ]
        scope = " ".join(shown[:3]) or "all modes"
        instrument = self.spec.instrument.upper()
        return f"{self.spec.title} of {instrument} for {scope} (demonstration)"

    @property
    def short_description(self) -> str:
        """The description within the 67 letters of a header card, cut between words."""
        text = self.description.removesuffix(" (demonstration)")
        return text if len(text) <= 67 else text[:68].rpartition(" ")[0].rstrip(",")

    @property
    def history(self) -> list[str]:
        return [
            "Made from the type specification of the crds package to demonstrate a server.",
            f"Valid for data taken after {self.useafter_date:%Y-%m-%d %H:%M:%S}.",
            "The values are made up and of no scientific use.",
        ]

    @property
    def pedigree(self) -> str:
        end = self.delivered - timedelta(days=20)
        start = end - timedelta(days=40)
        if self.spec.is_parameters:
            return "GROUND"
        if self.useafter_date > self.delivered or self.slot % 2 or self.spec.observatory == "roman":
            return "GROUND"
        if self.spec.observatory == "jwst":
            return f"INFLIGHT {start:%Y-%m-%d} {end:%Y-%m-%d}"
        return f"INFLIGHT {start:%d/%m/%Y} {end:%d/%m/%Y}"


def write(reference: Reference, path: Path) -> list[Path]:
    """Write ``reference`` to ``path`` and return the files made (two for a GEIS pair)."""
    extension = reference.spec.extension
    if extension == ".asdf":
        _write_asdf(reference, path)
    elif extension == ".json":
        text = json.dumps(_document(reference), indent=4, sort_keys=True)
        path.write_text(text + "\n", encoding="utf-8")
    elif extension == ".yaml":
        _write_yaml(reference, path)
    elif extension.startswith(".r"):
        return _write_geis(reference, path)
    elif reference.spec.observatory == "jwst":
        _write_fits(path, _jwst_header(reference), _jwst_extensions(reference))
    else:
        _write_fits(path, _hst_header(reference), _hst_extensions(reference))
    return [path]


# ---- FITS ---------------------------------------------------------------


def _write_fits(path: Path, header: list[tuple], extensions: list) -> None:
    from astropy.io import fits

    primary = fits.PrimaryHDU()
    for keyword, value in header:
        if keyword in ("HISTORY", "COMMENT"):
            for line in value if isinstance(value, list) else [value]:
                primary.header[keyword] = line
        else:
            # Longer names are legal only as HIERARCH cards.
            card = keyword if len(keyword) <= 8 else f"HIERARCH {keyword}"
            primary.header[card] = value
    fits.HDUList([primary, *extensions]).writeto(path, overwrite=True)


def _hst_header(reference: Reference) -> list[tuple]:
    spec = reference.spec
    date = reference.useafter_date
    words: dict[str, object] = {
        "FILENAME": reference.name,
        "TELESCOP": "HST" if spec.observatory == "hst" else spec.observatory.upper(),
        "INSTRUME": spec.instrument.upper(),
        "FILETYPE": spec.items["filetype"],
    }
    words.update(_constrained_keywords(reference))
    words["USEAFTER"] = f"{date:%b %d %Y %H:%M:%S}"
    words["PEDIGREE"] = reference.pedigree
    words["DESCRIP"] = reference.short_description
    words["AUTHOR"] = AUTHOR
    if spec.instrument == "synphot":
        del words["FILETYPE"]
        words.update(synphot.keywords(spec.filekind, reference.name))
    words["HISTORY"] = reference.history
    return list(words.items())


def _constraints(spec: TypeSpecification):
    from crds.core import reftypes

    types = reftypes.get_types_object(spec.observatory)
    return types.get_all_tpninfos(spec.instrument, spec.filekind, "tpn")


def _constrained_keywords(reference: Reference) -> dict[str, object]:
    """Header keywords that the constraints of the type name, with legal values."""
    words = {}
    for info in _constraints(reference.spec):
        if info.keytype != "H" or info.datatype == "X" or info.name in FIXED_KEYWORDS:
            continue
        wanted = reference.values.get(info.name)
        if wanted is None and info.presence not in ("R", "P"):
            continue
        if not _condition_holds(info.presence, reference.values):
            continue
        words[info.name] = _typed(_choose(info, wanted), info.datatype)
    for name, value in reference.values.items():
        if name not in words and len(name) <= 8 and value not in ("N/A", "*"):
            words[name] = value.split("|")[0]
    return {name: value for name, value in words.items() if name not in STRUCTURE_KEYWORDS}


def _condition_holds(presence: str, values: dict[str, str]) -> bool:
    """Whether a conditional constraint applies to the case; True when that is not known."""
    match = _CONDITION.match(presence.replace(" ", ""))
    if not match or match[1] not in values:
        return True
    return (values[match[1]] == match[3]) == (match[2] == "==")


def _choose(info, wanted: str | None) -> str:
    """A legal value: the wanted one, the one that stands for several, or the first."""
    from crds.core import utils

    values = [value for value in info.values if not value.startswith("&")]
    wildcards = [value for value in ("ANY", "-1", "-1.0", "-999", "N/A") if value in values]
    if wanted and "|" not in wanted and wanted not in ("N/A", "*"):
        if len(values) == 1 and ":" in values[0]:
            return wanted
        for value in values:
            if utils.condition_value(value) == utils.condition_value(wanted):
                return value
        if not values:
            return wanted
    if wanted and wildcards:
        return wildcards[0]
    if wanted and "|" in wanted and wanted.split("|")[0] in values:
        return wanted.split("|")[0]
    if values and ":" in values[0]:
        low = values[0].split(":")[0]
        return low if low.lstrip("-").replace(".", "").isdigit() else "1"
    return values[0] if values else ""


def _typed(value: str, datatype: str) -> object:
    if datatype in ("I", "R", "D"):
        try:
            number = float(value)
        except ValueError:
            number = 1.0
        return int(number) if datatype == "I" else number
    if datatype == "L":
        return value.upper() in ("T", "TRUE")
    return value or "NONE"


def _hst_extensions(reference: Reference) -> list:
    from astropy.io import fits

    spec = reference.spec
    if spec.instrument == "synphot":
        hdu = fits.BinTableHDU(synphot.table(spec.filekind, reference.name))
        for name in hdu.columns.names:
            hdu.columns[name].unit = synphot.UNITS.get(name)
        return [hdu]
    if spec.reference_format == "table":
        return [_hst_table(reference)]
    random = reference.random
    image = pixels.image(spec.filekind, random, SIZE)
    science = fits.ImageHDU(image, name="SCI", ver=1)
    unit = UNITS.get(spec.filekind)
    if unit:
        science.header["BUNIT"] = unit
    return [
        science,
        fits.ImageHDU(pixels.error(image), name="ERR", ver=1),
        fits.ImageHDU(pixels.flags(random, SIZE), name="DQ", ver=1),
    ]


def _hst_table(reference: Reference):
    """A table with the columns that the constraints name and a curve in each of its rows."""
    from astropy.io import fits

    columns = {}
    for info in _constraints(reference.spec):
        if info.keytype != "C" or info.datatype == "X" or info.name in columns:
            continue
        values = _column_values(info, reference)
        code = {"I": "J", "R": "E", "D": "D", "L": "L"}.get(info.datatype)
        code = code or f"{max(len(str(value)) for value in values)}A"
        columns[info.name] = fits.Column(name=info.name, format=code, array=np.array(values))
    for name, unit, values in curves.columns(reference.spec.filekind, reference.random, ROWS):
        if name not in columns:
            columns[name] = fits.Column(name=name, format=f"{values.shape[1]}E", array=values,
                                        unit=unit or None)
    return fits.BinTableHDU.from_columns(list(columns.values()), name="TABLE")


def _column_values(info, reference: Reference) -> list[object]:
    if info.name in COLUMN_VALUES:
        return [COLUMN_VALUES[info.name]] * ROWS
    if info.name == "PEDIGREE":
        return [reference.pedigree] * ROWS
    if info.name == "DESCRIP":
        return [reference.short_description] * ROWS
    wanted = reference.values.get(info.name)
    if wanted is not None or not info.values or ":" in info.values[0]:
        return [_typed(_choose(info, wanted), info.datatype)] * ROWS
    legal = [value for value in info.values if not value.startswith("&")] or ["NONE"]
    return [_typed(legal[row % len(legal)], info.datatype) for row in range(ROWS)]


def _jwst_header(reference: Reference) -> list[tuple]:
    spec = reference.spec
    words: dict[str, object] = {
        "DATE": f"{reference.delivered:%Y-%m-%dT%H:%M:%S}",
        "FILENAME": reference.name,
        "TELESCOP": "JWST",
        "INSTRUME": spec.instrument.upper(),
        "REFTYPE": spec.filekind.upper(),
    }
    for name, value in reference.values.items():
        keyword = JWST_KEYWORDS.get(name)
        if keyword and value != "*":
            words[keyword] = _keyword_value(value)
            if "|" in value:
                words[f"P_{keyword[:6]}"] = f"{value}|"
    for info in _constraints(spec):
        keyword = JWST_KEYWORDS.get(info.name, info.name)
        if info.keytype == "H" and info.presence == "R" and _is_missing(keyword, words):
            words[keyword] = _typed(_choose(info, None), info.datatype)
    words["USEAFTER"] = f"{reference.useafter_date:%Y-%m-%dT%H:%M:%S}"
    words["PEDIGREE"] = reference.pedigree
    words["DESCRIP"] = reference.short_description
    words["AUTHOR"] = AUTHOR
    words["MODLTYPE"] = f"{spec.filekind.capitalize()}Model"
    words.update({"SUBSTRT1": 1, "SUBSTRT2": 1, "SUBSIZE1": SMALL, "SUBSIZE2": SMALL,
                  "FASTAXIS": 1, "SLOWAXIS": 2})
    words["HISTORY"] = reference.history
    return list(words.items())


def _is_missing(keyword: str, words: dict[str, object]) -> bool:
    """Whether a constraint's keyword is a FITS keyword that the header still lacks."""
    return len(keyword) <= 8 and keyword not in words and keyword not in FIXED_KEYWORDS


def _keyword_value(value: str) -> object:
    """A FITS value for a rule value; numbers of counters become integers."""
    first = value.split("|")[0]
    if first.endswith(".0") and first[:-2].isdigit():
        return int(first[:-2])
    if first in ("T", "F"):
        return first == "T"
    return first


def _jwst_extensions(reference: Reference) -> list:
    from astropy.io import fits

    random, kind = reference.random, reference.spec.filekind
    image = (pixels.cube(kind, random, SMALL, GROUPS) if kind in ("dark", "linearity")
             else pixels.image(kind, random, SMALL))
    return [
        fits.ImageHDU(image, name="SCI"),
        fits.ImageHDU(pixels.flags(random, SMALL, np.uint32), name="DQ"),
        fits.BinTableHDU(np.array(
            [(bit, 1 << bit, name, text) for bit, name, text in pixels.FLAGS],
            dtype=[("BIT", "i4"), ("VALUE", "i4"), ("NAME", "S40"), ("DESCRIPTION", "S80")]),
            name="DQ_DEF"),
    ]


# ---- GEIS ---------------------------------------------------------------


def _write_geis(reference: Reference, path: Path) -> list[Path]:
    """A pair of header (text cards of 80 characters) and big-endian pixels, a group a chip."""
    groups, size = 4, SMALL
    layout: list[tuple[str, object]] = [
        ("SIMPLE", False), ("BITPIX", 32), ("DATATYPE", "REAL*4"), ("NAXIS", 2),
        ("NAXIS1", size), ("NAXIS2", size), ("GROUPS", True), ("GCOUNT", groups), ("PCOUNT", 0),
        ("PSIZE", 0),
    ]
    lines = []
    for keyword, value in layout + _hst_header(reference):
        if keyword == "HISTORY":
            lines.extend(f"HISTORY   {part}" for line in value for part in wrap(line, 70))
        else:
            lines.append(_geis_card(keyword, value))
    lines.append("END")
    path.write_text("".join(f"{line:<80.80}\n" for line in lines), encoding="ascii")
    data = path.with_suffix(path.suffix[:-1] + "d")
    random = reference.random
    chips = [pixels.image(reference.spec.filekind, random, size) for _ in range(groups)]
    data.write_bytes(np.stack(chips).astype(">f4").tobytes())
    return [path, data]


def _geis_card(keyword: str, value: object) -> str:
    if isinstance(value, bool):
        text = f"{'T' if value else 'F':>20}"
    elif isinstance(value, int | float):
        text = f"{value!r:>20}"
    else:
        text = f"'{value!s:<8}'"
    return f"{keyword:<8}= {text:<20} /" if len(text) <= 20 else f"{keyword:<8}= {text}"


# ---- ASDF, JSON, YAML ---------------------------------------------------


def _write_asdf(reference: Reference, path: Path) -> None:
    import asdf

    tree = _document(reference)
    if reference.spec.is_parameters:
        tree.update(_step_parameters(reference))
        if reference.spec.observatory == "roman":
            tree.pop("data", None)
    else:
        tree.update(_asdf_content(reference))
    if reference.spec.observatory == "roman" and not reference.spec.is_parameters:
        tree = {"roman": tree}
    asdf.AsdfFile(tree).write_to(path)


def _asdf_content(reference: Reference) -> dict:
    """What an ASDF reference holds beside its description: a transform, or pixels with flags."""
    random, kind = reference.random, reference.spec.filekind
    if kind in TRANSFORMS:
        return {"model": _transform(random)}
    image = pixels.image(kind, random, SIZE)
    content = {"data": image, "err": pixels.error(image)}
    if kind not in ("area", "epsf"):
        content["dq"] = pixels.flags(random, SIZE, np.uint32)
    return content


def _transform(random: np.random.Generator):
    """From pixels to angles: a shift, a polynomial for each axis, a rotation.

    Tagged values and no models: making these takes packages that not every server has.
    """
    def tagged(kind: str, version: str, **values):
        from asdf.tagged import TaggedDict

        return TaggedDict(values, f"tag:stsci.edu:asdf/transform/{kind}-{version}")

    def pair(kind: str, forward: list):
        return tagged(kind, "1.2.0", forward=forward)

    def polynomial():
        table = np.zeros((3, 3))
        table[0, 1], table[1, 0] = random.normal(0, 1e-3), 1 + random.normal(0, 1e-2)
        table[2, 0], table[1, 1], table[0, 2] = random.normal(0, 1e-6, 3)
        return tagged("polynomial", "1.2.0", coefficients=table, domain=[[-1, 1], [-1, 1]],
                      window=[[-1, 1], [-1, 1]], name="distortion")

    shift = pair("concatenate", [tagged("shift", "1.2.0", offset=-1024.5),
                                 tagged("shift", "1.2.0", offset=-1024.5)])
    rotation = tagged("rotate2d", "1.3.0", angle=round(float(random.uniform(-5, 5)), 4))
    mapping = tagged("remap_axes", "1.3.0", mapping=[0, 1, 0, 1])
    bend = pair("concatenate", [polynomial(), polynomial()])
    return pair("compose", [pair("compose", [shift, mapping]), pair("compose", [bend, rotation])])


def _document(reference: Reference) -> dict:
    """The ``meta`` tree of ASDF and JSON references; flat keys for the SYSTEM types."""
    spec = reference.spec
    if spec.instrument == "system":
        return _system_document(reference)
    meta: dict = {
        "telescope": spec.observatory.upper(),
        "reftype": spec.filekind.upper(),
        "useafter": f"{reference.useafter_date:%Y-%m-%dT%H:%M:%S}",
        "pedigree": reference.pedigree,
        "description": reference.description,
        "author": AUTHOR,
        "history": " ".join(reference.history),
        "date": f"{reference.delivered:%Y-%m-%dT%H:%M:%S}",
        "instrument": {"name": spec.instrument.upper()},
    }
    if spec.observatory == "roman":
        meta["origin"] = "STSCI/SOC"
    else:
        meta["model_type"] = f"{spec.filekind.capitalize()}Model"
    prefix = INSTRUMENT_PARAMETERS[spec.observatory].split("META.")[0] + "META."
    for name, value in reference.values.items():
        if not name.startswith(prefix) or value == "*":
            continue
        if value == "N/A" and spec.observatory == "roman":
            continue  # not among the legal values of Roman parameters
        *parents, leaf = name.removeprefix(prefix).lower().split(".")
        branch = meta
        for parent in parents:
            branch = branch.setdefault(parent, {})
        branch[leaf] = _keyword_value(value)
        if "|" in value and spec.observatory == "jwst":
            branch[f"p_{leaf}"] = f"{value}|"
    return {"meta": meta}


def _step_parameters(reference: Reference) -> dict:
    """Parameters of a pipeline step as ``pars-`` references hold them."""
    name = reference.spec.filekind.removeprefix("pars-")
    package = "romancal" if reference.spec.observatory == "roman" else "jwst"
    threshold = round(float(reference.random.uniform(3.0, 6.0)), 2)
    return {
        "class": f"{package}.{name.removesuffix('step')}.{name.capitalize()}",
        "name": name,
        "parameters": {
            "skip": False, "save_results": False, "output_ext": ".asdf", "threshold": threshold,
        },
    }


#: Steps of the calibration software that a CALVER reference lists.
STEPS = (
    "assign_wcs", "background", "cube_build", "dark_current", "dq_init", "extract_1d",
    "flat_field", "jump", "linearity", "photom", "ramp_fitting", "refpix", "resample",
    "saturation", "skymatch", "source_catalog", "superbias", "tweakreg",
)


def _system_document(reference: Reference) -> dict:
    version = reference.case[0].split("|")[0]
    document = {
        "CAL_VER": version,
        "author": AUTHOR,
        "descrip": reference.description,
        "history": " ".join(reference.history),
        "instrument": "SYSTEM",
        "pedigree": "GROUND",
        "reftype": reference.spec.filekind.upper(),
        "telescope": "JWST",
        "useafter": "1900-01-01T00:00:00",
    }
    if reference.spec.filekind == "calver":
        document["versions"] = {
            step: None if step == "source_catalog" else version for step in STEPS
        }
    elif reference.spec.filekind == "datalvl":
        document["levels"] = {"dark": "2b", "flat": "2b", "photom": "2b", "distortion": "2b"}
    else:
        document["exp_types"] = {"MIR_IMAGE": ["calwebb_detector1", "calwebb_image2"]}
    return document


def _write_yaml(reference: Reference, path: Path) -> None:
    import yaml

    text = yaml.safe_dump(_document(reference), sort_keys=True, allow_unicode=True)
    path.write_text(text, encoding="utf-8")
