"""Imaps and a pmap around new rules: the context that makes them count.

Does what ``crds newcontext`` and ``update_header_names`` do, without loading what does not
change, and also for instruments and types that the old context does not have.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

from . import rule_text
from .change import Change, compare
from .rule_text import NotARule


@dataclass
class Generated:
    """A new context.

    ``paths`` leads from the name of each replaced pmap or imap to the path of the new one;
    ``pmap`` and ``imaps`` are the new files, those that were given included; ``changes``
    describes what was generated (an imap of a new instrument has no change).
    """

    pmap: Path | None = None
    imaps: list[Path] = field(default_factory=list)
    paths: dict[str, Path] = field(default_factory=dict)
    changes: list[Change] = field(default_factory=list)


def generate(old_pmap: Path, new_rules: Iterable[Path], allocate: Callable[[str], str],
             folder: Path, *, locate: Callable[[str], Path],
             special: dict[tuple[str, str], str] | None = None) -> Generated:
    """Make the imaps and the pmap that are missing around ``new_rules`` in ``folder``.

    ``new_rules`` are complete files under their final names: rmaps, and imaps or a pmap that
    are used as they are (a pmap that was given gets the imaps that are made).
    ``allocate(series)`` gives the next name of a series such as ``hst_acs.imap`` or
    ``hst.pmap``; ``locate(name)`` the path of a rule of the catalogue.
    ``special`` says N/A or OMIT for types: ``{("acs", "biasfile"): "N/A"}``.

    Raises :class:`NotARule` for rules that cannot be read or do not fit together.
    """
    files = [Path(path) for path in new_rules]
    rules = [rule_text.read(path) for path in files]
    paths = {rule.name: path for rule, path in zip(rules, files, strict=True)}
    old = rule_text.load_path(old_pmap)
    found = Generated()
    given = {rule.field("instrument"): rule for rule in rules if rule.kind == "imap"}
    _check_one_of_each(rules, old)
    updates = _updates(rules, special or {}, given)
    for instrument in sorted(updates):
        path = _imap(found, old, instrument, updates[instrument], allocate, folder, locate)
        paths[path.name] = path
        given[instrument] = rule_text.read(path)
    found.imaps = [paths[rule.name] for rule in given.values()]
    pmaps = [rule for rule in rules if rule.kind == "pmap"]
    if pmaps:
        found.pmap = paths[pmaps[0].name]
        found.paths[old.basename] = found.pmap
        if updates:
            _put_in(found.pmap, {instrument: given[instrument].name for instrument in updates})
    elif given:
        changed = {instrument: rule.name for instrument, rule in given.items()}
        found.pmap = _rewrite(found, old, changed, allocate, folder)
    return found


def _check_one_of_each(rules: list[rule_text.Rule], old) -> None:
    seen: dict[tuple, str] = {}
    for rule in rules:
        if rule.field("observatory") != old.observatory:
            raise NotARule(f"'{rule.name}' is for {rule.field('observatory').upper()}, but"
                           f" '{old.basename}' for {old.observatory.upper()}.")
        what = (rule.kind, rule.field("instrument"), rule.field("filekind"))
        other = seen.setdefault(what, rule.name)
        if other != rule.name:
            raise NotARule(f"'{other}' and '{rule.name}' are for the same place in a context.")


def _updates(rules, special, given) -> dict[str, dict[str, str]]:
    """What imaps that were not given are to contain anew: by instrument and type."""
    updates: dict[str, dict[str, str]] = {}
    for rule in rules:
        if rule.kind == "rmap" and rule.field("instrument") not in given:
            updates.setdefault(rule.field("instrument"), {})[rule.field("filekind")] = rule.name
    for (instrument, filekind), value in special.items():
        if instrument in given:
            raise NotARule(f"The imap of {instrument} was given; say {value} in it.")
        updates.setdefault(instrument.lower(), {})[filekind.lower()] = value
    return updates


def _imap(found: Generated, pmap, instrument: str, changed: dict[str, str], allocate, folder,
          locate) -> Path:
    from crds.core.rmap import is_special_value

    name = {key.lower(): value for key, value in pmap.selector.items()}.get(instrument)
    if name is None or is_special_value(name):
        return _new_imap(found, pmap, instrument, changed, allocate, folder)
    old = rule_text.load_path(locate(name), name)
    return _rewrite(found, old, changed, allocate, folder)


def _rewrite(found: Generated, old, changed: dict[str, str], allocate, folder: Path) -> Path:
    """A new file like ``old`` in which the keys ``changed`` lead to other names."""
    new = rule_text.load(old.basename, old.format())
    for key, name in changed.items():
        set_child(new, key, name)
    new_name = allocate(series_of(new))
    text = rule_text.finish(new, new_name, old.basename)
    change = Change(old.basename, new_name, text, compare(old, new),
                    path=rule_text.write(folder / new_name, text))
    found.changes.append(change)
    found.paths[old.basename] = change.path
    return change.path


def _put_in(pmap: Path, changed: dict[str, str]) -> None:
    """Have a pmap that was given name imaps that were made around the rmaps given with it."""
    mapping = rule_text.load_path(pmap)
    for instrument, name in changed.items():
        set_child(mapping, instrument, name)
    derived_from = dict.get(mapping.header, "derived_from")
    rule_text.write(pmap, rule_text.finish(mapping, pmap.name, derived_from))


def set_child(mapping, key: str, name: str) -> None:
    """Have the key ``key`` (lower case) of a pmap or imap lead to ``name``."""
    keys = {each.lower(): each for each in mapping.selector}
    mapping.selector[keys.get(key) or _spelled(mapping, key)] = name


def _spelled(mapping, key: str) -> str:
    """A new key as the rules of the observatory spell it."""
    upper = "instrument" not in mapping.header or mapping.observatory == "jwst"
    return key.upper() if upper else key.lower()


def _new_imap(found: Generated, pmap, instrument: str, changed: dict[str, str], allocate,
              folder: Path) -> Path:
    """The first imap of an instrument."""
    header = {
        "mapping": "INSTRUMENT", "observatory": pmap.observatory.upper(),
        "instrument": instrument.upper(), "parkey": ("REFTYPE",),
        "derived_from": "generated for a new instrument"}
    name = allocate(f"{pmap.observatory}_{instrument}.imap")
    rule = rule_text.Rule(name, {**header, "name": name}, {})
    mapping = rule_text.to_mapping(rule)
    for kind, value in changed.items():
        set_child(mapping, kind, value)
    text = rule_text.finish(mapping, name, header["derived_from"])
    path = rule_text.write(folder / name, text)
    found.paths[name] = path
    return path


def series_of(mapping) -> str:
    """The series that new names of the rule ``mapping`` belong to."""
    header = mapping.header
    parts = [str(header[part]).lower() for part in ("observatory", "instrument", "filekind")
             if part in header]
    kind = {1: "pmap", 2: "imap", 3: "rmap"}[len(parts)]
    return "_".join(parts) + "." + kind
