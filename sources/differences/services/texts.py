"""Text differences: the lines of two texts side by side, what did not change left out."""

from __future__ import annotations

from collections.abc import Iterator
from difflib import SequenceMatcher
from pathlib import Path

#: Unchanged lines shown around a change.
CONTEXT = 3

#: Characters of a line that are kept; no rule has longer ones.
LINE = 2000

#: Larger texts are not compared line by line.
SIZE_LIMIT = 8 * 1024 * 1024

#: Lines that one difference may show; beyond, it is cut and says so.
LINE_LIMIT = 20_000


def read(path: Path) -> list[str] | None:
    """Lines of the text at ``path``; None if it is too large to compare."""
    if path.stat().st_size > SIZE_LIMIT:
        return None
    text = path.read_text(encoding="utf-8", errors="replace")
    lines = text.splitlines()
    if len(lines) == 1 and len(text) > LINE and len(text) % 80 == 0:
        # Header of a GEIS pair: cards of 80 characters without line ends.
        lines = [text[at:at + 80] for at in range(0, len(text), 80)]
    return [line.rstrip() for line in lines]


def difference(old: list[str], new: list[str], context: int = CONTEXT) -> dict:
    """Lines that differ, with ``context`` lines around them.

    ``{"blocks": [[row, …], …], "added": n, "deleted": n, "cut": bool}``; a row is
    ``[kind, old number, old line, new number, new line]`` with kind same, changed, added or
    deleted, numbers from 1, None on the side that has no line.
    """
    blocks, shown = [], 0
    counts = {"added": 0, "deleted": 0}
    cut = False
    for group in _groups(old, new, context):
        for tag, first, last, start, stop in group:
            if tag != "equal":
                counts["deleted"] += last - first
                counts["added"] += stop - start
        block = [row for code in group for row in _rows(code, old, new)]
        cut = cut or shown + len(block) > LINE_LIMIT
        if shown < LINE_LIMIT:
            blocks.append(block[:LINE_LIMIT - shown])
            shown += len(blocks[-1])
    return {"blocks": blocks, **counts, "cut": cut}


def _groups(old: list[str], new: list[str], context: int) -> Iterator[list[tuple]]:
    """Groups of operations of difflib; the ends that are equal are not given to it."""
    head = _common(old, new)
    tail = _common(old[head:][::-1], new[head:][::-1])
    if head == len(old) == len(new):
        return
    lead, trail = min(head, context), min(tail, context)
    first = head - lead
    matcher = SequenceMatcher(
        None, old[first:len(old) - tail + trail], new[first:len(new) - tail + trail])
    for group in matcher.get_grouped_opcodes(context):
        yield [(tag, a + first, b + first, c + first, d + first) for tag, a, b, c, d in group]


def _common(old: list[str], new: list[str]) -> int:
    """Number of lines at the beginning that are the same."""
    count = 0
    for one, other in zip(old, new, strict=False):
        if one != other:
            break
        count += 1
    return count


def _rows(code: tuple, old: list[str], new: list[str]) -> Iterator[list]:
    tag, first, last, start, stop = code
    for offset in range(max(last - first, stop - start)):
        left = first + offset if first + offset < last else None
        right = start + offset if start + offset < stop else None
        kind = ("same" if tag == "equal" else "added" if left is None
                else "deleted" if right is None else "changed")
        yield [kind, *_line(old, left), *_line(new, right)]


def _line(lines: list[str], index: int | None) -> list:
    return [None, None] if index is None else [index + 1, lines[index][:LINE]]
