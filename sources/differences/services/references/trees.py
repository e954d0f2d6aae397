"""Two trees of values (ASDF, JSON, YAML) compared leaf by leaf."""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from differences.services import texts

from . import arrays, images
from .values import shape, shown

#: Entries of one list that are kept; all are counted.
LIMIT = 1000

#: Leaves of a tree that are compared.
LEAVES = 200_000

#: Arrays whose pictures are made.
PICTURES = 12

#: Names of nodes that a path goes down at most.
DEPTH = 100

#: Parts of an ASDF tree that say which software wrote it and nothing else.
ASDF_OWN = ("asdf_library", "history")

#: Bytes of a JSON or YAML file that is parsed.
SIZE_LIMIT = texts.SIZE_LIMIT


class TooLarge(Exception):
    """The tree has more leaves than are compared."""


# ---- formats -----------------------------------------------------------------


def compare_asdf(folder: Path, old: Path, new: Path, progress: Callable) -> dict:
    """Differences of two ASDF files: values of their trees, and arrays pixel by pixel."""
    import asdf

    with warnings.catch_warnings(), asdf.config_context() as settings:
        warnings.simplefilter("ignore")
        # Objects stay the plain nodes they are written as; no software of instruments is run.
        for extension in list(settings.extensions):
            if extension.package_name != "asdf":
                settings.remove_extension(extension)
        options = {"lazy_load": True, "memmap": True}
        with asdf.open(old, **options) as one, asdf.open(new, **options) as other:
            trees = [{key: value for key, value in file.tree.items() if key not in ASDF_OWN}
                     for file in (one, other)]
            found = compare(*trees)
            found["arrays"] = _compare_arrays(folder, found.pop("pairs"), progress)
    found["format"] = "asdf"
    return found


def compare_documents(old: Path, new: Path) -> dict:
    """Differences of two JSON or YAML files, as trees and as text."""
    found = compare_texts(old, new)
    if max(path.stat().st_size for path in (old, new)) > SIZE_LIMIT:
        return found
    tree = compare(*(_parse(path) for path in (old, new)))
    tree.pop("pairs")
    return {**found, **tree, "format": "tree"}


def _parse(path: Path):
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".json":
        return json.loads(text)
    import yaml

    return yaml.safe_load(text)


def compare_texts(old: Path, new: Path) -> dict:
    """Differences of two texts, line by line."""
    lines = [texts.read(path) for path in (old, new)]
    if None in lines:
        limit = texts.SIZE_LIMIT // 2**20
        return {"format": "text",
                "note": f"The files have more than {limit} MB, too large to compare by lines."}
    return {"format": "text", "text": texts.difference(*lines)}


# ---- trees -------------------------------------------------------------------


def compare(old, new) -> dict:
    """Leaves that came, went or changed, by path.

    ``{"added": [[path, value], …], "deleted": […], "changed": [[path, old, new], …],
    "counts": {…}, "pairs": [(path, old array, new array), …]}``
    """
    before, after = (dict(_leaves(tree)) for tree in (old, new))
    added = [[path, shown(value)] for path, value in after.items() if path not in before]
    deleted = [[path, shown(value)] for path, value in before.items() if path not in after]
    changed, pairs = [], []
    for path, one in before.items():
        if path not in after:
            continue
        other = after[path]
        if _is_array(one) and _is_array(other):
            pairs.append((path, one, other))
        elif not _equal(one, other):
            changed.append([path, shown(one), shown(other)])
    lists = {"added": added, "deleted": deleted, "changed": changed}
    return {**{name: entries[:LIMIT] for name, entries in lists.items()},
            "counts": {name: len(entries) for name, entries in lists.items()},
            "leaves": len(before.keys() | after.keys()), "pairs": pairs}


def _leaves(tree) -> Iterator[tuple[str, object]]:
    """(path, value) of every leaf; a tag of a node counts as one, and so do empty nodes."""
    for number, leaf in enumerate(_walk("", tree, 0)):
        if number > LEAVES:
            raise TooLarge(f"The tree has more than {LEAVES:,} values.")
        yield leaf


def _walk(path: str, node, depth: int) -> Iterator[tuple[str, object]]:
    if depth > DEPTH:
        yield path, "…"
        return
    tag = getattr(node, "_tag", None)
    if tag:
        yield f"{path} (tag)".strip(), str(tag)
    if hasattr(node, "items") and not _is_array(node):
        parts = [(f"{path}.{key}" if path else str(key), value) for key, value in node.items()]
    elif hasattr(node, "__iter__") and not isinstance(node, (str, bytes)) and not _is_array(node):
        parts = [(f"{path}[{index}]", value) for index, value in enumerate(node)]
    else:
        yield path, getattr(node, "data", node) if tag else node
        return
    if not parts:
        yield path, "(empty)"
    for name, value in parts:
        yield from _walk(name, value, depth + 1)


def _is_array(value) -> bool:
    return hasattr(value, "shape") and hasattr(value, "dtype")


def _equal(one, other) -> bool:
    if _is_array(one) or _is_array(other):
        return False
    if type(one) is float and type(other) is float and one != one and other != other:
        return True
    return (type(one) is type(other) or _numbers(one, other)) and one == other


def _numbers(one, other) -> bool:
    return all(isinstance(value, (int, float)) and not isinstance(value, bool)
               for value in (one, other))


# ---- arrays in trees ---------------------------------------------------------


def _compare_arrays(folder: Path, pairs: list, progress: Callable) -> list[dict]:
    """Every array that both trees have, the ones that differ first."""
    found = []
    for number, (path, one, other) in enumerate(pairs):
        def step(share: float, number=number):
            progress(5 + 90 * (number + share) / len(pairs), 100, f"Comparing {pairs[number][0]}")

        step(0)
        entry = {"path": path, "shapes": [_shape(one), _shape(other)], "status": "changed"}
        if tuple(one.shape) != tuple(other.shape):
            entry["note"] = "The arrays have different shapes."
        elif one.dtype.names or other.dtype.names or "O" in (one.dtype.kind, other.dtype.kind):
            same = np.array_equal(np.asarray(one), np.asarray(other))
            entry["status"] = "same" if same else "changed"
        else:
            _compare_pair(folder, entry, number, one, other, step)
        found.append(entry)
    return sorted(found, key=lambda entry: entry["status"] == "same")


def _compare_pair(folder: Path, entry: dict, number: int, one, other, step: Callable) -> None:
    stacks = [arrays.Stack(tuple(array.shape), _reader(array)) for array in (one, other)]
    stem = f"array{number}"
    image = images.compare(folder, stem, *stacks, step)
    if number >= PICTURES or stacks[0].shape[-2] < 2:
        image.pop("pictures", None)
    entry["image"] = image
    entry["status"] = "changed" if image["differs"] else "same"


def _reader(array) -> Callable:
    def read(index: tuple):
        return array[index] if index else np.asarray(array)

    return read


def _shape(array) -> str:
    return f"{shape(array.shape) or '1'} {array.dtype}"
