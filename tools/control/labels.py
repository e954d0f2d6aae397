"""Labels of tests as people give them, as pytest wants them.

Besides pytest's own arguments, Django's dotted labels are taken:
``interactive``, ``interactive.tests.test_pages``, ``interactive.tests.Hst.test_index``
(a class or function of any test file in that package).
"""

from __future__ import annotations

import ast
from pathlib import Path

from .console import CommandError

#: Options of pytest whose value is the next argument.
WITH_VALUE = {"-k", "-m", "-n", "-p", "-c", "-o", "-W", "-r", "--maxfail", "--durations", "--tb",
              "--color", "--numprocesses", "--dist", "--ignore", "--deselect", "--rootdir",
              "--basetemp", "--junitxml", "--hypothesis-seed", "--hypothesis-profile"}


def translate(arguments: list[str], sources: Path, folders: list[Path]) -> list[str]:
    """``arguments`` with dotted labels as node ids and paths made absolute.

    ``sources`` is the folder of the top-level packages; relative paths are
    looked for in each of ``folders``.  Raises CommandError for a label that
    names nothing.
    """
    result, value_next = [], False
    for argument in arguments:
        if value_next or argument.startswith("-"):
            result.append(argument)
            value_next = not value_next and argument in WITH_VALUE
        else:
            result += _path(argument, folders) or _label(argument, sources)
    return result


def _path(argument: str, folders: list[Path]) -> list[str]:
    """A file, folder or node id that exists in one of ``folders``, else nothing."""
    name, mark, rest = argument.partition("::")
    for folder in folders:
        if (folder / name).exists():
            return [f"{folder / name}{mark}{rest}"]
    return []


def _label(label: str, sources: Path) -> list[str]:
    parts = label.split(".")
    if "/" in label or not all(part.isidentifier() for part in parts):
        raise CommandError(f"There is no test file or folder {label}.", 4)
    place, used = sources, 0
    for part in parts:
        if (place / part).is_dir():
            place, used = place / part, used + 1
        elif (place / f"{part}.py").is_file():
            place, used = place / f"{part}.py", used + 1
            break
        else:
            break
    if not used:
        raise CommandError(
            f"There is no test {label}: {sources} has no package or module {parts[0]}.", 4)
    names = parts[used:]
    if not names:
        return [str(place)]
    if place.is_file():
        return ["::".join([str(place), *names])]
    found = [node for file in sorted(place.rglob("test_*.py")) for node in _nodes(file, names)]
    if not found:
        raise CommandError(
            f"There is no test {label}: no test file below {place} has {'.'.join(names)}.", 4)
    return found


def _nodes(file: Path, names: list[str]) -> list[str]:
    """Node ids in ``file`` for a class, a class's method, or a function of any class."""
    classes, functions = _outline(file)
    first = names[0]
    if first in classes or first in functions:
        return ["::".join([str(file), *names])]
    if len(names) == 1:
        return [f"{file}::{owner}::{first}" for owner, own in classes.items() if first in own]
    return []


def _outline(file: Path) -> tuple[dict[str, set[str]], set[str]]:
    """Classes of ``file`` with the names of their methods, and its functions."""
    try:
        tree = ast.parse(file.read_text())
    except (OSError, SyntaxError, UnicodeDecodeError):
        return {}, set()
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    classes = {
        node.name: {member.name for member in node.body if isinstance(member, kinds)}
        for node in tree.body if isinstance(node, ast.ClassDef)
    }
    return classes, {node.name for node in tree.body if isinstance(node, kinds)}
