"""Nested values as a tree that pages can show: bounded in size, whatever the file holds."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, time
from typing import Any

#: Nodes of a tree, its depth, children of one node, letters of one value.
NODES, DEPTH, CHILDREN, LETTERS = 6000, 60, 300, 2000


@dataclass(frozen=True)
class Tagged:
    """A value of YAML with a tag that is nothing to us but a name."""

    tag: str
    value: Any


class Planter:
    """Makes trees, all together of at most :data:`NODES` nodes.

    ``special`` may answer for a value with a node of its own (arrays do); it gets the value and
    its path, the keys that lead to it.
    """

    def __init__(self, special: Callable[[Any, tuple], dict | None] = lambda value, path: None):
        self.special = special
        self.left = NODES
        self.cut = False

    def plant(self, value: Any, key: str = "", path: tuple = ()) -> dict:
        """``value`` as a node: key, kind, tag, value as text, count and children."""
        self.left -= 1
        if isinstance(value, Tagged):
            return self._tagged(value, key, path)
        node = self.special(value, path)
        if node is None:
            node = self._node(value, path)
        node.setdefault("children", [])
        # Not of arrays: asking one for an attribute reads it.
        tag = "" if node["kind"] == "array" else getattr(value, "_tag", "")
        # The same node, changed: who made it may add to it later.
        node.update(key=key, tag=short_tag(tag) if isinstance(tag, str) else "")
        return node

    def _tagged(self, value: Tagged, key: str, path: tuple) -> dict:
        node = self.plant(value.value, key, path)
        node["tag"] = node["tag"] or short_tag(value.tag)
        return node

    def _node(self, value: Any, path: tuple) -> dict:
        if isinstance(value, Mapping):
            return self._branch("mapping", len(value), ((str(k), v) for k, v in value.items()),
                                path)
        if isinstance(value, Sequence | set | frozenset) and not isinstance(value, str | bytes):
            short = _short_list(value)
            if short:
                return {"kind": "list", "count": len(value), "value": short}
            return self._branch("list", len(value), ((str(i), v) for i, v in enumerate(value)),
                                path)
        return leaf(value)

    def _branch(self, kind: str, count: int, items, path: tuple) -> dict:
        children: list[dict] = []
        node = {"kind": kind, "count": count, "value": "", "children": children}
        if len(path) >= DEPTH:
            self.cut = True
            return {**node, "value": "… too deep to show"}
        for key, value in items:
            if self.left <= 0 or len(children) >= CHILDREN:
                self.cut = True
                children.append({"key": "", "tag": "", "kind": "more", "children": [],
                                 "value": f"… {count - len(children)} more"})
                break
            children.append(self.plant(value, _cut(key, 200), (*path, key)))
        return node


def _short_list(values) -> str:
    """A list of a few numbers or short texts on one line; empty for others."""
    if not 0 < len(values) <= 12 or isinstance(values, set | frozenset):
        return ""
    if not all(isinstance(value, int | float | str | type(None)) for value in values):
        return ""
    text = ", ".join(leaf(value)["value"] for value in values)
    return text if len(text) <= 100 and "\n" not in text else ""


def leaf(value: Any) -> dict:
    """A single value as a node."""
    if value is None:
        return {"kind": "none", "value": "null"}
    if isinstance(value, bool):
        return {"kind": "flag", "value": "true" if value else "false"}
    if isinstance(value, int | float):
        text = str(value) if isinstance(value, float) else _integer(value)
        return {"kind": "number", "value": text if not isinstance(value, float)
                or math.isfinite(value) else {"inf": "Infinity", "-inf": "-Infinity"}.get(
                    text, "NaN")}
    if isinstance(value, str):
        return {"kind": "text", "value": _cut(value)}
    if isinstance(value, bytes):
        return {"kind": "text", "value": f"{len(value):,} bytes"}
    if isinstance(value, date | time):  # datetimes are dates
        return {"kind": "time", "value": value.isoformat()}
    return {"kind": "text", "value": _cut(f"{type(value).__name__}: {value!s}")}


def _integer(value: int) -> str:
    if value.bit_length() > 1000:  # Python refuses to write very long ones
        return f"an integer of {value.bit_length():,} bits"
    return str(value)


def _cut(text: str, letters: int = LETTERS) -> str:
    return text if len(text) <= letters else (
        f"{text[:letters]}… ({len(text):,} letters in all)")


def short_tag(tag: str) -> str:
    """``transform/compose-1.2.0`` for ``tag:stsci.edu:asdf/transform/compose-1.2.0``."""
    for beginning in ("tag:stsci.edu:asdf/", "tag:yaml.org,2002:", "tag:"):
        if tag.startswith(beginning):
            return _cut(tag.removeprefix(beginning).removeprefix("core/"), 120)
    return _cut(tag.removeprefix("asdf://").removeprefix("stsci.edu/datamodels/"), 120)
