"""The processes of an instance, started, watched, reloaded and stopped together."""

from __future__ import annotations

import contextlib
import errno
import http.client
import socket
import ssl
import time
from pathlib import Path

from . import embedded, processes, production, templates
from .checkout import SOURCES, command_name, instance_environment, python
from .console import CommandError, last_lines
from .service import Service

#: Seconds until a service must have answered.
ANSWER_SECONDS = 90


def kind(instance):
    """The module that knows the programs of the instance's use case."""
    return embedded if instance.usecase == "django" else production


def services(instance) -> list[Service]:
    """What runs for ``instance``, in the order of starting."""
    return kind(instance).services(instance)


def service(instance, name: str) -> Service:
    return next(service for service in services(instance) if service.name == name)


def running(instance) -> list[Service]:
    return [service for service in services(instance) if processes.read(service.pid_file)]


def database_running(instance):
    """Context in which the instance's database answers, started for it if need be."""
    if instance.usecase == "django":
        return contextlib.nullcontext()
    return production.database_running(instance, start)


#: Length of each log before its process was started by this command.
_log_begin: dict[Path, int] = {}


def start(instance, service: Service) -> processes.Process:
    """Start ``service`` and wait until it is ready, where it can say so."""
    _log_begin[service.log] = service.log.stat().st_size if service.log.exists() else 0
    process = processes.start(service.pid_file, service.log, service.command,
                              instance_environment(instance), SOURCES,
                              interpreter=python(instance), user=service.user)
    if service.ready:
        _wait_ready(service, process)
    return process


def _wait_ready(service: Service, process: processes.Process) -> None:
    deadline = time.monotonic() + ANSWER_SECONDS
    while not service.ready():
        processes.reap()
        if not process.alive():
            raise CommandError(_ended(service, "while starting"))
        if time.monotonic() > deadline:
            processes.stop(service.pid_file, 5)
            raise CommandError(f"The {service.title} did not answer within {ANSWER_SECONDS}"
                               f" seconds. The end of {service.log}:\n{_tail(service)}")
        time.sleep(0.1)


def stop(instance) -> dict[str, str]:
    """End all processes of ``instance``; how each went."""
    ended = {
        service.title: processes.stop(service.pid_file, service.patience, service.stop_signal)
        for service in reversed(services(instance))
    }
    _port_file(instance).unlink(missing_ok=True)
    return ended


def reload(instance) -> None:
    """Let the web server load code and configuration anew without losing a request.

    Raises CommandError if the new processes do not come up.
    """
    web = service(instance, "web")
    leader = processes.read(web.pid_file)

    def renewed(is_there) -> None:
        deadline = time.monotonic() + ANSWER_SECONDS
        while time.monotonic() < deadline:
            if not leader.alive():
                raise CommandError(f"The {web.title} ended while reloading. The end of {web.log}:\n"
                                   f"{_tail(web)}")
            if is_there() and answers(instance):
                return
            time.sleep(0.1)
        raise CommandError(f"No new web processes came up; see {web.log}.")

    kind(instance).reload_web(leader, renewed)


# ---- ports and answers -----------------------------------------------------


def addresses(instance) -> list[tuple[int, str]]:
    """Addresses of this machine that the web server listens on and that can be bound here."""
    listen = "" if instance.usecase == "django" else instance.site.CRDS_LISTEN
    wanted = [(socket.AF_INET6 if ":" in listen else socket.AF_INET, listen)] if listen else [
        (socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")]
    found = []
    for family, address in wanted:
        try:
            with socket.socket(family, socket.SOCK_STREAM) as probe:
                probe.bind((address, 0))
        except OSError:
            continue
        found.append((family, address))
    return found


def ports(instance) -> dict[str, int]:
    """The ports that the web server is about to take, by the name of their setting."""
    names = ["CRDS_PORT"] if instance.usecase == "django" else ["CRDS_PORT", "CRDS_PLAIN_PORT"]
    return {name: instance.port(name) for name in names}


def check_port(instance) -> None:
    """Raise CommandError if somebody else listens on a port of the instance."""
    for name, port in ports(instance).items():
        for family, address in addresses(instance):
            with socket.socket(family, socket.SOCK_STREAM) as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                try:
                    probe.bind((address, port))
                    probe.listen(1)
                except OSError as exc:
                    raise CommandError(_port_problem(instance, name, port, exc)) from exc


def _port_problem(instance, name: str, port: int, exc: OSError) -> str:
    choose = f"Choose another one: {name} in {instance.conf / 'site_config.py'}."
    if name == "CRDS_PORT" and instance.usecase == "django":
        choose = (f"Choose another one: {command_name(instance, 'run')} --port {port + 10}, or for"
                  f" good CRDS_PORT in {instance.conf / 'site_config.py'}.")
    if exc.errno == errno.EADDRINUSE:
        return f"Port {port} is in use by another program. {choose}"
    if exc.errno == errno.EACCES:
        return f"This user may not listen on port {port}. {choose}"
    return f"Port {port} cannot be used ({exc.strerror}). {choose}"


def answers(instance, port: int | None = None) -> int | None:
    """HTTP status of the page that tells the server's health, None while nothing answers."""
    port = port or serving_port(instance)
    if instance.usecase == "django":
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    else:
        # Its certificate may be for another name; this asks the own machine only.
        trusting = ssl.create_default_context()
        trusting.check_hostname, trusting.verify_mode = False, ssl.CERT_NONE
        connection = http.client.HTTPSConnection("127.0.0.1", port, timeout=30, context=trusting)
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
    web, port = service(instance, "web"), listening_port(instance)
    deadline = time.monotonic() + ANSWER_SECONDS
    while time.monotonic() < deadline:
        processes.reap()
        if not process.alive():
            raise CommandError(_ended(web, "while starting"))
        status = answers(instance, port)
        if status is not None:
            templates.write(_port_file(instance), f"{port}\n")
            return status
        time.sleep(0.1)
    raise CommandError(
        f"The {web.title} did not answer on port {port} within {ANSWER_SECONDS} seconds."
        f" The end of {web.log}:\n{_tail(web)}")


def check_stays(service: Service, process: processes.Process) -> None:
    """Raise CommandError if a process that should stay ends within its settling time."""
    if not processes.wait_gone([process], service.settling):
        raise CommandError(_ended(service, "right after its start"))


def _ended(service: Service, when: str) -> str:
    return (f"The {service.title} ended {when}. The end of {service.log}:\n"
            f"{_tail(service)}")


def _tail(service: Service) -> str:
    return last_lines(service.log, start=_log_begin.get(service.log, 0))


def _port_file(instance) -> Path:
    """Holds the port of the running web server, which ``./run --port`` may have chosen."""
    return instance.run / "web.port"


def listening_port(instance) -> int:
    """The port on which pages are served, also while the server hides."""
    hidden = instance.usecase != "django" and production.is_hidden(instance)
    return instance.port("CRDS_BACKUP_PORT" if hidden else "CRDS_PORT")


def serving_port(instance) -> int:
    """The port on which the running web server listens."""
    try:
        return int(_port_file(instance).read_text())
    except (OSError, ValueError):
        return listening_port(instance)
