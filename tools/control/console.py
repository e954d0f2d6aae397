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


def last_lines(path, count: int = 15, start: int = 0) -> str:
    """The end of the text file at ``path`` (from byte ``start`` on), indented, for messages.

    Where gunicorn tells why a worker failed, the end of that is shown: what it
    writes after it is about itself.
    """
    try:
        with open(path, errors="replace") as file:
            file.seek(start)
            lines = file.readlines()
    except OSError:
        return ""
    causes = [n for n, line in enumerate(lines) if "Exception in worker process" in line]
    if causes:
        rest = lines[causes[-1] + 1:]
        end = next((n for n, line in enumerate(rest) if line.startswith("[")), len(rest))
        lines = rest[:end]
    return "".join(f"    {line.rstrip()}\n" for line in lines[-count:])
