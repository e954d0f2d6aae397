"""./run: install and fill the instance if needed, start its processes, tell how to use it."""

from __future__ import annotations

import argparse
import os
import signal
import threading
from pathlib import Path

from . import content, install, processes, server
from .checkout import (
    INSTANCE_EPILOG,
    add_instance_arguments,
    choose_instance,
    command_name,
)
from .console import CommandError, say, warn
from .locks import exclusive


def main(arguments: list[str]) -> int:
    options = _parse(arguments)
    instance = choose_instance(options.observatory, options.usecase)
    if options.port and instance.usecase != "django":
        raise CommandError(
            f"--port is for the django use case. Apache's ports are CRDS_PORT and others in"
            f" {instance.conf / 'site_config.py'}; change them there and ./rerun.")
    if options.port:
        os.environ["CRDS_PORT"] = str(options.port)
    bring_up(instance, port_chosen=bool(options.port))
    if options.foreground:
        return _stay(instance)
    return 0


def _parse(arguments: list[str]):
    parser = argparse.ArgumentParser(
        prog="./run", formatter_class=argparse.RawDescriptionHelpFormatter,
        description="Start the web server and the worker of an instance. On a fresh checkout also"
        "\ninstall it and load the demonstration content. Returns when the server answers.\n"
        "Running it twice is harmless.", epilog=INSTANCE_EPILOG)
    add_instance_arguments(parser)
    parser.add_argument("--foreground", action="store_true",
                        help="stay, show the logs, stop everything at ctrl-C")
    parser.add_argument("--port", type=_port, metavar="N", help="listen on port N this time")
    return parser.parse_args(arguments)


def _port(text: str) -> int:
    if text.isdigit() and 0 < int(text) < 65536:
        return int(text)
    raise argparse.ArgumentTypeError(f"{text!r} is no port number between 1 and 65535")


def bring_up(instance, port_chosen: bool = False) -> None:
    """Make ``instance`` run; ``port_chosen`` says that CRDS_PORT comes from ``--port``."""
    instance.run.mkdir(parents=True, exist_ok=True)
    with exclusive(instance.run / "command.lock", "starting or stopping this instance"):
        up = {service.name for service in server.running(instance)}
        if len(up) == len(server.services(instance)):
            say(f"{instance.name} is already running.")
            report(instance)
            return
        if not install.is_current(instance):
            _install_without_port(instance, port_chosen)
        with server.database_running(instance):
            content.ensure(instance)
        if "web" not in up:
            server.check_port(instance)
        started = _start(instance, up)
        say(f"{instance.name} is running.")
        report(instance, started)


def _install_without_port(instance, chosen: bool) -> None:
    """``--port`` is for this run: it must not become the port of the site configuration."""
    port = os.environ.pop("CRDS_PORT", None) if chosen else None
    try:
        install.install(instance)
    finally:
        if port:
            os.environ["CRDS_PORT"] = port


def _start(instance, up: set[str]) -> int | None:
    """Start what is missing; the first status of the web server.

    If one process does not come up, those started here are stopped again.
    """
    status, started = None, []
    try:
        for service in server.services(instance):
            if service.name not in up:
                started.append((service, server.start(instance, service)))
        for service, process in started:
            if service.name == "web":
                status = server.wait_for_answer(instance, process)
        for service, process in started:
            server.check_stays(service, process)
    except BaseException:
        for service, _ in started:
            processes.stop(service.pid_file, 5)
        raise
    return status


def report(instance, status: int | None = None) -> None:
    """URL, exports, logs and how to stop."""
    port = server.serving_port(instance)
    address = f"http{'' if instance.usecase == 'django' else 's'}://localhost:{port}"
    if status and status >= 500:
        warn(f"The server answers, but reports trouble (/healthz has status {status});"
             f" see {instance.logs / 'error.log'}.")
    say(f"""
    {address}

For a client, in another shell:
    export CRDS_SERVER_URL={address}
    export CRDS_OBSERVATORY={instance.observatory}
    export CRDS_PATH=$HOME/crds_cache_{instance.observatory}_{instance.usecase}

Logs: {instance.logs}
Stop: {command_name(instance, 'stop')}""")


# ---- foreground ------------------------------------------------------------


def _stay(instance) -> int:
    """Show the logs until ctrl-C, SIGTERM, or the end of a process; then stop all."""
    watched = server.services(instance)
    leaders = [(service, processes.read(service.pid_file)) for service in watched]
    end = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: end.set())
    followers = [_Follower(service.log) for service in watched]
    say("\nIn the foreground: ctrl-C stops it.")
    fallen = None
    while not end.wait(0.5):
        processes.reap()
        for follower in followers:
            follower.show()
        fallen = next((s for s, p in leaders if p is None or not p.alive()), None)
        if fallen:
            break
    say(f"\nStopping {instance.name} ...")
    server.stop(instance)
    if fallen:
        raise CommandError(f"The {fallen.title} ended by itself; see {fallen.log}.")
    return 0


class _Follower:
    """Shows what is added to a log from now on."""

    def __init__(self, path: Path):
        self.path = path
        self.place = path.stat().st_size if path.exists() else 0

    def show(self) -> None:
        try:
            with open(self.path, errors="replace") as file:
                file.seek(self.place)
                text = file.read()
                self.place = file.tell()
        except OSError:
            return
        if text:
            print(text, end="", flush=True)
