"""Reference types of an observatory as the ``crds`` package specifies them.

The package keeps one specification per type (``crds/<observatory>/specs``), some
of them in forms that are no longer used for new rules.  :func:`load` brings
them into the form in current use: two groups of parameters (match, then dates).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

#: Parameters that hold the observation date, by observatory.
DATE_PARAMETERS = {
    "hst": ("DATE-OBS", "TIME-OBS"),
    "jwst": ("META.OBSERVATION.DATE", "META.OBSERVATION.TIME"),
    "roman": ("ROMAN.META.EXPOSURE.START_TIME",),
    "tobs": ("PARAMETER",),
}

INSTRUMENT_PARAMETERS = {
    "hst": "INSTRUME",
    "jwst": "META.INSTRUMENT.NAME",
    "roman": "ROMAN.META.INSTRUMENT.NAME",
    "tobs": "INSTRUME",
}

#: Names that old specifications use and their name in current datasets.
RENAMED_PARAMETERS = {
    "META.INSTRUMENT.EXP_TYPE": "META.EXPOSURE.TYPE",
    "META.EXPOSUIRE.NOUTPUTS": "META.EXPOSURE.NOUTPUTS",
    "CAL_VER": "META.CALIBRATION_SOFTWARE_VERSION",
}

#: JWST types that are kept as ASDF although their first specification was FITS or JSON.
JWST_ASDF_TYPES = {
    "camera", "collimator", "disperser", "distortion", "filteroffset", "fore", "fpa", "ifufore",
    "ifupost", "ifuslicer", "msa", "ote", "regions", "specwcs", "v2v3", "wavelengthrange",
    "wcsregions",
}

#: Hooks that are not named like ``<hook>_<instrument>_<type>_v1``.
HOOKS = {
    ("acs", "biasfile"): {
        "fallback_header": "fallback_header_acs_biasfile_v2",
        "precondition_header": "precondition_header_acs_biasfile_v2",
    },
}

#: Header items that are taken from the specification as they are.
COPIED_ITEMS = (
    "comment_parkeys", "ld_tpn", "parkey_relevance", "rmap_omit", "substitutions", "suffix",
    "tpn", "unique_rowkeys",
)


@dataclass(frozen=True)
class TypeSpecification:
    """One reference type: what its rules match and what its references look like."""

    observatory: str
    instrument: str
    filekind: str
    match_parameters: tuple[str, ...]
    date_parameters: tuple[str, ...]
    selectors: tuple[str, ...]
    extension: str
    reference_format: str
    items: dict[str, Any] = field(default_factory=dict)
    #: Parameters of ``match_parameters`` that the rules carry along as N/A.
    carried: tuple[str, ...] = ()

    @property
    def suffix(self) -> str:
        return self.items["suffix"]

    @property
    def title(self) -> str:
        return self.items["text_descr"]

    @property
    def is_parameters(self) -> bool:
        return self.filekind.startswith("pars-")

    def header(self, name: str, derived_from: str) -> dict[str, Any]:
        """Header of a rule file of this type, without checksum."""
        groups = [self.match_parameters]
        if self.date_parameters and "UseAfter" in self.selectors:
            groups.append(self.date_parameters)
        return {
            **self.items,
            "mapping": "REFERENCE",
            "observatory": self.observatory.upper(),
            "instrument": self.instrument.upper(),
            "filekind": self.filekind.upper(),
            "name": name,
            "derived_from": derived_from,
            "parkey": tuple(groups),
            "sha1sum": "0" * 40,
        }


def load(observatory: str) -> dict[tuple[str, str], TypeSpecification]:
    """All types that have rules, by (instrument, type), in a fixed order."""
    from crds.core import reftypes

    definitions = reftypes.get_types_object(observatory).unified_defs
    found = {}
    for instrument in sorted(definitions):
        for filekind in sorted(definitions[instrument]):
            if "all" in (instrument, filekind):
                continue  # constraints shared by types, not types
            raw = definitions[instrument][filekind]
            found[instrument, filekind] = _convert(observatory, instrument, filekind, raw)
    return found


def _convert(observatory: str, instrument: str, filekind: str, raw: Any) -> TypeSpecification:
    extra = tuple(key.upper() for key in raw.get("extra_keys") or ())
    selectors = tuple(raw.get("classes") or ("Match", "UseAfter"))
    match, dates = _split_parameters(observatory, raw, selectors)
    carried = tuple(key for key in extra if key not in match)
    extension = raw["file_ext"]
    if observatory == "jwst" and filekind in JWST_ASDF_TYPES:
        extension = ".asdf"
    if extension == ".yaml" and observatory == "roman":
        extension = ".asdf"
    spec = TypeSpecification(
        observatory=observatory,
        instrument=instrument,
        filekind=filekind,
        match_parameters=match + carried,
        date_parameters=dates,
        selectors=selectors,
        extension=extension,
        reference_format=(raw.get("reffile_format") or "image").lower(),
        carried=carried,
    )
    spec.items.update(_items(spec, raw, extra))
    return spec


def _split_parameters(
    observatory: str, raw: Any, selectors: tuple[str, ...]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Parameters of the match group and of the date group, under their current names."""
    dates = DATE_PARAMETERS[observatory]
    flat = []
    for part in raw.get("parkey") or ():
        flat.extend([part] if isinstance(part, str) else part)
    names = [RENAMED_PARAMETERS.get(key.upper(), key.upper()) for key in flat]
    match = tuple(dict.fromkeys(name for name in names if name not in dates))
    return match, dates if "UseAfter" in selectors else ()


def _items(spec: TypeSpecification, raw: Any, extra: tuple[str, ...]) -> dict[str, Any]:
    """Header items beyond names and parameters."""
    items = {name: _frozen(raw[name]) for name in COPIED_ITEMS if raw.get(name)}
    items["file_ext"] = spec.extension
    items["filetype"] = raw["filetype"].upper()
    text = raw.get("text_descr") or spec.filekind
    items["text_descr"] = text[:1].upper() + text[1:]
    items["suffix"] = raw["suffix"]
    if spec.observatory == "hst":
        items["extra_keys"] = extra
        items["reffile_format"] = (raw.get("reffile_format") or "image").upper()
        items["reffile_required"] = (raw.get("reffile_required") or "none").upper()
        items["reffile_switch"] = (raw.get("reffile_switch") or "none").upper()
        items["rmap_relevance"] = raw.get("rmap_relevance") or "ALWAYS"
    else:
        items["classes"] = spec.selectors
        items["filetype"] = spec.filekind.upper()
        if extra:
            items["extra_keys"] = extra
        if raw.get("rmap_relevance"):
            items["rmap_relevance"] = raw["rmap_relevance"]
        translation = _translation(spec, raw)
        if translation:
            items["reference_to_dataset"] = translation
    if "parkey_relevance" in items:
        items["parkey_relevance"] = {
            key.upper(): expression for key, expression in items["parkey_relevance"].items()
        }
    if (spec.instrument, spec.filekind) in HOOKS:
        items["hooks"] = HOOKS[spec.instrument, spec.filekind]
    if spec.observatory == "hst" and spec.selectors == ("Match",):
        items["classes"] = spec.selectors
    return items


def _frozen(value: Any) -> Any:
    """Tuples for lists: the grammar of rule files has no lists."""
    return tuple(_frozen(item) for item in value) if isinstance(value, list | tuple) else value


def _translation(spec: TypeSpecification, raw: Any) -> dict[str, str]:
    """Reference keyword to dataset keyword, restricted to what the rules match."""
    known = spec.match_parameters + spec.date_parameters
    translation = {
        reference: RENAMED_PARAMETERS.get(dataset, dataset)
        for reference, dataset in (raw.get("reference_to_dataset") or {}).items()
    }
    if spec.filekind == "calver":
        translation["CAL_VER"] = "META.CALIBRATION_SOFTWARE_VERSION"
    return {reference: key for reference, key in translation.items() if key in known}
