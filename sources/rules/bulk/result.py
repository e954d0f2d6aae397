"""Answers for many headers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

#: Code of a type that a header's answer does not have.
ABSENT = -1


@dataclass(frozen=True)
class LeftToLibrary:
    """For ``rows`` headers the library itself answered for the type ``kind``.

    ``reason`` says why the rule ``rule`` was not compiled, or which headers it was.
    """

    kind: str
    rule: str
    reason: str
    rows: int


class BulkResult:
    """Best references of ``rows`` headers.

    ``codes[type]`` has shape (rows,), dtype int32: an index into ``answers[type]``, or
    :data:`ABSENT` where the type is omitted or not one of the header's instrument.  An answer
    is a file name or ``NOT FOUND …``.  ``errors`` has shape (rows,), int32: an index into
    ``messages`` for headers without any answer, such as one that names no instrument, else
    -1.  ``left_to_library`` reports what was not compiled.
    """

    def __init__(self, rows: int):
        self.rows = rows
        self.codes: dict[str, np.ndarray] = {}
        self.answers: dict[str, list[str]] = {}
        self.errors = np.full(rows, -1, np.int32)
        self.messages: list[str] = []
        self.left_to_library: list[LeftToLibrary] = []
        self._orders: list[tuple[str, ...]] = [()]
        self._order_numbers: dict[tuple[str, ...], int] = {(): 0}
        self._order = np.zeros(rows, np.int16)

    def __len__(self) -> int:
        return self.rows

    @property
    def types(self) -> tuple[str, ...]:
        """Every type of which a header has an answer."""
        return tuple(self.codes)

    def references(self, row: int) -> dict[str, str]:
        """``{type: answer}`` of one header, in the library's order; empty with an error."""
        found = {}
        for kind in self._orders[self._order[row]]:
            code = self.codes[kind][row]
            if code >= 0:
                found[kind] = self.answers[kind][code]
        return found

    def error(self, row: int) -> str | None:
        """Why the header has no answer at all, None if it has."""
        code = self.errors[row]
        return self.messages[code] if code >= 0 else None

    def __iter__(self) -> Iterator[dict[str, str]]:
        """:meth:`references` of each row in turn."""
        for _, part in self.slices():
            yield from part

    def slices(self, size: int = 10_000) -> Iterator[tuple[int, list[dict[str, str]]]]:
        """(first row, :meth:`references` of it and those that follow), ``size`` at a time."""
        for start in range(0, self.rows, size):
            stop = min(start + size, self.rows)
            columns = {}
            for kind, codes in self.codes.items():
                texts = [*self.answers[kind], None]
                columns[kind] = [texts[code] for code in codes[start:stop].tolist()]
            orders = [self._orders[order] for order in self._order[start:stop].tolist()]
            yield start, [
                {kind: text for kind in order if (text := columns[kind][row]) is not None}
                for row, order in enumerate(orders)]

    # ---- filling ------------------------------------------------------------------

    def fail(self, rows, message: str) -> None:
        """``rows`` have no answer, for the reason ``message``."""
        self.errors[rows] = len(self.messages)
        self.messages.append(message)

    def order(self, rows, types: tuple[str, ...]) -> None:
        """``rows`` have answers of ``types``, in this order."""
        number = self._order_numbers.get(types)
        if number is None:
            number = self._order_numbers[types] = len(self._orders)
            self._orders.append(types)
        self._order[rows] = number
        for kind in types:
            if kind not in self.codes:
                self.codes[kind] = np.full(self.rows, ABSENT, np.int32)
                self.answers[kind] = []

    def put(self, kind: str, rows, codes: np.ndarray | int, answers: list[str]) -> None:
        """The answers for ``rows``: ``codes`` into ``answers``, negative for none."""
        first = len(self.answers[kind])
        self.answers[kind].extend(answers)
        self.codes[kind][rows] = np.where(np.asarray(codes) < 0, ABSENT, codes + first)
