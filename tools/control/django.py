"""Django's command line (sources/manage.py) as a process in an instance's environment."""

from __future__ import annotations

import subprocess
from pathlib import Path

from . import unixuser
from .checkout import SOURCES, instance_environment, python
from .console import CommandError, last_lines

MANAGE = SOURCES / "manage.py"


def command(instance, *arguments: str) -> list[str]:
    return [str(python(instance)), str(MANAGE), *arguments]


def call(instance, *arguments: str, log: Path) -> None:
    """Run a management command with its output in ``log``; an error shows its end."""
    with open(log, "ab") as output:
        status = subprocess.run(
            command(instance, *arguments), cwd=SOURCES, env=instance_environment(instance),
            stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, check=False,
            **unixuser.identity(unixuser.serving(instance)),
        ).returncode
    if status:
        raise CommandError(
            f"./manage {' '.join(arguments)} failed (exit status {status})."
            f" The end of {log}:\n{last_lines(log)}")


def status(instance, *arguments: str) -> int:
    """Run a management command with the caller's terminal and return its exit status."""
    return subprocess.run(command(instance, *arguments), cwd=SOURCES,
                          env=instance_environment(instance), check=False,
                          **unixuser.identity(unixuser.serving(instance))).returncode
