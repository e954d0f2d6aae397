"""What the commands say, and how they fail."""

from __future__ import annotations

import sys


class CommandError(Exception):
    """A command cannot go on; the message says what happened, why, and what to do.

    ``status`` is the exit status of the command.
    """

    def __init__(self, message: str, status: int = 1):
        super().__init__(message)
        self.status = status


def say(text: str = "") -> None:
    print(text, flush=True)


def warn(text: str) -> None:
    print(f"Note: {text}", file=sys.stderr, flush=True)


def last_lines(path, count: int = 15) -> str:
    """The end of the text file at ``path``, indented, for error messages."""
    try:
        with open(path, errors="replace") as file:
            lines = file.readlines()[-count:]
    except OSError:
        return ""
    return "".join(f"    {line.rstrip()}\n" for line in lines)
