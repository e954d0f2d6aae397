"""The rules of one demonstration observatory and how they change from step to step.

A :class:`Rulebook` holds the current match cases of every type.  It is created
from the specifications and the observing modes, changed by the steps of the
plan, and each change asks ``new_reference`` for the name of one more reference.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from zlib import crc32

from . import plans, synphot
from .modes import MODES, Mode
from .specifications import INSTRUMENT_PARAMETERS, TypeSpecification

#: Values of the parameters of one match case, one or more joined by "|".
Key = tuple[str, ...]

#: JWST types that depend on the detector only; their filter is N/A.
DETECTOR_TYPES = {
    "amplifier", "area", "gain", "linearity", "mask", "readnoise", "saturation",
}

#: Calibration software versions that have rules, oldest first; see ``NEW_CASE`` of the plan.
CALIBRATION_VERSIONS = ("1.8.0", "1.9.0", "1.10.0", "1.11.0", "1.14.0")

#: Date on which demonstration modes are taken when hooks of the library ask for one.
MODE_DATE = {
    "DATE-OBS": "2015-01-01",
    "TIME-OBS": "00:00:00",
    "META.OBSERVATION.DATE": "2023-01-01",
    "META.OBSERVATION.TIME": "00:00:00",
    "ROMAN.META.EXPOSURE.START_TIME": "2024-01-01T00:00:00",
}


@dataclass
class TypeRules:
    """The rules of one type: match case -> date -> reference (or match case -> reference)."""

    spec: TypeSpecification
    cases: dict[Key, dict[str, str]] = field(default_factory=dict)
    waiting: list[Key] = field(default_factory=list)
    serial: int = 0
    changed: bool = True


#: ``new_reference(spec, key, date, slot)`` returns the name of a new reference.
NewReference = Callable[[TypeSpecification, Key, str, int], str]


@dataclass
class Rulebook:
    observatory: str
    plan: plans.Plan
    specs: dict[tuple[str, str], TypeSpecification]
    new_reference: NewReference
    rules: dict[tuple[str, str], TypeRules] = field(default_factory=dict)
    retired: set[tuple[str, str]] = field(default_factory=set)
    #: References that a step took out of the rules, oldest first.
    withdrawn: list[str] = field(default_factory=list)

    def create(self) -> None:
        """Make the rules of the first step."""
        self.retired = {
            (instrument, filekind)
            for instrument, filekinds in self.plan.not_applicable.items()
            for filekind in filekinds
        }
        later = self.plan.types_added_later()
        for identity, spec in self.specs.items():
            if identity not in self.retired and identity not in later:
                self._create_type(spec)

    def apply(self, step: plans.Step, number: int) -> None:
        """Apply the changes of step ``number`` (1 is the first one after the creation)."""
        date = self.plan.later[number - 1]
        for change in step.changes:
            identity = (change.instrument, change.filekind)
            if change.action == plans.RETIRE:
                self.rules.pop(identity)
                self.retired.add(identity)
            elif change.action == plans.NEW_TYPE:
                self._create_type(self.specs[identity])
            else:
                self._change(self.rules[identity], change.action, date)

    # ---- creation -------------------------------------------------------

    def _create_type(self, spec: TypeSpecification) -> None:
        rules = TypeRules(spec)
        self.rules[spec.instrument, spec.filekind] = rules
        if spec.instrument == "synphot":
            for key, name in synphot.cases(spec, self.new_reference):
                rules.cases[key] = {"": name}
            return
        keys = self._keys(spec)
        held_back = self._count(spec, plans.NEW_CASE)
        if held_back and held_back < len(keys):
            keys, rules.waiting = keys[:-held_back], keys[-held_back:]
        dates = self._first_dates(spec)
        references: dict[tuple[int, str], str] = {}
        for index, key in enumerate(keys):
            slot = index % _slots(spec)
            rules.cases[key] = {}
            for date in dates:
                if (slot, date) not in references:
                    references[slot, date] = self.new_reference(spec, key, date, slot)
                rules.cases[key][date] = references[slot, date]

    def _count(self, spec: TypeSpecification, action: str) -> int:
        return sum(
            (change.action, change.instrument, change.filekind)
            == (action, spec.instrument, spec.filekind)
            for step in self.plan.steps
            for change in step.changes
        )

    def _first_dates(self, spec: TypeSpecification) -> list[str]:
        if "UseAfter" not in spec.selectors:
            return [""]
        if spec.instrument == "system":
            return ["1900-01-01 00:00:00"]
        dates = self.plan.first_dates(spec.instrument)
        if spec.is_parameters:
            return [dates[0]]
        wanted = max(self._count(spec, plans.REMOVE) + 1, 1 + _lot(spec) % len(dates))
        return list(dates[:wanted])

    # ---- match cases ----------------------------------------------------

    def _keys(self, spec: TypeSpecification) -> list[Key]:
        """Match cases of a type: its modes on its parameters, simplified as rules usually are."""
        if spec.instrument == "system":
            versions = CALIBRATION_VERSIONS if spec.filekind == "calver" else ("1.8.0", "1.11.0")
            return [(version,) for version in versions]
        if not spec.match_parameters:
            return [()]
        keys = self._projected(spec)
        keys = [self._simplified(spec, key) for key in keys]
        keys = list(dict.fromkeys(keys))
        joined = self._count(spec, plans.SPLIT_CASE) or (
            _lot(spec) % 3 == 0 and not self._count(spec, plans.NEW_CASE)
        )
        return _joined(keys) if joined else keys

    def _projected(self, spec: TypeSpecification) -> list[Key]:
        probe = _empty_rules(spec)
        legal = _legal_values(spec)
        modes = MODES[self.observatory][spec.instrument]
        keys = [key for mode in modes if (key := _project(spec, probe, mode, legal)) is not None]
        if keys:
            return keys
        # No mode of ours fits: one case from the first legal value of each parameter.
        return [tuple(_first(legal.get(name, ())) for name in spec.match_parameters)]

    def _simplified(self, spec: TypeSpecification, key: Key) -> Key:
        """Replace parameters that real rules of this kind do not look at."""
        values = list(key)
        for index, name in enumerate(spec.match_parameters):
            filter_of_detector_type = (
                self.observatory == "jwst"
                and name == "META.INSTRUMENT.FILTER"
                and spec.filekind in DETECTOR_TYPES
            )
            general_parameters = spec.is_parameters and _lot(spec) % 2
            if name in spec.carried or filter_of_detector_type or general_parameters:
                values[index] = "N/A"
        own = [i for i, name in enumerate(spec.match_parameters) if name not in spec.carried]
        if self.observatory == "hst" and len(own) >= 3 and _lot(spec) % 4 == 1:
            values[own[-1]] = "*"
        return tuple(values)

    # ---- changes --------------------------------------------------------

    def _change(self, rules: TypeRules, action: str, date: str) -> None:
        rules.changed = True
        if action == plans.NEW_DATES:
            self._add_date(rules, date)
        elif action == plans.REPLACE:
            self._replace(rules)
        elif action == plans.REMOVE:
            self._remove(rules)
        elif action == plans.NEW_CASE:
            self._add_case(rules, rules.waiting.pop(0))
        elif action == plans.SPLIT_CASE:
            self._split_case(rules, date)
        else:
            raise ValueError(f"Unknown action {action!r} in the plan.")

    def _add_date(self, rules: TypeRules, date: str) -> None:
        references: dict[int, str] = {}
        for index, (key, dates) in enumerate(rules.cases.items()):
            slot = index % _slots(rules.spec)
            if slot not in references:
                references[slot] = self.new_reference(rules.spec, key, date, slot)
            dates[date] = references[slot]

    def _replace(self, rules: TypeRules) -> None:
        """Exchange the newest reference of each case; the old ones leave the rules."""
        exchanged: dict[str, str] = {}
        for index, (key, dates) in enumerate(rules.cases.items()):
            date = max(dates)
            old = dates[date]
            if old not in exchanged:
                slot = index % _slots(rules.spec)
                exchanged[old] = self.new_reference(rules.spec, key, date, slot)
            dates[date] = exchanged[old]
        self.withdrawn.extend(exchanged)

    def _remove(self, rules: TypeRules) -> None:
        """Take the newest reference of the first case out of all cases that use it."""
        first = next(iter(rules.cases.values()))
        reference = first[max(first)]
        for dates in rules.cases.values():
            for date in [date for date, name in dates.items() if name == reference]:
                del dates[date]
        self.withdrawn.append(reference)

    def _add_case(self, rules: TypeRules, key: Key) -> None:
        rules.cases[key] = {
            date: self.new_reference(rules.spec, key, date, 0)
            for date in self._first_dates(rules.spec)
        }

    def _split_case(self, rules: TypeRules, date: str) -> None:
        """Give the last value of the first or-bar a case of its own."""
        for key in list(rules.cases):
            index = next((i for i, value in enumerate(key) if "|" in value), None)
            if index is None:
                continue
            values = key[index].split("|")
            dates = rules.cases.pop(key)
            rest = (*key[:index], "|".join(values[:-1]), *key[index + 1 :])
            own = (*key[:index], values[-1], *key[index + 1 :])
            rules.cases[rest] = dates
            rules.cases[own] = dict(dates)
            rules.cases[own][date] = self.new_reference(rules.spec, own, date, 0)
            return
        self._add_date(rules, date)


# ---- helpers ------------------------------------------------------------


def _lot(spec: TypeSpecification) -> int:
    """A number that varies from type to type and is always the same for one type."""
    return crc32(f"{spec.instrument} {spec.filekind}".encode())


def _slots(spec: TypeSpecification) -> int:
    """How many different references the cases of a type share for one date."""
    if spec.is_parameters:
        return 1
    return {"hst": 8, "jwst": 3, "roman": 6, "tobs": 4}[spec.observatory]


def _empty_rules(spec: TypeSpecification):
    """Rules of a type without cases, to use the library's own expressions and hooks."""
    from crds.core import rmap

    header = spec.header("empty.rmap", "generated")
    selector = spec.selectors[0]
    text = f"header = {header!r}\n\nselector = {selector}({{}})\n"
    return rmap.ReferenceMapping.from_string(text, "empty.rmap", ignore_checksum=True)


def _legal_values(spec: TypeSpecification) -> dict[str, tuple[str, ...]]:
    """Legal values of the match parameters, from the package's constraint files alone."""
    from crds.core import reftypes, utils

    types = reftypes.get_types_object(spec.observatory)
    legal = {}
    for info in types.get_all_tpninfos(spec.instrument, spec.filekind, "ld_tpn"):
        if info.name in spec.match_parameters and not info.is_complex_constraint:
            legal[info.name] = tuple(utils.condition_value(value) for value in info.values)
    return legal


def _project(spec: TypeSpecification, probe, mode: Mode, legal) -> Key | None:
    """The match case of one mode, None when the type does not apply to it."""
    from crds.core import utils
    from crds.core.exceptions import IrrelevantReferenceTypeError

    header = {name: "N/A" for name in probe.get_required_parkeys()}
    header.update({name: "PERFORM" for name in header if name.endswith("CORR")})
    header.update(mode)
    header.update(MODE_DATE)
    header[INSTRUMENT_PARAMETERS[spec.observatory]] = spec.instrument.upper()
    header = utils.condition_header(header)
    try:
        probe.check_rmap_relevance(utils.condition_header_keys(header))
    except IrrelevantReferenceTypeError:
        return None
    header = probe.map_irrelevant_parkeys_to_na(probe._precondition_header(probe, header))
    values = []
    for name in spec.match_parameters:
        value = utils.condition_value(header.get(name, "N/A"))
        if not _is_legal(value, legal.get(name, ())):
            return None
        values.append(value)
    return tuple(values)


def _is_legal(value: str, legal) -> bool:
    from crds.core import utils

    if not legal or value in ("N/A", "*"):
        return True
    accepted = [utils.condition_value(item) for item in legal]
    if value in accepted:
        return True
    if len(accepted) == 1 and ":" in accepted[0]:
        low, high = accepted[0].split(":")
        try:
            return float(low) <= float(value) <= float(high)
        except ValueError:
            return False
    return False


def _first(legal) -> str:
    concrete = [str(value) for value in legal if str(value) not in ("N/A", "ANY", "*")]
    if not concrete or ":" in concrete[0]:
        return "N/A"
    return concrete[0]


def _joined(keys: list[Key]) -> list[Key]:
    """Join cases that differ in one parameter only into or-bars, for the best parameter."""
    if not keys or not keys[0]:
        return keys
    best = keys
    for index in range(len(keys[0])):
        groups: dict[Key, list[str]] = {}
        for key in keys:
            values = groups.setdefault(key[:index] + key[index + 1 :], [])
            if key[index] not in values:
                values.append(key[index])
        if any({"N/A", "*"} & set(values) and len(values) > 1 for values in groups.values()):
            continue
        joined = [
            (*rest[:index], "|".join(sorted(values)), *rest[index:])
            for rest, values in groups.items()
        ]
        if len(joined) < len(best):
            best = joined
    return best
