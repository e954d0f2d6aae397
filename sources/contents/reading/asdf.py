"""ASDF files: the tree with its values, arrays summed up, models by name.

Files are opened with the core of ASDF alone.  Without the extensions that would build objects
from them, models and coordinate systems stay what they are in the file: tagged values.
"""

from __future__ import annotations

import contextlib
import warnings
from pathlib import Path
from typing import Any

import asdf
import numpy as np
import yaml
from asdf.tags.core.ndarray import NDArrayType

from ..parts import Subject, Workshop, describe_image, holds_flags, type_name
from ..pixels import Pixels
from ..trees import Planter, short_tag
from ..words import number
from .text import load_yaml, text_part

#: Values of an array that are written into the tree; of larger ones the range is.
WRITTEN = 25

#: Arrays that get a part of their own with pictures: the largest ones.
ARRAYS = 24

#: Bytes in which the YAML part of a damaged file is looked for.
HEAD = 16 * 1024 * 1024

#: Nested models whose expression is written out.
MODEL_DEPTH = 12

OPERATIONS = {"compose": " | ", "concatenate": " & ", "add": " + ", "subtract": " \u2212 ",
              "multiply": " \u00d7 ", "divide": " / ", "power": " ^ "}


def parts(path: Path, shop: Workshop) -> list[dict]:
    """The tree as first part, then one part for each of the larger arrays."""
    try:
        with _core_only(), _opened(path) as file:
            return _Reading(shop).parts(_ordered(file.tree))
    except (ValueError, OSError, TypeError, KeyError, IndexError, AttributeError, RecursionError,
            RuntimeError, yaml.YAMLError) as exc:
        shop.faults.append(f"The file cannot be read as ASDF: {_first_line(exc)}")
    return _from_head(path, shop)


@contextlib.contextmanager
def _core_only():
    with warnings.catch_warnings(), asdf.config_context() as config:
        warnings.simplefilter("ignore")
        for extension in list(config.extensions):
            if extension.package_name not in (None, "asdf"):
                config.remove_extension(extension)
        config.validate_on_read = False
        yield


def _opened(path: Path):
    return asdf.open(path, lazy_load=True, memmap=True, ignore_unrecognized_tag=True)


def _ordered(tree) -> dict:
    """What a file is for first, what programs note about themselves last."""
    return dict(sorted(tree.items(), key=lambda item: item[0] in ("asdf_library", "history")))


def _first_line(exc: Exception) -> str:
    return (str(exc).strip().splitlines() or [type(exc).__name__])[0][:300]


def _from_head(path: Path, shop: Workshop) -> list[dict]:
    """What the YAML part of a damaged file tells, else its beginning as text."""
    with open(path, "rb") as file:
        head = file.read(HEAD)
    if not head:
        shop.faults.append("The file is empty.")
    head, marked, _ = head.partition(b"\n...")
    try:
        tree = load_yaml(head.decode("utf-8"))
    except (ValueError, yaml.YAMLError, RecursionError, TypeError, AttributeError):
        return [text_part(path)]
    if not marked:
        shop.faults.append("The end of the tree, a line of three dots, is missing.")
    if not isinstance(tree, dict) and not hasattr(tree, "value"):
        return [text_part(path)]
    planter = Planter()
    return [_tree_part(planter.plant(tree), [])]


def _tree_part(tree: dict, models: list[dict]) -> dict:
    return {"number": 0, "key": "e0", "name": "", "kind": "tree", "title": "Tree", "tree": tree,
            "models": models, "fault": "", "note": ""}


class _Reading:
    """Collects arrays and models while the tree is made."""

    def __init__(self, shop: Workshop):
        self.shop = shop
        self.arrays: list[tuple[tuple, np.ndarray, dict]] = []
        self.models: list[dict] = []

    def parts(self, tree: dict) -> list[dict]:
        if not tree:
            self.shop.faults.append("The file has no tree: nothing is in it.")
        planter = Planter(self._special)
        planted = planter.plant(tree)
        if planter.cut:
            self.shop.notes.append("The tree is too large to be shown whole; the file has all"
                                   " of it.")
        _find_models(tree, (), self.models)
        found = [_tree_part(planted, self.models)]
        chosen = sorted(self.arrays, key=lambda item: -item[1].size)[:ARRAYS]
        if len(self.arrays) > len(chosen):
            self.shop.notes.append(f"The largest {len(chosen)} of {len(self.arrays)} arrays have"
                                   " pictures.")
        positions = {id(item) for item in chosen}
        for item in (item for item in self.arrays if id(item) in positions):
            found.append(self._array_part(len(found), *item))
            item[2]["part"] = found[-1]["number"]
        return found

    def _special(self, value: Any, path: tuple) -> dict | None:
        if not isinstance(value, NDArrayType | np.ndarray):
            return None
        try:
            shape, dtype = tuple(value.shape), np.dtype(value.dtype)
            array = np.asarray(value)
        except Exception as exc:  # whatever a broken block makes the library raise
            reason = ("the file does not have its block of data" if isinstance(exc, IndexError)
                      else _first_line(exc))
            self.shop.faults.append(f"The array {_path(path)} cannot be read: {reason}.")
            return {"kind": "array", "value": "cannot be read"}
        node = {"kind": "array", "count": array.size, "shape": list(shape),
                "type": type_name(dtype) if dtype.kind not in "OVSU" else str(dtype)[:200],
                "value": _written(array)}
        coefficients = bool(path) and path[-1] == "coefficients"
        if array.size > WRITTEN and dtype.kind in "uifcb" and not coefficients:
            self.arrays.append((path, array, node))
        return node

    def _array_part(self, number_: int, path: tuple, array: np.ndarray, node: dict) -> dict:
        title = _path(path)
        self.shop.report(number_, max(1, len(self.arrays)), f"Array {title}")
        part = {"number": number_, "key": f"e{number_}", "name": title, "kind": "image",
                "title": title, "fault": "", "note": "", "image": None}
        pixels = Pixels.of(array)
        try:
            part["image"] = describe_image(
                Subject(part["key"], title, pixels, first=0,
                        flags=holds_flags(str(path[-1]) if path else "", pixels)),
                self.shop.gallery)
        except Exception as exc:  # whatever a broken block makes numpy raise
            part["fault"] = f"It cannot be read: {_first_line(exc)}"
            self.shop.faults.append(f"{title}: {part['fault']}")
            return part
        found = part["image"]["statistics"]
        if found and found["finite"]:
            node["value"] = f"{number(found['minimum'])} … {number(found['maximum'])}"
        return part


def _path(path: tuple) -> str:
    text = ""
    for key in path:
        text += f"[{key}]" if str(key).isdigit() else f".{key}" if text else str(key)
    return text


def _written(array: np.ndarray) -> str:
    if array.dtype.kind == "V" and array.dtype.names:
        return "columns " + ", ".join(array.dtype.names)[:300]
    if array.size <= WRITTEN:
        return np.array2string(array, precision=8, separator=", ", threshold=WRITTEN + 1,
                               max_line_width=10_000).replace("\n", "")[:600]
    if array.dtype.kind in "SU":
        return ", ".join(map(str, array.ravel()[:4])) + ", …"
    return ""


# ---- models --------------------------------------------------------------


def _find_models(value: Any, path: tuple, found: list[dict], depth: int = 0) -> None:
    """The outermost models and coordinate systems below ``value``."""
    if len(found) >= 200 or depth > 40:
        return
    tag = short_tag(str(getattr(value, "_tag", ""))) if isinstance(value, dict) else ""
    if isinstance(value, dict) and ("transform/" in tag or "wcs/wcs" in tag):
        found.append({"path": _path(path), "name": str(value.get("name", ""))[:200], "tag": tag,
                      "text": expression(value)[:1500]})
        return
    items = value.items() if isinstance(value, dict) else (
        enumerate(value) if isinstance(value, list) else ())
    for key, child in items:
        _find_models(child, (*path, key), found, depth + 1)


def expression(model: Any, depth: int = 0, inside: str = "") -> str:
    """A model as people write it: ``(Shift & Shift) | Polynomial``; a WCS by its frames.

    ``inside`` is the operation around it.
    """
    tag = short_tag(str(getattr(model, "_tag", "")))
    word = tag.rpartition("/")[2].partition("-")[0]
    if not isinstance(model, dict) or not word:
        return "…"
    if word == "wcs":
        return " → ".join(_frame_name(step) for step in model.get("steps", []) or [])
    if word in OPERATIONS and depth < MODEL_DEPTH:
        inner = [expression(part, depth + 1, word) for part in model.get("forward", []) or []]
        text = OPERATIONS[word].join(inner)
        return text if inside in ("", word) else f"({text})"
    return word.replace("_", " ").capitalize()


def _frame_name(step: Any) -> str:
    frame = step.get("frame") if isinstance(step, dict) else step
    return str(frame.get("name", "frame") if isinstance(frame, dict) else frame)[:60]
