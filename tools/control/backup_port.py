"""tools/backup_port: hide the server on its backup port, and bring it back."""

from __future__ import annotations

import argparse
import time

from . import processes, production, server, templates
from .checkout import choose_instance
from .console import CommandError, say
from .locks import exclusive


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="tools/backup_port", formatter_class=argparse.RawDescriptionHelpFormatter,
        description="Move the server of the instance to its hidden backup port (CRDS_BACKUP_PORT)"
        "\nand back. While it hides, the public ports answer 503 and say when to come back."
        "\nNothing is installed anew; requests under way are finished.")
    parser.add_argument("state", choices=("on", "off", "status"),
                        help="on hides the server, off brings it back")
    options = parser.parse_args(arguments)
    instance = choose_instance()
    if instance.usecase == "django":
        raise CommandError("The django use case has one port, on loopback, and hides nowhere."
                           " ./stop it, or ./run it with --port.")
    if options.state != "status":
        switch(instance, hidden=options.state == "on")
    _tell(instance)
    return 0


def switch(instance, hidden: bool) -> None:
    """Have the server answer on the other port; harmless when it does already."""
    with exclusive(instance.run / "command.lock", "starting or stopping this instance"):
        if production.is_hidden(instance) == hidden:
            return
        production.hide(instance, hidden)
        web = server.service(instance, "web")
        leader = processes.read(web.pid_file)
        if leader is None:
            return
        production.restart_web(leader)
        port = server.listening_port(instance)
        deadline = time.monotonic() + server.ANSWER_SECONDS
        while server.answers(instance, port) != 200:
            if not leader.alive() or time.monotonic() > deadline:
                raise CommandError(f"The server does not answer on port {port};"
                                   f" see {instance.logs / 'apache_error.log'}.")
            time.sleep(0.2)
        templates.write(instance.run / "web.port", f"{port}\n")


def _tell(instance) -> None:
    port, running = server.listening_port(instance), server.running(instance)
    where = "hides on its backup port" if production.is_hidden(instance) else "serves on port"
    say(f"{instance.name} {where} {port}" + ("." if running else "; it is not running."))
