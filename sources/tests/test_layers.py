"""Which module may import which: read from the sources, nothing is run."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

SOURCES = Path(__file__).resolve().parent.parent

#: The version of the library is no state of the process.
ALLOWED = {("interactive/services/server_info.py", "crds.__version__")}


def imported(tree: ast.AST) -> Iterator[str]:
    """Full names of what a module imports, anywhere in it."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (each.name for each in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield from (f"{node.module}.{each.name}" for each in node.names)


def modules() -> Iterator[tuple[str, ast.AST]]:
    """Modules of this software without tests, by their path in the sources."""
    for path in SOURCES.rglob("*.py"):
        place = path.relative_to(SOURCES)
        if "tests" not in place.parts and place.name != "conftest.py":
            yield place.as_posix(), ast.parse(path.read_text())


def test_only_rules_imports_the_library():
    """It keeps state of the whole process, which rules/ alone knows how to handle."""
    found = {(place, name) for place, tree in modules() if not place.startswith("rules/")
             for name in imported(tree) if name.partition(".")[0] == "crds"}
    assert found == ALLOWED


def test_services_do_not_know_pages():
    """Services decide, views ask them: never the other way round."""
    found = {(place, name) for place, tree in modules() if "/services" in place
             for name in imported(tree) if "views" in name.split(".")}
    assert found == set()
