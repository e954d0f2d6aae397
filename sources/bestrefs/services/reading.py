"""Headers as text, from a browser, a form or an uploaded file, parsed.

Whatever the text claims to be, it is data of strangers: sizes, depth and number of keywords
are limited, FITS cards are read by astropy, YAML with a loader that makes nothing but plain
values, and a card or value that makes no sense is left out and named.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count

import yaml
from astropy.io import fits

from common.errors import BadRequest

#: Most characters of one header text, and most keywords of one file.
MAX_TEXT = 8 * 1024 * 1024
MAX_KEYWORDS = 50_000
MAX_DEPTH = 60
MAX_VALUE = 1024
MAX_EXTENSIONS = 2000

#: The same of YAML, which takes seconds for each megabyte.
MAX_YAML = 1024 * 1024

#: Most characters of a number in YAML; a longer one stays text.
MAX_NUMBER = 100

#: Most branches of a tree that are looked at: aliases make a small text a vast tree.
MAX_BRANCHES = 20_000

#: Cards that have a value; others no rule asks for, and they take most of many headers.
_CARD = re.compile(r"(?!COMMENT |HISTORY )[A-Za-z0-9_\-]{1,8} *= |HIERARCH .*=|CONTINUE  ")
#: Of a line without blanks around it: a pattern that also takes these from the value would
#: look through long runs of them again and again.
_LINE = re.compile(r"([A-Za-z][A-Za-z0-9_.\-]{0,127})\s*[=:](.*)", re.DOTALL)
_EXTENSION = re.compile(
    r"\[?\s*(?:ext(?:ension)?\s*)?(?:(?P<index>\d+)|(?P<name>[^\[\],]+?)"
    r"(?:\s*,\s*(?P<version>\d+))?)\s*\]?", re.IGNORECASE)


@dataclass(frozen=True)
class Part:
    """One header of a file: a FITS header and data unit, or the whole of another format."""

    index: int
    name: str
    version: int
    header: dict[str, str]

    @property
    def label(self) -> str:
        return "PRIMARY" if self.index == 0 else f"{self.name or self.index},{self.version}"


@dataclass(frozen=True)
class FileHeaders:
    """All headers of a file; ``notes`` say what in it could not be read."""

    format: str
    parts: list[Part]
    notes: list[str] = field(default_factory=list)

    def chosen(self, extension: str = "") -> list[dict[str, str]]:
        """The headers that count, most important first.

        Nothing said means all of them in the order of the file, as the client reads
        files; ``0`` or ``primary`` the primary header alone; anything else one extension
        (``3``, ``SCI``, ``SCI,2``), whose keywords come before those of the primary header.
        """
        extension = extension.strip()
        if not extension or extension.lower() in ("all", "*"):
            return [part.header for part in self.parts]
        primary = self.parts[0]
        if extension.lower() in ("0", "primary", "[0]"):
            return [primary.header]
        return [self._find(extension).header, primary.header]

    def _find(self, extension: str) -> Part:
        wanted = _EXTENSION.fullmatch(extension)
        for part in self.parts if wanted else ():
            if wanted["index"] is not None:
                if part.index == int(wanted["index"]):
                    return part
            elif (part.name == wanted["name"].strip().upper()
                  and part.version == int(wanted["version"] or part.version)):
                return part
        known = ", ".join(part.label for part in self.parts[:40])
        raise BadRequest(f"There is no extension '{extension[:60]}' in this file. It has {known}.")


def read(text: str) -> FileHeaders:
    """The headers in ``text``: FITS cards, the YAML of an ASDF file, JSON, or lines KEY = value."""
    if len(text) > MAX_TEXT:
        raise BadRequest(
            f"The header has more than {MAX_TEXT // 2**20} MB, too much for a header."
            " Give the header alone, without data.")
    # Cards are cut by position: what is no character of a header must not shift them.
    text = text.replace("\0", " ").lstrip("\ufeff")
    start = text.lstrip()
    if not start:
        raise BadRequest("The header is empty. Choose a file or paste its header.")
    if text.startswith(("SIMPLE  =", "XTENSION=")):
        return _fits(text)
    if start.startswith(("#ASDF", "%YAML", "---")):
        return _one("ASDF", _yaml(start))
    if start.startswith(("{", "[")):
        return _one("JSON", _json(start))
    return _lines(text)


def several(text: str) -> dict[str, FileHeaders]:
    """``{id: headers}`` where ``text`` is a JSON object of datasets and their headers, else {}.

    That is the form in which the client saves and loads headers.
    """
    if not text.lstrip().startswith("{"):
        return {}
    found: dict = {}
    # One object, or one for each line.
    lines = [text] if _is_json(text) else text.splitlines()
    for line in filter(str.strip, lines):
        loaded = _json(line)
        if not isinstance(loaded, dict) or not all(map(_is_header, loaded.values())):
            return {}
        found.update(loaded)
    return {str(name): _one("JSON", header) for name, header in found.items()}


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def _is_header(value) -> bool:
    return isinstance(value, dict) and any(
        str(key).upper() in ("INSTRUME", "META.INSTRUMENT.NAME", "ROMAN.META.INSTRUMENT.NAME")
        for key in value)


# ---- FITS ----------------------------------------------------------------


def _fits(text: str) -> FileHeaders:
    parts: list[Part] = []
    notes: list[str] = []
    for index, cards in enumerate(_units(text)):
        if index == MAX_EXTENSIONS:
            notes.append(f"Only the first {MAX_EXTENSIONS} headers were read.")
            break
        header = _cards(cards, notes)
        parts.append(Part(
            index, header.get("EXTNAME", "").strip().upper(), _number(header.get("EXTVER"), 1),
            header))
    return _checked(FileHeaders("FITS", parts, notes[:20]))


def _units(text: str) -> Iterator[str]:
    """Cards of each header that have a value, 80 characters each, without the END."""
    lines = text.splitlines()
    if max(map(len, lines[:1])) > 80:
        # The bytes of a file as they are: cards of 80 characters without line ends.
        flat = text
        lines = [flat[at:at + 80] for at in range(0, len(flat), 80)]
    unit: list[str] = []
    for line in lines:
        card = line[:80].ljust(80)
        if card.rstrip() == "END":
            yield "".join(unit)
            unit = []
        elif _CARD.match(card):
            unit.append(card)
    if unit:
        yield "".join(unit)


def _cards(text: str, notes: list[str]) -> dict[str, str]:
    """Keywords and values of cards; the first of several values counts, as in the client."""
    found: dict[str, str] = {}
    if not text:
        return found
    text = "".join(c if " " <= c <= "~" else " " for c in text)
    for card in fits.Header.fromstring(text).cards:
        try:
            # Mends what astropy can mend, with a warning to nobody; the client does the same.
            card.verify("silentfix")
            keyword, value = card.keyword, card.value
        except Exception as exc:  # astropy raises whatever a card leads it to
            notes.append(f"A card could not be read and was left out: {str(exc)[:120]}")
            continue
        if not keyword or keyword.upper() in found:
            continue
        found[keyword.upper()] = (
            "UNDEFINED" if isinstance(value, fits.card.Undefined) else _text(value))
    return found


# ---- other formats ----------------------------------------------------------


#: libyaml's where it is there: YAML of a megabyte takes its Python form half a minute.
_SafeLoader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _PlainLoader(_SafeLoader):
    """Tags of any kind are taken for what they stand on: mappings, lists and texts.

    Keys ``<<`` are keys as others: no header merges mappings, and aliases merged level by level
    multiply until the memory is full.
    """

    def flatten_mapping(self, node):
        pass


def _plain(loader, tag, node):
    if isinstance(node, yaml.MappingNode):
        return loader.construct_mapping(node, deep=True)
    if isinstance(node, yaml.SequenceNode):
        return loader.construct_sequence(node, deep=True)
    return loader.construct_scalar(node)


_PlainLoader.add_multi_constructor("", _plain)


def _number_or_text(construct):
    """Digits between colons make one huge number that takes long to multiply."""
    def made(loader, node):
        return construct(loader, node) if len(node.value) <= MAX_NUMBER else node.value

    return made


_PlainLoader.add_constructor(
    "tag:yaml.org,2002:int", _number_or_text(_SafeLoader.construct_yaml_int))
_PlainLoader.add_constructor(
    "tag:yaml.org,2002:float", _number_or_text(_SafeLoader.construct_yaml_float))
# Times stay as they are written.
_PlainLoader.add_constructor("tag:yaml.org,2002:timestamp", lambda loader, node: node.value)


def _yaml(text: str) -> object:
    end = re.search(r"\n\.\.\.\s*(\n|$)", text)
    text = text[:end.start()] if end else text
    if len(text) > MAX_YAML:
        raise BadRequest("The YAML of this header has more than 1 MB, too much for a header."
                         " Give the metadata alone.")
    try:
        _check_depth(text)
        return yaml.load(text, Loader=_PlainLoader)  # a safe loader, see above
    except (yaml.YAMLError, ValueError, TypeError, OverflowError, AttributeError,
            RecursionError) as exc:
        raise BadRequest(f"The YAML of this header cannot be read: {_short(exc)}.") from exc


def _check_depth(text: str) -> None:
    """Refuse deep nesting before anything is built: libyaml ends the process on it."""
    depth = 0
    for event in yaml.parse(text, Loader=_SafeLoader):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > MAX_DEPTH:
                raise BadRequest(f"The header is nested deeper than {MAX_DEPTH} levels.")
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1


def _json(text: str) -> object:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as exc:
        raise BadRequest(f"The JSON of this header cannot be read: {_short(exc)}.") from exc


def _one(format_: str, tree: object) -> FileHeaders:
    if not isinstance(tree, dict):
        raise BadRequest(f"This {format_} holds no keywords at its top, so it is no header.")
    header: dict[str, str] = {}
    _flatten(tree, "", header, 0, count())
    return _checked(FileHeaders(format_, [Part(0, "", 1, header)]))


def _flatten(tree: dict, prefix: str, header: dict[str, str], depth: int,
             branches: Iterator[int]) -> None:
    """Dotted upper-case keys of plain values, as the client names them."""
    if depth > MAX_DEPTH:
        raise BadRequest(f"The header is nested deeper than {MAX_DEPTH} levels.")
    if next(branches) > MAX_BRANCHES:
        raise BadRequest(f"The header has more than {MAX_BRANCHES} branches.")
    for key, value in tree.items():
        if not isinstance(key, str):
            continue
        name = f"{prefix}{key}".upper()
        if isinstance(value, dict):
            _flatten(value, f"{name}.", header, depth + 1, branches)
        elif not isinstance(value, list | tuple):
            header.setdefault(name, "UNDEFINED" if value is None else _text(value))
        if len(header) > MAX_KEYWORDS:
            raise BadRequest(f"The header has more than {MAX_KEYWORDS} keywords.")


def _lines(text: str) -> FileHeaders:
    header: dict[str, str] = {}
    notes: list[str] = []
    for line in text.splitlines():
        found = _LINE.fullmatch(line.strip())
        if found:
            header.setdefault(found[1].upper(), _unquoted(found[2].strip()))
        elif line.strip() and line.strip() != "END" and len(notes) < 20:
            notes.append(f"Not read: {line.strip()[:80]}")
    if not header:
        raise BadRequest(
            "This is no header: neither FITS, ASDF or JSON, nor lines of KEYWORD = value."
            " Choose the file itself, or paste its header.")
    return _checked(FileHeaders("text", [Part(0, "", 1, header)], notes))


def _unquoted(value: str) -> str:
    """The value of a line as FITS headers and people write it, a comment after ``/`` cut off."""
    if value[:1] in ("'", '"'):
        closing = value.find(value[0], 1)
        return value[1:closing if closing > 0 else None].strip()[:MAX_VALUE]
    return value.split(" /")[0].strip()[:MAX_VALUE]


# ---- parts --------------------------------------------------------------------


def _checked(headers: FileHeaders) -> FileHeaders:
    if not any(part.header for part in headers.parts):
        raise BadRequest("No keyword was found in this header.")
    if sum(len(part.header) for part in headers.parts) > MAX_KEYWORDS:
        raise BadRequest(f"The header has more than {MAX_KEYWORDS} keywords.")
    return headers


def _text(value) -> str:
    return str(value).strip()[:MAX_VALUE]


def _number(value, default: int) -> int:
    try:
        return int(float(value))
    except (TypeError, ValueError, OverflowError):
        return default


def _short(exc: Exception) -> str:
    return " ".join(str(exc).split())[:200] or type(exc).__name__
