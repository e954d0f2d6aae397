"""Become a long-running process: launch.py PIDFILE LOG COMMAND [ARGUMENTS].

The pid file is written by the process itself, before it turns into the command:
at no moment does a process run that no pid file names.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from control.processes import describe_self


def main(pid_file: str, log: str, *command: str) -> None:
    output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o640)
    os.dup2(output, 1)
    os.dup2(output, 2)
    partial = Path(f"{pid_file}.partial")
    partial.write_text(describe_self())
    partial.replace(pid_file)
    os.execv(command[0], command)


if __name__ == "__main__":
    main(*sys.argv[1:])
