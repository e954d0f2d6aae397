"""Text differences of rule files."""

from __future__ import annotations

import difflib


def unified(old: str, new: str, old_name: str = "old", new_name: str = "new") -> str:
    """The unified difference of two texts as ``diff -u`` prints it; empty if they are equal."""
    lines = difflib.unified_diff(
        old.splitlines(), new.splitlines(), old_name, new_name, lineterm="")
    return "\n".join(lines)
