"""One rule file as data: its header and its entries, and back to the text of a file.

A pmap or imap has one entry a key; an rmap one for each path through its selectors.  Entries
are identified as the library tells match cases apart (``1`` and ``"1.0"`` are the same), and
keep the spelling of the file.
"""

from __future__ import annotations

import ast
import importlib
import io
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

#: Header fields that every new rule file gets anew.
OWN_FIELDS = ("name", "derived_from", "sha1sum")

#: Parts of Python that rules consist of.
_PLAIN = (ast.Module, ast.Assign, ast.Name, ast.Store, ast.Load, ast.Dict, ast.Tuple, ast.List,
          ast.Constant, ast.Call, ast.UnaryOp, ast.USub)

OBSERVATORIES = ("hst", "jwst", "roman")


class NotARule(ValueError):
    """The text is no rule file that can be used; the message says why."""


@dataclass(frozen=True)
class Step:
    """One key on the way to an entry, with the selector that asks for it.

    ``kind`` is the selector's short name (``Match``, ``UseAfter`` …) or empty in pmaps and
    imaps.  ``identity`` is equal for keys that the library takes for the same.
    """

    kind: str
    parameters: tuple[str, ...]
    key: object = field(compare=False)
    identity: object = None

    @property
    def values(self) -> tuple[str, ...]:
        """The key as texts, one for each column of a table of rules."""
        if self.kind == "Match" and isinstance(self.key, tuple):
            return tuple(map(text_of, self.key))
        return (text_of(self.key),)

    @property
    def named(self) -> dict[str, str]:
        """The texts by the names of their parameters."""
        if len(self.values) == len(self.parameters):
            return dict(zip(self.parameters, self.values, strict=True))
        return {" ".join(self.parameters): " ".join(self.values)}


Path_ = tuple[Step, ...]


@dataclass(frozen=True)
class Empty:
    """What leads to a selector without entries."""

    kind: str


@dataclass
class Rule:
    """The content of a rule file.  ``entries`` lead to a name, or to what the rules say else."""

    name: str
    header: dict
    entries: dict[Path_, object]
    comment: str | None = None
    #: Match selectors without any case, and the like: kinds and parameters from the top.
    outline: tuple[tuple[str, tuple[str, ...]], ...] = ()

    @property
    def kind(self) -> str:
        return self.name[-4:]

    def field(self, name: str) -> str:
        """A header field in lower case, empty where there is none."""
        return str(self.header.get(name, "")).lower()

    def spelled(self) -> dict[Path_, tuple]:
        """Entries with the spelling of their keys: what a change of an entry is seen by."""
        return {path: (tuple(step.key for step in path), leaf)
                for path, leaf in self.entries.items()}

    def names(self) -> set[str]:
        """All names in the entries, special values left out."""
        from crds.core.rmap import is_special_value

        return {name for leaf in self.entries.values() for name in names_in(leaf)
                if not is_special_value(name)}


def names_in(leaf) -> tuple[str, ...]:
    """The texts in what an entry leads to: one as a rule."""
    if isinstance(leaf, Mapping):
        return tuple(map(str, leaf.values()))
    if isinstance(leaf, (tuple, list)):
        return tuple(map(str, leaf))
    return () if isinstance(leaf, Empty) else (str(leaf),)


def text_of(value) -> str:
    """A key as pages show it: several values of one parameter with bars between them."""
    if isinstance(value, (tuple, list)):
        return "|".join(map(str, value))
    return str(value)


# ---- reading ---------------------------------------------------------------


def decode(data: bytes) -> str:
    """The text of a rule file as the library reads it.  Raises :class:`NotARule`."""
    try:
        return io.TextIOWrapper(io.BytesIO(data), encoding="utf-8").read()
    except UnicodeDecodeError as exc:
        raise NotARule(f"The file is not a text in UTF-8: {exc.reason} at byte"
                       f" {exc.start}.") from exc


def check_plain(text: str) -> None:
    """Raise :class:`NotARule` unless ``text`` consists of data only.

    Stricter than the library: it lets expressions pass that take for ever to evaluate.
    """
    from crds.core.selectors import SELECTORS

    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as exc:
        where = f" in line {exc.lineno}" if getattr(exc, "lineno", None) else ""
        reason = getattr(exc, "msg", None) or str(exc) or type(exc).__name__
        raise NotARule(f"The text cannot be read{where}: {reason}.") from exc
    for node in ast.walk(tree):
        called = isinstance(node, ast.Call)
        if not isinstance(node, _PLAIN) or (called and not (
                isinstance(node.func, ast.Name) and node.func.id in SELECTORS)):
            line = getattr(node, "lineno", 0)
            raise NotARule(
                f"Line {line} has an expression that rules must not have"
                f" ({type(node).__name__}): only texts, numbers, tuples, dictionaries and"
                f" selectors such as Match and UseAfter are allowed.")


def load(name: str, text: str):
    """The library's object for the rule file ``name``; nothing that it contains is loaded.

    The header's checksum is not looked at.  Raises :class:`NotARule`.
    """
    from crds.core import rmap

    classes = {".pmap": rmap.PipelineContext, ".imap": rmap.InstrumentContext,
               ".rmap": rmap.ReferenceMapping}
    if name[-5:] not in classes:
        raise NotARule(f"'{name}' does not end in .pmap, .imap or .rmap.")
    check_plain(text)
    try:
        header, selector, comment = rmap.Mapping._parse_header_selector(text, name)
        _check_header(header)
        mapping = classes[name[-5:]](name, header, selector, comment=comment,
                                     ignore_checksum=True, loader=_never)
        mapping._check_type()
    except NotARule:
        raise
    except Exception as exc:  # the library raises whatever the content leads it to
        raise NotARule(f"'{name}' is not a valid rule file:"
                       f" {' '.join(str(exc).split())[:500] or type(exc).__name__}") from exc
    return mapping


def _check_header(header) -> None:
    """What the library uses as names of modules, and evaluates when it selects."""
    fields = {key: dict.get(header, key) for key in header}
    observatory = str(fields.get("observatory", "")).lower()
    if observatory not in OBSERVATORIES:
        raise NotARule(f"The header has the observatory '{observatory}'; it must be one of"
                       f" {', '.join(OBSERVATORIES)}.")
    instrument = str(fields.get("instrument", "")).lower()
    known = importlib.import_module(f"crds.{observatory}").INSTRUMENTS
    if instrument and instrument not in known:
        raise NotARule(f"{observatory.upper()} has no instrument '{instrument}'.")
    relevance = fields.get("parkey_relevance")
    for expression in (fields.get("rmap_relevance"), fields.get("rmap_omit"),
                       *(relevance.values() if isinstance(relevance, Mapping) else ())):
        for node in ast.walk(ast.parse(str(expression or "True").strip())):
            if isinstance(node, ast.BinOp):
                raise NotARule(f"The expression {expression!r} of the header calculates; only"
                               f" comparisons are allowed.")


def load_path(path: Path | str, name: str = ""):
    """As :func:`load` for a file, called ``name`` instead of its own name if given."""
    path = Path(path)
    return load(name or path.name, decode(path.read_bytes()))


def _never(name: str, **_):
    raise NotARule(f"'{name}' is not to be loaded here.")


def rule_of(mapping) -> Rule:
    """The content of the library's object ``mapping``."""
    selector = mapping.selector
    header = dict(dict.items(mapping.header))
    if isinstance(selector, dict):
        parameters = tuple(map(str, mapping.parkey))
        entries = {(Step("", parameters, key, str(key).lower()),): leaf
                   for key, leaf in selector.items()}
        return Rule(mapping.basename, header, entries, mapping.comment)
    entries: dict[Path_, object] = {}
    for path, leaf in _walk(selector, ()):
        if path in entries:
            raise NotARule(f"'{mapping.basename}' has the case {described(path)} twice.")
        entries[path] = leaf
    outline = tuple(_outline(selector))
    return Rule(mapping.basename, header, entries, mapping.comment, outline)


def read(path: Path | str, name: str = "") -> Rule:
    """The content of the rule file at ``path``.  Raises :class:`NotARule` and ``OSError``."""
    return rule_of(load_path(path, name))


def _walk(selector, above: Path_) -> Iterable[tuple[Path_, object]]:
    from crds.core.selectors import Selector

    parameters = tuple(map(str, selector._parameters))
    for key, choice in selector._raw_selections:
        step = Step(selector.short_name, parameters, key, _identity(selector, key))
        if isinstance(choice, Selector):
            if not choice._raw_selections:
                yield (*above, step), Empty(choice.short_name)
            yield from _walk(choice, (*above, step))
        else:
            yield (*above, step), choice


def _identity(selector, key):
    try:
        identity = selector.condition_key(key)
        hash(identity)
    except Exception:  # keys of odd kinds: as they are written
        return repr(key)
    return identity


def _outline(selector) -> Iterable[tuple[str, tuple[str, ...]]]:
    from crds.core.selectors import Selector

    while isinstance(selector, Selector):
        yield selector.short_name, tuple(map(str, selector._parameters))
        choices = [choice for _, choice in selector._raw_selections]
        selector = choices[0] if choices else None


# ---- writing ---------------------------------------------------------------


def to_mapping(rule: Rule):
    """The library's object for ``rule``, with the checksum of its text in the header.

    Raises :class:`NotARule` for what the library would not read.
    """
    mapping = load(rule.name, _source(rule))
    mapping.header["sha1sum"] = mapping._get_checksum(mapping.format())
    return mapping


def format_rule(rule: Rule) -> str:
    """The text of ``rule`` as the library writes it, with the right checksum."""
    return to_mapping(rule).format()


def finish(mapping, name: str, derived_from: str) -> str:
    """Give ``mapping`` its own header fields, and return its text with the right checksum."""
    mapping.filename = name
    mapping.header["name"] = name
    mapping.header["derived_from"] = derived_from
    mapping.header["sha1sum"] = mapping._get_checksum(mapping.format())
    return mapping.format()


def write(path: Path, text: str) -> Path:
    """Write ``text`` under ``path``, complete or not at all."""
    partial = path.with_name(path.name + ".partial")
    partial.write_text(text, encoding="utf-8")
    partial.replace(path)
    return path


def _source(rule: Rule) -> str:
    """A text that the library reads; it is not laid out as the library writes."""
    header = {"sha1sum": "", **rule.header}
    comment = f"comment = {rule.comment!r}\n\n" if rule.comment else ""
    if rule.name.endswith(".rmap"):
        selector = _nested(rule)
    else:
        selector = repr({path[0].key: leaf for path, leaf in rule.entries.items()})
    return f"header = {header!r}\n\n{comment}selector = {selector}\n"


def _nested(rule: Rule) -> str:
    if not rule.entries:
        kind = rule.outline[0][0] if rule.outline else "Match"
        return f"{kind}({{}})"
    return _level(list(rule.entries.items()), 0)


def _level(entries: list[tuple[Path_, object]], depth: int) -> str:
    kinds = {path[depth].kind for path, _ in entries}
    if len(kinds) > 1:
        raise NotARule(f"One level has selectors of several kinds: {', '.join(sorted(kinds))}.")
    groups: dict[object, tuple[object, list]] = {}
    for path, leaf in entries:
        groups.setdefault(path[depth].identity, (path[depth].key, []))[1].append((path, leaf))
    lines = []
    for key, below in groups.values():
        for path, _ in below:
            if repr(path[depth].key) != repr(key):
                raise NotARule(f"A case is written in two ways: {key!r} and"
                               f" {path[depth].key!r}.")
        ends = [leaf for path, leaf in below if len(path) == depth + 1]
        if ends and len(below) > 1:
            raise NotARule(f"{key!r} leads to a reference and to further cases.")
        lines.append(f"{key!r} : {_end(ends[0]) if ends else _level(below, depth + 1)},")
    return f"{kinds.pop()}({{\n" + "\n".join(lines) + "\n})"


def _end(leaf) -> str:
    return f"{leaf.kind}({{}})" if isinstance(leaf, Empty) else repr(leaf)


def described(path: Path_) -> str:
    """A path in words: ``DETECTOR WFC, CCDAMP A|D from 2002-03-01 00:00:00``."""
    case = ", ".join(f"{name} {value}" for step in path if step.kind != "UseAfter"
                     for name, value in step.named.items())
    dates = [" ".join(step.values) for step in path if step.kind == "UseAfter"]
    return " ".join(filter(None, (case, "from " + dates[-1] if dates else "")))
