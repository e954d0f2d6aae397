"""Dataset headers that match the rules of a context.

They fill the demonstration archive and feed the tests that compare our answers
with the library's.  Nothing here knows a particular context: what can be
matched is read from the rules, so headers fit real and demonstration rules.

A header is made in two stages.  A *template* takes one match case of one rule
file and adds a case that agrees with it from as many other types as possible;
this is the slow part and templates are reused.  Each header then gets its own
observation date, switches and, for a part of them, some other values.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

#: Parameters that every header of an observatory has for its observation date.
DATE_KEYS = {
    "hst": ("DATE-OBS", "TIME-OBS"),
    "jwst": ("META.OBSERVATION.DATE", "META.OBSERVATION.TIME"),
    "roman": ("ROMAN.META.EXPOSURE.START_TIME",),
    "tobs": ("PARAMETER",),
}

#: Pseudo-instruments whose rules are not selected by observations.
NOT_OBSERVED = frozenset({"synphot", "system"})

#: Values of a switch in a dataset header, likely ones several times.
SWITCH_VALUES = ("PERFORM",) * 6 + ("COMPLETE", "OMIT")

#: First and last observation, where rules do not say more.
MISSION = {
    "hst": (datetime(1994, 1, 1), datetime(2025, 1, 1)),
    "jwst": (datetime(2022, 1, 1), datetime(2025, 6, 1)),
    "roman": (datetime(2024, 1, 1), datetime(2027, 6, 1)),
    "tobs": (datetime(2003, 9, 26), datetime(2020, 1, 1)),
}

#: The same for the instruments of HST, which came and went.
HST_SERVICE = {
    "acs": (datetime(2002, 3, 7), datetime(2025, 1, 1)),
    "cos": (datetime(2009, 5, 14), datetime(2025, 1, 1)),
    "nicmos": (datetime(1997, 2, 14), datetime(2008, 9, 10)),
    "stis": (datetime(1997, 2, 14), datetime(2025, 1, 1)),
    "wfc3": (datetime(2009, 5, 14), datetime(2025, 1, 1)),
    "wfpc2": (datetime(1993, 12, 4), datetime(2009, 5, 14)),
}

#: Cases of one rule file that are tried for agreement with a template.
TRIES = 16

#: Most templates that are made; more headers reuse them with other dates.
TEMPLATES = 2500

#: ``NAME == "VALUE"``, ``NAME not in ("A", "B")`` and the like in relevance expressions.
_COMPARISON = re.compile(
    r"([A-Z][A-Z0-9_.\-]*)\s*(==|!=|not\s+in|in)\s*"
    r"(\([^()]*\)|\[[^\]]*\]|\"[^\"]*\"|'[^']*')"
)
_QUOTED = re.compile(r"[\"']([^\"']*)[\"']")


@dataclass
class _Rule:
    """One rule file: its parameters, match cases and the dates of each case."""

    filekind: str
    parameters: tuple[str, ...]
    cases: list[tuple[str, ...]]
    dates: list[list[str]]
    date_parameters: tuple[str, ...]
    switches: tuple[str, ...]
    conditions: list[tuple[str, str, tuple[str, ...]]]


@dataclass
class _Template:
    values: dict[str, str]
    dates: list[str] = field(default_factory=list)
    first: str = ""


# ---- what the rules match -----------------------------------------------


def parameter_values(context_mapping: Any, instrument: str) -> dict[str, list[str]]:
    """Concrete values of every matching parameter of an instrument, sorted.

    Or-bars are taken apart; patterns, ranges and negations become values that
    they accept; ``*`` and ``N/A`` give no value.  Date parameters are left out.
    """
    return _values_of(_read_rules(context_mapping, instrument))


def mentioned_values(context_mapping: Any) -> dict[str, list[str]]:
    """Values of parameters that an rmap does not match by but asks for, sorted.

    Switches have those of :data:`SWITCH_VALUES`, others what relevance expressions
    compare them with.
    """
    rule = _read_rule(context_mapping)
    values: dict[str, set[str]] = {}
    for name, _, compared in rule.conditions:
        values.setdefault(name, set()).update(compared)
    for name in {*rule.switches, *(name for name in values if name.endswith("CORR"))}:
        values.setdefault(name, set()).update(SWITCH_VALUES)
    return {name: sorted(found) for name, found in values.items()}


def useafter_dates(context_mapping: Any, instrument: str) -> list[str]:
    """Every date of the instrument's rules (``YYYY-MM-DD HH:MM:SS``), sorted."""
    rules = _read_rules(context_mapping, instrument)
    return sorted({date for rule in rules for dates in rule.dates for date in dates})


def instruments(context_mapping: Any) -> list[str]:
    """Instruments of a context that make observations, lower case and sorted."""
    names = set(map(str.lower, context_mapping.selections.keys()))
    return sorted(
        name
        for name in names - NOT_OBSERVED
        if _instrument_rules(context_mapping, name) is not None
    )


def _instrument_rules(context_mapping: Any, instrument: str) -> Any:
    """The imap of an instrument (or the imap or rmap given), None when it has no rules."""
    from crds.core import exceptions

    if context_mapping.mapping != "pipeline":
        return context_mapping
    try:
        imap = context_mapping.get_imap(instrument)
    except (
        exceptions.CrdsUnknownInstrumentError,
        exceptions.IrrelevantReferenceTypeError,
        exceptions.OmitReferenceTypeError,
    ):
        return None
    return None if isinstance(imap, str) else imap


def _read_rules(context_mapping: Any, instrument: str) -> list[_Rule]:
    """The rule files of an instrument in a fixed order; N/A types are left out."""
    imap = _instrument_rules(context_mapping, instrument.lower())
    if imap is None:
        raise ValueError(
            f"The context {context_mapping.basename} has no rules for instrument {instrument!r}."
        )
    if imap.mapping == "reference":
        return [_read_rule(imap)]
    return [
        _read_rule(imap.get_rmap(filekind))
        for filekind in sorted(imap.selections.normal_keys(), key=str.lower)
    ]


def _read_rule(rmap: Any) -> _Rule:
    header = rmap.header
    parameters, cases, dates, date_parameters = _read_selector(rmap.selector)
    expressions = [header.get(name, "") for name in ("rmap_relevance", "rmap_omit")]
    expressions += list(dict(header.get("parkey_relevance", {})).values())
    switch = rmap._reffile_switch
    switches = () if switch == "NONE" else (switch,)
    return _Rule(
        filekind=rmap.filekind,
        parameters=parameters,
        cases=cases,
        dates=dates,
        date_parameters=date_parameters,
        switches=switches,
        conditions=[
            (match[0].upper(), " ".join(match[1].split()), tuple(_QUOTED.findall(match[2])))
            for expression in expressions
            for match in _COMPARISON.findall(str(expression))
        ],
    )


def _read_selector(
    selector: Any,
) -> tuple[tuple[str, ...], list[tuple[str, ...]], list[list[str]], tuple[str, ...]]:
    """Parameters, cases and dates of a selector tree.

    Below a Match there is a UseAfter as a rule; deeper or other selectors give
    their keys as further dates or are ignored.
    """
    parameters = tuple(name.upper() for name in selector._parameters)
    kind = type(selector).__name__
    if kind in ("UseAfterSelector", "ClosestTimeSelector"):
        return (), [()], [list(map(str, selector.keys()))], parameters
    if kind != "MatchSelector":
        # Versions and numbers: one parameter, one case for each key.
        keys = [str(key).lstrip("<=> ") for key in selector.raw_keys()]
        return parameters[:1], [(key,) for key in keys], [[] for _ in keys], ()
    cases, dates, date_parameters = [], [], ()
    for selection in selector._selections:
        key = selection.key if isinstance(selection.key, tuple) else (selection.key,)
        cases.append(tuple(str(value) for value in key))
        below = selection.choice
        dates.append(_dates_below(below))
        if type(below).__name__ == "UseAfterSelector":
            date_parameters = tuple(name.upper() for name in below._parameters)
    return parameters, cases, dates, date_parameters


def _dates_below(choice: Any) -> list[str]:
    if type(choice).__name__ not in ("UseAfterSelector", "ClosestTimeSelector"):
        return []
    return [key for key in map(str, choice.keys()) if key[:4].isdigit()]


# ---- concrete values ----------------------------------------------------


def _alternatives(element: str) -> tuple[str, ...]:
    """Values that one element of a match case names, patterns included."""
    if element.startswith(("{", "(", "#")) or element.upper().startswith(("BETWEEN", "NOT ")):
        return (element,)
    return tuple(part.strip() for part in element.split("|"))


def _is_wild(value: str) -> bool:
    return value in ("*", "N/A", "ANY", "**")


def _is_plain(value: str) -> bool:
    """Whether the value stands for itself and not for a pattern or a range."""
    return not (
        value.startswith(("{", "(", "#", "<", ">"))
        or value.upper().startswith(("BETWEEN", "NOT "))
        or any(character in value for character in "*?[")
    )


def _values_of(rules: list[_Rule]) -> dict[str, list[str]]:
    plain: dict[str, set[str]] = {}
    patterns: dict[str, set[str]] = {}
    for rule in rules:
        for index, name in enumerate(rule.parameters):
            plain.setdefault(name, set())
            for element in {case[index] for case in rule.cases}:
                for value in _alternatives(element):
                    if not _is_wild(value):
                        target = plain if _is_plain(value) else patterns
                        target.setdefault(name, set()).add(value)
    for name, expressions in patterns.items():
        pool = sorted(plain[name])
        for expression in sorted(expressions):
            plain[name].add(_accepted(expression, pool))
    return {name: sorted(values) for name, values in sorted(plain.items())}


def _accepted(expression: str, pool: list[str]) -> str:
    """A concrete value that a pattern, range or negation accepts."""
    from crds.core import selectors

    matcher = selectors.matcher(expression)
    numbers = re.findall(r"-?\d+\.?\d*", expression)
    candidates = list(pool)
    candidates += [expression.strip("{}()#")]
    for number in numbers:
        candidates += [str(float(number)), str(float(number) + 0.5), str(float(number) - 0.5)]
    if len(numbers) > 1:
        candidates.append(str((float(numbers[0]) + float(numbers[1])) / 2))
    candidates += [re.sub(r"[*?]", "", expression), re.sub(r"[*?]", "1", expression), "OTHER"]
    for candidate in candidates:
        concrete = candidate and _is_plain(candidate) and not _is_wild(candidate)
        if concrete and matcher.match(candidate) == 1:
            return candidate
    return "OTHER"


class _Chooser:
    """Picks concrete values; remembers what each element of a case can become."""

    def __init__(self, rules: list[_Rule], rng: random.Random):
        self.rng = rng
        self.pool = _values_of(rules)
        self._choices: dict[tuple[str, str], list[str]] = {}

    def choices(self, name: str, element: str) -> list[str]:
        """Concrete values for an element; empty when it accepts everything."""
        known = self._choices.get((name, element))
        if known is None:
            known = []
            for value in _alternatives(element):
                if _is_wild(value):
                    known = []
                    break
                known.append(value if _is_plain(value) else _accepted(value, self.pool[name]))
            self._choices[name, element] = known
        return known

    def agrees(self, name: str, element: str, value: str) -> bool:
        choices = self.choices(name, element)
        return not choices or value in choices


# ---- templates ----------------------------------------------------------


def _template(rules: list[_Rule], chooser: _Chooser) -> _Template:
    """Values of one random case, and of agreeing cases of as many types as possible."""
    rng = chooser.rng
    usable = [rule for rule in rules if rule.cases]
    order = rng.sample(usable, len(usable))
    # Types with many parameters first: the others then have a case that agrees.
    order[1:] = sorted(order[1:], key=lambda rule: -len(rule.parameters))
    template = _Template({})
    for rule in order:
        for index in rng.sample(range(len(rule.cases)), min(TRIES, len(rule.cases))):
            case = rule.cases[index]
            if _take_case(template, rule, case, chooser):
                if rule.dates[index]:
                    template.dates.extend(rule.dates[index])
                    template.first = max(template.first, min(rule.dates[index]))
                break
    _satisfy_conditions(template, rules, chooser)
    for name, values in chooser.pool.items():
        if name not in template.values:
            # No rule that agrees asks for it: often not applicable, else anything.
            template.values[name] = rng.choice(values) if values and rng.random() < 0.5 else "N/A"
    return template


def _take_case(
    template: _Template, rule: _Rule, case: tuple[str, ...], chooser: _Chooser
) -> bool:
    """Add a case's values to the template unless they contradict it."""
    added = {}
    for name, element in zip(rule.parameters, case, strict=False):
        have = template.values.get(name)
        if have is not None:
            if not chooser.agrees(name, element, have):
                return False
            continue
        choices = chooser.choices(name, element)
        if choices:
            added[name] = chooser.rng.choice(choices)
    template.values.update(added)
    return True


def _satisfy_conditions(template: _Template, rules: list[_Rule], chooser: _Chooser) -> None:
    """Give parameters that only relevance expressions use a value that makes types relevant."""
    for rule in rules:
        for name, operator, values in rule.conditions:
            if name in template.values or chooser.pool.get(name) or name.endswith("CORR"):
                continue
            if operator in ("==", "in") and values:
                template.values[name] = chooser.rng.choice(values)
            else:
                template.values[name] = "NONE"


# ---- headers ------------------------------------------------------------


def generate(
    context_mapping: Any,
    instrument: str,
    count: int,
    seed: int,
    match_share: float = 0.8,
) -> Iterator[dict[str, str]]:
    """Yield ``count`` headers of one instrument; the same seed gives the same headers.

    ``match_share`` of them keep the values of whole match cases, so that many
    types have a best reference; the others get some random values of their
    parameters.  Dates are spread over the dates of the rules, some exactly on
    them.  ``context_mapping`` is a loaded pmap, imap or rmap.

    Raises ``ValueError`` when the context has no rules for the instrument.
    """
    rules = _read_rules(context_mapping, instrument)
    rng = random.Random(f"{seed} {instrument}")
    chooser = _Chooser(rules, rng)
    observatory = context_mapping.observatory.lower()
    base = _constant_part(rules, observatory, instrument)
    switches = sorted(
        {name for rule in rules for name in rule.switches}
        | {name for rule in rules for name, _, _ in rule.conditions if name.endswith("CORR")}
    )
    dates = _DateMaker(rules, observatory, instrument.lower(), rng)
    templates: list[_Template] = []
    wanted = min(count, max(200, min(TEMPLATES, count // 4)))
    for _ in range(count):
        if len(templates) < wanted:
            templates.append(_template(rules, chooser))
            template = templates[-1]
        else:
            template = rng.choice(templates)
        header = base | template.values
        for name in switches:
            header[name] = rng.choice(SWITCH_VALUES)
        if rng.random() >= match_share:
            _scramble(header, chooser)
        dates.put(header, template)
        yield header


def _constant_part(rules: list[_Rule], observatory: str, instrument: str) -> dict[str, str]:
    """Keys that every header of the instrument has with the same value."""
    name = instrument.upper()
    if observatory == "jwst":
        return {"META.INSTRUMENT.NAME": name, "META.TELESCOPE": "JWST"}
    if observatory == "roman":
        return {"ROMAN.META.INSTRUMENT.NAME": name, "ROMAN.META.TELESCOPE": "ROMAN"}
    return {"INSTRUME": name}


def _scramble(header: dict[str, str], chooser: _Chooser) -> None:
    """Replace a third of the matching values by others of the same parameter."""
    rng = chooser.rng
    for name, values in chooser.pool.items():
        if rng.random() < 0.35:
            header[name] = rng.choice(values) if values and rng.random() < 0.9 else "N/A"


class _DateMaker:
    """Chooses observation dates and writes them in the observatory's parameters."""

    def __init__(
        self, rules: list[_Rule], observatory: str, instrument: str, rng: random.Random
    ):
        self.rng = rng
        self.observatory = observatory
        self.start, self.end = HST_SERVICE.get(instrument, MISSION[observatory])
        self.keys = sorted(
            {rule.date_parameters for rule in rules if rule.date_parameters}
            | {DATE_KEYS[observatory]}
        )
        self.all_dates = sorted(
            {
                date
                for rule in rules
                for dates in rule.dates
                for date in dates
                if self._parse(date) is not None
            }
        )

    @staticmethod
    def _parse(text: str) -> datetime | None:
        try:
            return datetime.fromisoformat(text.replace("T", " ")[:19])
        except ValueError:
            return None

    def put(self, header: dict[str, str], template: _Template) -> None:
        moment = self._choose(template)
        for names in self.keys:
            _write_date(header, names, moment)
        if self.observatory == "hst":
            header["EXPSTART"] = f"{_modified_julian_date(moment):.8f}"

    def _choose(self, template: _Template) -> datetime:
        """A date on, just beside or some time after a date of the rules."""
        rng = self.rng
        lot = rng.random()
        known = template.dates or self.all_dates
        if lot < 0.35 and known:
            exact = self._parse(rng.choice(known))
            if exact is not None and exact.year > 1970:
                if lot < 0.15:
                    return exact
                if lot < 0.19:
                    return exact - timedelta(seconds=1)
                if lot < 0.23:
                    return exact + timedelta(seconds=1)
                return exact + timedelta(seconds=rng.randrange(1, 120 * 86400))
        first = self._parse(template.first) if template.first else None
        start = max(self.start, first) if first else self.start
        span = max(86400, int((self.end - start).total_seconds()))
        return start + timedelta(seconds=rng.randrange(span))


def _write_date(header: dict[str, str], names: tuple[str, ...], moment: datetime) -> None:
    if len(names) >= 2:
        header[names[0]] = moment.strftime("%Y-%m-%d")
        header[names[1]] = moment.strftime("%H:%M:%S")
    elif names[0].endswith("START_TIME"):
        header[names[0]] = moment.strftime("%Y-%m-%dT%H:%M:%S.000")
    elif names[0] not in header or len(header[names[0]]) < 19:
        # A lone date parameter; the pair of date and time has already set its date.
        header.setdefault(names[0], moment.strftime("%Y-%m-%d %H:%M:%S"))


def _modified_julian_date(moment: datetime) -> float:
    return (moment - datetime(1858, 11, 17)).total_seconds() / 86400.0


# ---- archive ------------------------------------------------------------

#: Letter with which the rootnames of an HST instrument begin.
HST_LETTERS = {
    "acs": "J", "wfc3": "I", "stis": "O", "cos": "L", "wfpc2": "U", "nicmos": "N",
}

#: Datasets that documents and tests of the client name: instrument, product, exposures.
KNOWN_DATASETS = (
    ("acs", "JCL403010", ("JCL403ABQ", "JCL403AFQ", "JCL403AHQ", "JCL403AJQ")),
    ("acs", "JBANJOF3Q", ("JBANJOF3Q",)),
    ("acs", "JA9553LVQ", ("JA9553LVQ",)),
    ("acs", "JBBGRCGFQ", ("JBBGRCGFQ",)),
    ("cos", "LCE31SW6Q", ("LCE31SW6Q",)),
    ("cos", "LA9K03C3Q", ("LA9K03C3Q",)),
    ("cos", "LA9K03C5Q", ("LA9K03C5Q",)),
    ("cos", "LA9K03C7Q", ("LA9K03C7Q",)),
    ("cos", "LA9K03CBQ", ("LA9K03CBQ",)),
    ("cos", "LB6M01030", ("LB6M01AVQ", "LB6M01AXQ", "LB6M01AZQ", "LB6M01B1Q")),
    ("cos", "LBK617YRQ", ("LBK617YRQ",)),
    ("stis", "O8EX02EFQ", ("O8EX02EFQ",)),
    ("wfc3", "I9ZF01010", ("I9ZF01DZQ", "I9ZF01E0Q")),
    ("wfpc2", "U20L0U01T", ("U20L0U01T",)),
)

_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"


def generate_archive(
    context_mapping: Any,
    observatory: str,
    per_instrument: int,
    seed: int,
    historical_context: Any = None,
) -> Iterator[tuple[str, str, str, dict[str, str]]]:
    """Yield (product, exposure, instrument, header) of about ``per_instrument`` exposures each.

    Identifiers are unique and look like the observatory's.  HST has products of
    several exposures, and always the datasets of :data:`KNOWN_DATASETS`.  With
    ``historical_context`` (an older loaded pmap) HST headers also carry the
    reference of each type that was best then, as the archive's headers do.
    """
    observatory = observatory.lower()
    for instrument in instruments(context_mapping):
        rng = random.Random(f"{seed} archive {instrument}")
        pairs = _identifiers(observatory, instrument, per_instrument, rng)
        headers = generate(context_mapping, instrument, len(pairs), seed, match_share=0.9)
        history = _History(historical_context, instrument) if observatory == "hst" else None
        shared: tuple[str, dict[str, str]] = ("", {})
        for (product, exposure), header in zip(pairs, headers, strict=True):
            if product == shared[0]:
                # Exposures of one product are taken in the same mode, one after the other.
                header = _next_exposure(observatory, shared[1])
            shared = (product, header)
            header = dict(header)
            if observatory == "hst":
                header["DATA_SET"] = exposure
                header["ROOTNAME"] = exposure
            if history:
                header.update(history.references(header))
            yield product, exposure, instrument, header


def _next_exposure(observatory: str, header: dict[str, str]) -> dict[str, str]:
    later = dict(header)
    names = DATE_KEYS[observatory]
    if len(names) == 2:
        moment = datetime.fromisoformat(f"{header[names[0]]} {header[names[1]]}")
        _write_date(later, names, moment + timedelta(minutes=12))
    return later


def _identifiers(
    observatory: str, instrument: str, count: int, rng: random.Random
) -> list[tuple[str, str]]:
    """(product, exposure) pairs, upper case, exposures of a product beside each other."""
    maker = {"hst": _hst_identifiers, "jwst": _jwst_identifiers, "roman": _roman_identifiers}
    return list(maker.get(observatory, _test_identifiers)(instrument, count, rng))


def _hst_identifiers(
    instrument: str, count: int, rng: random.Random
) -> Iterator[tuple[str, str]]:
    letter = HST_LETTERS.get(instrument, "X")
    used = set()
    made = 0
    for owner, product, exposures in KNOWN_DATASETS:
        if owner == instrument:
            for exposure in exposures:
                used.add(exposure)
                made += 1
                yield product, exposure
    while made < count:
        visit = letter + "".join(rng.choices(_DIGITS, k=3)) + f"{rng.randrange(1, 60):02d}"
        if visit in used:
            continue
        used.add(visit)
        numbers = rng.sample(_DIGITS, 6)
        if instrument not in ("wfpc2", "nicmos") and rng.random() < 0.3:
            size = min(rng.randrange(2, 5), count - made) or 1
            product = f"{visit}010"
            exposures = [f"{visit}{rng.choice(_DIGITS)}{number}Q" for number in numbers[:size]]
        else:
            last = "T" if instrument == "wfpc2" else "Q"
            product = f"{visit}{rng.choice(_DIGITS)}{numbers[0]}{last}"
            exposures = [product]
        for exposure in exposures:
            made += 1
            yield product, exposure


_JWST_DETECTORS = {
    "fgs": ("GUIDER1", "GUIDER2"),
    "miri": ("MIRIMAGE", "MIRIFUSHORT", "MIRIFULONG"),
    "nircam": ("NRCA1", "NRCA2", "NRCALONG", "NRCB1", "NRCB4", "NRCBLONG"),
    "niriss": ("NIS",),
    "nirspec": ("NRS1", "NRS2"),
}


def _jwst_identifiers(
    instrument: str, count: int, rng: random.Random
) -> Iterator[tuple[str, str]]:
    detectors = _JWST_DETECTORS.get(instrument, (instrument.upper(),))
    # The program number tells the instruments apart, so that names are unique.
    program = 94000 + 100 * (sorted(_JWST_DETECTORS).index(instrument) + 1) if (
        instrument in _JWST_DETECTORS
    ) else 94900
    for number in range(count):
        fileset = (
            f"JW{program + number // 999 % 100:05d}{number % 999 + 1:03d}"
            f"{rng.randrange(1, 10):03d}_02{rng.randrange(1, 8)}0{rng.randrange(1, 10)}_00001"
        )
        name = f"{fileset}.{rng.choice(detectors)}"
        yield name, name


def _roman_identifiers(
    instrument: str, count: int, rng: random.Random
) -> Iterator[tuple[str, str]]:
    for number in range(count):
        visit = f"R0000101001001{number // 999 + 1:03d}{number % 999 + 1:03d}"
        exposure = f"0{rng.randrange(1, 4)}101_{rng.randrange(1, 10):04d}"
        name = f"{visit}_{exposure}.WFI{rng.randrange(1, 19):02d}"
        yield name, name


def _test_identifiers(
    instrument: str, count: int, rng: random.Random
) -> Iterator[tuple[str, str]]:
    for number in range(count):
        name = f"{instrument.upper()}{number + 1:05d}"
        yield name, name


class _History:
    """Best references of an older context in the form of HST archive headers."""

    def __init__(self, context_mapping: Any, instrument: str):
        self.imap = None
        if context_mapping is not None:
            self.imap = _instrument_rules(context_mapping, instrument)

    def references(self, header: dict[str, str]) -> dict[str, str]:
        """``{"BADTTAB": "S7O1739KL_BADT.FITS"}``; types without a reference are N/A."""
        if self.imap is None:
            return {}
        from crds.core import utils

        answers = self.imap.get_best_references(utils.condition_header(header))
        return {
            filekind.upper(): "N/A" if answer.startswith("NOT FOUND") else answer.upper()
            for filekind, answer in answers.items()
            if isinstance(answer, str)
        }
