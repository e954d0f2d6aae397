"""Contexts and instruments, with their rules compiled."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import Path
from weakref import WeakValueDictionary

from crds.core import config, exceptions, rmap, utils
from crds.core.constants import INSTRUMENT_KEYWORDS

from .description import Description, describe, keep, kept
from .hooks import UnknownHook, do_not_reprocess
from .rule import NOT_APPLICABLE, NOT_FOUND, CompiledRule

#: Bytes of memory that a compiled rule takes for each byte of its text, roughly.
BYTES_PER_TEXT_BYTE = 12

Loader = Callable[[str], rmap.Mapping]


class CannotSelect(Exception):
    """No type at all can be selected for a header; the message is the library's."""


class Source:
    """Where rules come from.

    ``load`` gives the library's object for a rule file by name, without loading what it
    contains; ``folder`` keeps descriptions of rmaps, None for none.  ``replaced`` has files
    that stand in the place of rmaps of the cache, by name of the rmap.
    """

    def __init__(self, load: Loader, folder: Path | None = None,
                 replaced: Mapping[str, Path] | None = None):
        self._load = load
        self.folder = folder
        self._replaced = dict(replaced or {})
        self._loaded = False
        self._rules: WeakValueDictionary = WeakValueDictionary()

    def load(self, name: str) -> rmap.Mapping:
        """The library's object for the rule ``name``."""
        if name in self._replaced:
            # Its checksum is put in when it gets its name.
            return rmap.ReferenceMapping.from_file(
                str(self._replaced[name]), ignore_checksum=True)
        return self._load(name)

    def description(self, name: str) -> tuple[Description, int, str]:
        """The description of the rmap ``name``, and size (bytes) and sha1 of its file."""
        data = Path(self._replaced.get(name) or config.locate_mapping(name)).read_bytes()
        sha1sum = hashlib.sha1(data, usedforsecurity=False).hexdigest()
        found = kept(sha1sum, self.folder)
        if found is None:
            found = describe(self.load(name))
            keep(sha1sum, found, self.folder)
            self._loaded = True
        return found, len(data), sha1sum

    def compiled(self, sha1sum: str, keys: tuple[str, ...],
                 make: Callable[[], CompiledRule]) -> CompiledRule:
        """The rule with this content for headers with ``keys``: contexts share it."""
        rule = self._rules.get((sha1sum, keys))
        if rule is None:
            rule = self._rules[sha1sum, keys] = make()
        return rule

    def release(self) -> None:
        """Let rules go that were loaded only to be described: the library's memos hold them."""
        if self._loaded:
            utils.clear_function_caches()
            self._loaded = False


class Instrument:
    """The rules of one instrument: those of an imap, or one rmap alone.

    ``keys`` are the parameters that the library passes on to its rules, in upper case;
    ``lookups`` gives for each the two keywords under which a header may have it.
    """

    def __init__(self, mapping: rmap.Mapping, source: Source, instrument_key: str | None):
        self.mapping = mapping
        self.name: str = mapping.instrument
        self._source = source
        self.size = 0
        names = _rmap_names(mapping)
        described, self._sha1sums = {}, {}
        for kind, name in names.items():
            described[kind], size, self._sha1sums[kind] = source.description(name)
            self.size += size * BYTES_PER_TEXT_BYTE
        source.release()
        self.rmaps: dict[str, str] = names
        keys = self._required(described)
        if instrument_key:
            keys.append(instrument_key)
        self.lookups = {key.upper(): (key.lower(), key.upper()) for key in keys}
        self.keys = tuple(self.lookups)
        self.rules = self._compile(described)
        self._rmaps: dict[str, rmap.ReferenceMapping] = {}

    @property
    def types(self) -> tuple[str, ...]:
        """Its types in the order of the file, lower case, those that do not apply among them."""
        if isinstance(self.mapping, rmap.ReferenceMapping):
            return (self.mapping.filekind,)
        return tuple(self.mapping.selections.keys())

    def chosen(self, types: Iterable[str] | None) -> tuple[str, ...]:
        """What the library calls the types asked for, in the order of its answer."""
        if not types:
            return self.types
        types = list(types)
        if isinstance(self.mapping, rmap.ReferenceMapping):
            if self.mapping.filekind not in types:
                raise CannotSelect(str(exceptions.CrdsUnknownReftypeError(
                    "ReferenceMapping", repr(self.mapping.basename),
                    "can only compute bestrefs for type", repr(self.mapping.filekind),
                    "not", types)))
            return self.types
        return tuple(dict.fromkeys(kind.lower() for kind in types))

    def constant(self, kind: str) -> str | None:
        """The answer for a type without rules: not applicable, omitted (None) or unknown."""
        try:
            self.mapping.get_rmap(kind)
        except exceptions.IrrelevantReferenceTypeError:
            return NOT_APPLICABLE
        except exceptions.OmitReferenceTypeError:
            return None
        except Exception as exc:
            return NOT_FOUND + str(exc)
        raise AssertionError(f"type {kind!r} has rules")

    def ask(self, kind: str, header: Mapping[str, str]) -> str | None:
        """The library's own answer; ``header`` has the conditioned values of some ``keys``."""
        rule = self._rmaps.get(kind)
        if rule is None:
            rule = self._rmaps[kind] = self._source.load(self.rmaps[kind])
        full = {key: header.get(key, "UNDEFINED") for key in self.keys}
        if isinstance(self.mapping, rmap.ReferenceMapping):
            answer = rule.get_best_ref(full)
        else:
            try:
                answer = rule.get_best_ref(full)
            except Exception as exc:
                answer = NOT_FOUND + str(exc)
        return None if answer is None else str(answer)

    def _required(self, described: Mapping[str, Description]) -> list[str]:
        if isinstance(self.mapping, rmap.ReferenceMapping):
            return list(described[self.mapping.filekind]["required"])
        keys = set(self.mapping.parkey) | set(self.mapping.header.get("extra_keys", []))
        for description in described.values():
            keys.update(description["required"])
        return sorted(keys)

    def _compile(self, described: Mapping[str, Description]) -> dict[str, CompiledRule]:
        try:
            dnr, problem = do_not_reprocess(self.mapping.locate), ""
        except UnknownHook as exc:
            dnr, problem = None, str(exc)
        rules = {}
        for kind, description in described.items():
            if problem and not description["reason"]:
                description = {**description, "reason": problem}
            rules[kind] = self._source.compiled(
                self._sha1sums[kind], self.keys,
                partial(CompiledRule, description, self._hooks(description), self.keys, dnr))
        return rules

    def _hooks(self, description: Description) -> dict[str, Callable | None]:
        """The functions of the library that the rule is to use, found as the library does."""
        named = description.get("hooks", {})
        found = {}
        for name in ("precondition", "fallback"):
            default = "_".join([f"{name}_header", description["instrument"],
                                description["filekind"], "v1"])
            wanted = named.get(f"{name}_header", f"{name}_header") if named else default
            found[name] = getattr(self._package(), wanted, None)
        return found

    def _package(self):
        return utils.get_object("crds", self.mapping.observatory, self.name)


def _rmap_names(mapping: rmap.Mapping) -> dict[str, str]:
    """Names of the rmaps by type, without loading them."""
    if isinstance(mapping, rmap.ReferenceMapping):
        return {mapping.filekind: mapping.basename}
    selections = mapping.selections
    return {kind: name for kind, name in selections._xx_selector.items()
            if not selections.is_special_value(name)}


class Context:
    """A pmap, or an imap or rmap in its place, whose instruments are compiled when first met."""

    def __init__(self, name: str, source: Source):
        self.mapping = source.load(name)
        self.locate = self.mapping.locate
        self.observatory: str = self.mapping.observatory
        self._source = source
        self._instruments: dict[str, Instrument] = {}
        #: Instruments by the values of :attr:`instrument_keys`, as far as they are known.
        self.by_names: dict[tuple, Instrument] = {}
        self.instrument_key: str | None = getattr(self.mapping, "instrument_key", None)
        #: Keywords that may name the instrument, as a rule knows them.
        self.instrument_keys: tuple[str, ...] = ()
        if self.instrument_key:
            self.instrument_keys = tuple(dict.fromkeys(
                [self.instrument_key.upper(), self.instrument_key.lower(), *INSTRUMENT_KEYWORDS]))

    @property
    def size(self) -> int:
        """Bytes of memory that its compiled rules take, roughly."""
        return sum(one.size for one in self._instruments.values())

    def instrument(self, header: Mapping[str, str]) -> Instrument:
        """The instrument that ``header`` (as ``fits_to_parkeys`` gives it) is selected for.

        Raises :class:`CannotSelect` with the library's reason.
        """
        if self.instrument_key is None:
            return self._compiled(self.mapping)
        try:
            first = self.mapping.get_imap(self.mapping.get_instrument(header))
            instrument = self._compiled(first)
            # The library looks again, at what it has kept and conditioned.
            minimal = {key: header.get(lower, header.get(upper, "UNDEFINED"))
                       for key, (lower, upper) in instrument.lookups.items()
                       if key.lower() in header or key in header or key == self.instrument_key}
            again = self.mapping.get_instrument(utils.condition_header(minimal))
            second = self.mapping.get_imap(again)
        except exceptions.CrdsError as exc:
            raise CannotSelect(str(exc)) from exc
        except AttributeError as exc:
            raise CannotSelect(self._unusable(header)) from exc
        except Exception as exc:  # bad files of the rules
            raise CannotSelect(str(exc)) from exc
        if second is not first:
            raise DifferentInstruments(instrument, self._compiled(second))
        return instrument

    def _compiled(self, mapping: rmap.Mapping) -> Instrument:
        if isinstance(mapping, str):
            raise AttributeError(f"{mapping} has no rules")
        found = self._instruments.get(mapping.basename)
        if found is None:
            found = Instrument(mapping, self._source, self.instrument_key)
            self._instruments[mapping.basename] = found
        return found

    def _unusable(self, header: Mapping[str, str]) -> str:
        """The message for an instrument that the context declares N/A or omits."""
        try:
            instrument = self.mapping.get_instrument(dict(header))
        except exceptions.CrdsError as exc:
            return str(exc)
        return (f"Context '{self.mapping.basename}' has no rules for instrument '{instrument}':"
                " it declares the instrument as not applicable.")


class DifferentInstruments(Exception):
    """A header that the library minimizes for one instrument and selects for another."""

    def __init__(self, *instruments: Instrument):
        super().__init__()
        self.instruments = instruments
