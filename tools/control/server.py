"""The processes of an instance: the web server and the worker for background jobs."""

from __future__ import annotations

import errno
import http.client
import signal
import socket
import time
from dataclasses import dataclass
from pathlib import Path

from . import django as management
from . import processes, templates
from .checkout import CHECKOUT, SOURCES, command_name, instance_environment, python
from .console import CommandError, last_lines

GUNICORN_CONFIGURATION = CHECKOUT / "servers" / "gunicorn.conf.py"

#: The management command that works on background jobs until it is told to end.
WORKER_COMMAND = "run_worker"

#: Seconds a process has to finish what it does before it is killed.
PATIENCE = {"web": 20.0, "worker": 30.0}

#: Seconds until the web server must have answered.
ANSWER_SECONDS = 90


@dataclass(frozen=True)
class Service:
    name: str
    title: str
    command: list[str]
    log: Path
    pid_file: Path


def services(instance) -> list[Service]:
    """What runs for ``instance``, in the order of starting."""
    web = [str(python(instance)), "-m", "gunicorn", "--config", str(GUNICORN_CONFIGURATION)]
    return [
        Service("web", "web server", web, instance.logs / "error.log",
                instance.run / "web.pid"),
        Service("worker", "worker", management.command(instance, WORKER_COMMAND),
                instance.logs / "worker.log", instance.run / "worker.pid"),
    ]


def running(instance) -> list[Service]:
    return [service for service in services(instance) if processes.read(service.pid_file)]


#: Length of each log before its process was started by this command.
_log_begin: dict[Path, int] = {}


def start(instance, service: Service) -> processes.Process:
    _log_begin[service.log] = service.log.stat().st_size if service.log.exists() else 0
    return processes.start(service.pid_file, service.log, service.command,
                           instance_environment(instance), SOURCES)


def stop(instance) -> dict[str, str]:
    """End all processes of ``instance``; how each went."""
    ended = {
        service.title: processes.stop(service.pid_file, PATIENCE[service.name])
        for service in reversed(services(instance))
    }
    _port_file(instance).unlink(missing_ok=True)
    return ended


def reload(instance) -> None:
    """Let the web server load code and configuration anew without losing a request.

    New workers take over, old ones finish what they serve.  Raises
    CommandError if the new ones do not come up.
    """
    service = services(instance)[0]
    leader = processes.read(service.pid_file)
    before = processes.family(leader)
    leader.signal(signal.SIGHUP)
    deadline = time.monotonic() + ANSWER_SECONDS
    while time.monotonic() < deadline:
        if not leader.alive():
            raise CommandError(
                f"The web server ended while reloading. The end of {service.log}:\n"
                f"{_tail(service)}")
        if processes.family(leader) - before and answers(serving_port(instance)):
            return
        time.sleep(0.1)
    raise CommandError(f"No new web workers came up; see {service.log}.")


# ---- ports and answers -----------------------------------------------------


def addresses() -> list[tuple[int, str]]:
    """Loopback addresses of this machine."""
    found = []
    for family, address in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")):
        try:
            with socket.socket(family, socket.SOCK_STREAM) as probe:
                probe.bind((address, 0))
        except OSError:
            continue
        found.append((family, address))
    return found


def check_port(instance) -> None:
    """Raise CommandError if somebody else listens on the instance's port."""
    port = instance.port("CRDS_PORT")
    for family, address in addresses():
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((address, port))
                probe.listen(1)
            except OSError as exc:
                raise CommandError(_port_problem(instance, port, exc)) from exc


def _port_problem(instance, port: int, exc: OSError) -> str:
    choose = (f"Choose another one: {command_name(instance, 'run')} --port {port + 10}, or for"
              f" good CRDS_PORT in {instance.conf / 'site_config.py'}.")
    if exc.errno == errno.EADDRINUSE:
        return f"Port {port} is in use by another program. {choose}"
    if exc.errno == errno.EACCES:
        return f"This user may not listen on port {port}. {choose}"
    return f"Port {port} cannot be used ({exc.strerror}). {choose}"


def answers(port: int) -> int | None:
    """HTTP status of the page that tells the server's health, None while nothing answers."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("GET", "/healthz", headers={"Host": f"localhost:{port}"})
        return connection.getresponse().status
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()


def wait_for_answer(instance, process: processes.Process) -> int:
    """Wait until the web server answers; its first status.

    Raises CommandError with the end of its log if it ends or takes too long.
    """
    service, port = services(instance)[0], instance.port("CRDS_PORT")
    deadline = time.monotonic() + ANSWER_SECONDS
    while time.monotonic() < deadline:
        processes.reap()
        if not process.alive():
            raise CommandError(_ended(service, "while starting"))
        status = answers(port)
        if status is not None:
            templates.write(_port_file(instance), f"{port}\n")
            return status
        time.sleep(0.1)
    raise CommandError(
        f"The web server did not answer on port {port} within {ANSWER_SECONDS} seconds."
        f" The end of {service.log}:\n{_tail(service)}")


def check_stays(service: Service, process: processes.Process, seconds: float) -> None:
    """Raise CommandError if a process that should stay ends within ``seconds``."""
    if not processes.wait_gone([process], seconds):
        raise CommandError(_ended(service, "right after its start"))


def _ended(service: Service, when: str) -> str:
    return (f"The {service.title} ended {when}. The end of {service.log}:\n"
            f"{_tail(service)}")


def _tail(service: Service) -> str:
    return last_lines(service.log, start=_log_begin.get(service.log, 0))


def _port_file(instance) -> Path:
    """Holds the port of the running web server, which ``./run --port`` may have chosen."""
    return instance.run / "web.port"


def serving_port(instance) -> int:
    """The port on which the running web server listens."""
    try:
        return int(_port_file(instance).read_text())
    except (OSError, ValueError):
        return instance.port("CRDS_PORT")
