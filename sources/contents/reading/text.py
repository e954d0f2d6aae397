"""JSON, YAML and plain text."""

from __future__ import annotations

import json
from pathlib import Path

import yaml

from ..parts import Workshop
from ..trees import Planter, Tagged

#: Bytes of a JSON or YAML file that are parsed; of longer files only the beginning is shown.
PARSED = 32 * 1024 * 1024

#: Bytes of a text that a page shows.
SHOWN = 64 * 1024


class Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):
    """Plain values only; what has an unknown tag keeps it as a name, and nothing is run."""


def _tagged(loader: Loader, tag: str, node: yaml.Node) -> Tagged:
    if isinstance(node, yaml.MappingNode):
        value = loader.construct_mapping(node, deep=True)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        value = loader.construct_scalar(node)
    return Tagged(tag or node.tag, value)


Loader.add_multi_constructor("", _tagged)


def parts(path: Path, shop: Workshop) -> list[dict]:
    """The text at ``path`` as one part."""
    found = text_part(path)
    if found["text"].startswith("\0") or found["binary"]:
        shop.faults.append("This is not a text: it holds bytes that no text has.")
    return [found]


def json_parts(path: Path, shop: Workshop) -> list[dict]:
    """The values of a JSON file as a tree."""
    def parse(text: str):
        return json.loads(text)

    return _parsed(path, shop, "JSON", parse)


def yaml_parts(path: Path, shop: Workshop) -> list[dict]:
    """The values of a YAML file as a tree; several documents one after the other."""
    return _parsed(path, shop, "YAML", load_yaml)


def load_yaml(text: str):
    """The document of ``text``, or a list of its documents."""
    documents = list(yaml.load_all(text, Loader=Loader))
    return documents[0] if len(documents) == 1 else documents


def _parsed(path: Path, shop: Workshop, language: str, parse) -> list[dict]:
    if path.stat().st_size > PARSED:
        shop.notes.append(f"The file is larger than {PARSED // 2**20} MB, so it is shown as text.")
        return [text_part(path)]
    content = path.read_bytes()
    try:
        value = parse(content.decode("utf-8-sig"))
    except (ValueError, yaml.YAMLError, RecursionError, TypeError, AttributeError) as exc:
        shop.faults.append(f"This is not correct {language}: {_readable(exc)}")
        return [text_part(path)]
    planter = Planter()
    tree = planter.plant(value)
    if planter.cut:
        shop.notes.append("The tree is too large to be shown whole; the file has all of it.")
    return [{"number": 0, "key": "e0", "name": "", "kind": "tree", "title": language,
             "tree": tree, "fault": "", "note": ""}]


def _readable(exc: Exception) -> str:
    if isinstance(exc, RecursionError):
        return "it is nested too deeply."
    if isinstance(exc, UnicodeDecodeError):
        return f"byte {exc.start + 1} does not belong to a text in UTF-8."
    if isinstance(exc, json.JSONDecodeError):
        return f"line {exc.lineno}, column {exc.colno}: {exc.msg}."
    mark = getattr(exc, "problem_mark", None)
    if mark is not None:
        return f"line {mark.line + 1}, column {mark.column + 1}: {exc.problem}."
    return str(exc)[:300]


def text_part(path: Path) -> dict:
    """The beginning of the file as text, with the number of its lines."""
    size = path.stat().st_size
    with open(path, "rb") as file:
        beginning = file.read(SHOWN)
        lines = beginning.count(b"\n")
        while block := file.read(1 << 20):
            lines += block.count(b"\n")
    text = beginning.decode("utf-8", "replace")
    controls = sum(letter < " " and letter not in "\t\r\n\f" for letter in text)
    binary = controls > len(text) // 50
    shown = "".join(letter if letter >= " " or letter in "\t\n" else "·" for letter in text)
    return {"number": 0, "key": "e0", "name": "", "kind": "text", "title": "Text",
            "text": shown[:4096] if binary else shown, "lines": lines, "binary": binary,
            "cut": size > SHOWN, "fault": "", "note": ""}
