"""Entry point: python -I tools/control COMMAND [ARGUMENTS]."""

from __future__ import annotations

import errno
import importlib
import signal
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from control.checkout import config
from control.console import CommandError

COMMANDS = ("install", "init", "run", "stop", "rerun", "runtests", "manage")

#: What lies in tools/ and works on the processes of an instance.
TOOLS = ("backup_port",)


def main(arguments: list[str]) -> int:
    if not arguments or arguments[0] not in COMMANDS + TOOLS:
        print(f"The commands are {', '.join('./' + c for c in COMMANDS)}.", file=sys.stderr)
        return 2
    name = arguments[0]
    shown = f"tools/{name}" if name in TOOLS else f"./{name}"
    _end_in_order()
    try:
        return importlib.import_module(f"control.{name}").main(arguments[1:])
    except CommandError as exc:
        print(f"{shown}: {exc}", file=sys.stderr)
        return exc.status
    except config.ConfigurationError as exc:
        print(f"{shown}: {exc}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(f"{shown}: interrupted; running it again goes on where it stopped.",
              file=sys.stderr)
        return 130
    except OSError as exc:
        print(f"{shown}: {_explain(exc)}", file=sys.stderr)
        return 1


def _end_in_order() -> None:
    """Turn signals into an exception: what a command started ends with it."""
    def end(number, _frame):
        raise SystemExit(128 + number)

    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is signal.SIG_DFL:
            signal.signal(number, end)


def _explain(exc: OSError) -> str:
    place = f" at {exc.filename}" if exc.filename else ""
    if exc.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"The disk is full{place}. Free some space and run the command again."
    return f"{exc.strerror or exc}{place}. Mend this and run the command again."


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
