"""./manage: Django's command line in the context of an instance."""

from __future__ import annotations

import os

from . import django as management
from .checkout import INSTANCE_EPILOG, choose_instance, command_name, instance_environment, python
from .console import CommandError, say


def main(arguments: list[str]) -> int:
    if arguments[:1] in (["-h"], ["--help"]):
        say("usage: ./manage COMMAND [ARGUMENTS]\n\n"
            "Django's management commands in the context of an instance, such as\n"
            "  ./manage help      all commands\n"
            "  ./manage shell     IPython with the server's modules\n"
            "  ./manage dbshell   SQL prompt of the catalogue's database\n")
        say(INSTANCE_EPILOG)
        return 0
    instance = choose_instance()
    if not os.access(python(instance), os.X_OK) or not (instance.conf / "site_config.py").is_file():
        raise CommandError(
            f"The instance {instance.name} in {instance.root} is not installed."
            f" Run {command_name(instance, 'install')} first.")
    command = management.command(instance, *arguments)
    # Replaced by Django: it gets the terminal, the signals and the exit status.
    os.execve(command[0], command, instance_environment(instance))
