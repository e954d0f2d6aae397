"""Whether an instance has its first content, and giving it."""

from __future__ import annotations

from . import django as management
from .checkout import command_name
from .console import CommandError, say


def marker(instance):
    """Lies with the database and goes with it: ./init has run, or content was found."""
    return instance.database_dir / "initialized"


def ensure(instance) -> None:
    """Load the demonstration content into a new instance of the django use case."""
    if marker(instance).exists():
        return
    if management.status(instance, "server_init", "--is-empty") == 0:
        if instance.usecase != "django":
            say(f"The catalogue of {instance.name} is empty. Fill it with"
                f" {command_name(instance, 'init')} --cache DIR, --server URL or --demo.")
            return
        fill(instance, "--demo")
    marker(instance).touch()


def fill(instance, *arguments: str) -> None:
    """Run ``manage server_init``; the catalogue is as before if it fails."""
    status = management.status(instance, "server_init", *arguments)
    if status:
        raise CommandError(
            "The content could not be loaded (see above). The server was not started;"
            " mend what is named and run the command again.", status)
    marker(instance).touch()
