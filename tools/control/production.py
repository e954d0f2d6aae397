"""The programs of dev, test and ops: MariaDB, memcached, Apache with mod_wsgi, the worker."""

from __future__ import annotations

import contextlib
import getpass
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

from . import debian, embedded, processes, templates, unixuser
from .checkout import CHECKOUT, SOURCES, instance_environment, stack
from .console import CommandError, say
from .service import Service

SERVERS = CHECKOUT / "servers"
PLACES = f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/sbin"

#: Processes of mod_wsgi, and threads of each: polls wait while a submission is open.
PROCESSES, THREADS = 2, 16

#: What mod_wsgi calls its processes.
DAEMON = "(wsgi:crds)"

#: Seconds for a replaced process to be gone: as long as its last request may take.
PATIENCE_RELOAD = 70


def program(name: str, package: str) -> str:
    """Path of a program of the system; CommandError names the package that has it."""
    found = shutil.which(name, path=PLACES)
    if found is None:
        raise CommandError(f"{name} is not installed. On Debian, as root: apt-get install {package}"
                           f" (./install does it when root runs it).")
    return found


def services(instance) -> list[Service]:
    """In the order of starting."""
    user = unixuser.serving(instance)
    found = [_memcached(instance, user), _apache(instance), embedded.worker(instance, user)]
    return [_mariadb(instance, user), *found] if owns_database(instance) else found


def owns_database(instance) -> bool:
    """Whether the database is the instance's own MariaDB, and not a server of the site."""
    return _host(instance) == str(_socket(instance))


def _host(instance) -> str:
    return str(instance.databases["default"].get("HOST", ""))


def _socket(instance) -> Path:
    return instance.run / "mariadb.sock"


def _mariadb(instance, user) -> Service:
    configuration = instance.conf / "mariadb.cnf"
    return Service(
        "mariadb", "MariaDB", [program("mariadbd", "mariadb-server"),
                               f"--defaults-file={configuration}"],
        instance.logs / "mariadb.log", instance.run / "mariadb.launch.pid",
        patience=60.0, user=user, ready=lambda: _answers_sql(instance))


def _memcached(instance, user) -> Service:
    place = instance.run / "memcached.sock"
    # 8 MB: the answers that are kept for each state of the catalogue are that large.
    command = [program("memcached", "memcached"), "-m", "128", "-c", "1024", "-t", "2", "-I", "8m",
               "-s", str(place), "-a", "0660"]
    return Service("memcached", "memcached", command, instance.logs / "memcached.log",
                   instance.run / "memcached.pid", user=user, ready=lambda: _accepts(place))


def _accepts(place: Path) -> bool:
    """Whether somebody listens on the socket at ``place``; the file alone outlives its server."""
    with socket.socket(socket.AF_UNIX) as probe:
        return probe.connect_ex(str(place)) == 0


def _apache(instance) -> Service:
    command = [program("apache2", "apache2"), "-DFOREGROUND", "-f",
               str(instance.conf / "httpd.conf")]
    if os.geteuid() == 0:
        command.append("-DROOT")
    # Apache writes httpd.pid itself; the launcher's file tells the process from its successors.
    return Service("web", "Apache", command, instance.logs / "apache_start.log",
                   instance.run / "web.pid", patience=30.0,
                   # Its word for: finish what is under way, then end.
                   stop_signal=signal.SIGWINCH)


# ---- the machine -----------------------------------------------------------------


def prepare_system(instance, log: Path) -> str:
    """System packages and the Unix user; the Python that a new environment is made with.

    As root on Debian what is missing is installed; others are told what to install.  Raises
    CommandError when the user that serves could not read the software.
    """
    user = unixuser.serving(instance)
    if user:
        unixuser.ensure()
    interpreter = _interpreter(user)
    missing = debian.missing_production_packages(interpreter)
    if missing and os.geteuid() == 0 and debian.is_debian():
        debian.install(missing, log)
    elif missing:
        raise CommandError(f"{instance.name} needs system packages that are missing. On Debian, as"
                           f" root: apt-get install {' '.join(missing)}")
    for path, what in ((CHECKOUT, "The checkout"), (instance.root, "The folder of the instance")):
        unixuser.require_readable(user, path, what, "Move it to a place that others may enter, or"
                                  " run the commands as an ordinary user.")
    _link_stack(instance)
    return interpreter


def _interpreter(user: str | None) -> str:
    """A Python that ``user`` can run: the one that runs this, else the system's."""
    here = os.path.realpath(sys.executable)
    closed = unixuser.closed_part(user, Path(here))
    if closed is None:
        return here
    system = "/usr/bin/python3"
    done = subprocess.run([system, "-I", "-c", "import sys; sys.exit(sys.version_info < (3, 11))"],
                          capture_output=True, check=False) if os.path.exists(system) else None
    if done is None or done.returncode:
        raise CommandError(
            f"The user {user}, who serves, cannot run {here}: {closed} is closed to others, and"
            f" {system} is not 3.11 or newer. Set CRDS_PYTHON to a Python that everybody can run.")
    return system


def _link_stack(instance) -> None:
    """The environment of the instance is ``crds_stacks/current``, a link to a numbered one."""
    current = stack(instance)
    if current.parent == instance.root / "crds_stacks" and not current.is_symlink():
        (current.parent / "crds_1").mkdir(parents=True, exist_ok=True)
        templates.link(current, current.parent / "crds_1")


# ---- configuration -------------------------------------------------------------


def place_configuration(instance, generated: templates.Generated) -> None:
    """Files in ``server/conf`` and ``server/wsgi-scripts``; edited ones are kept."""
    values = _values(instance)
    _require_plain(values)
    for name in ("httpd.conf", "ssl.conf", "maintenance.conf", "mariadb.cnf"):
        template = SERVERS / f"{name}.template"
        generated.place(instance.conf / name, templates.fill(template, values, str), template)
    for name in ("mode.conf", "store_roots.conf"):
        if not (instance.conf / name).exists():
            templates.write(instance.conf / name, "")
    roots = "".join(f'XSendFilePath "{root}"\n' for root in instance.site.STORE_ROOTS)
    templates.write(instance.conf / "store_roots.conf", roots)
    templates.write(instance.conf / "maintenance.html", (SERVERS / "maintenance.html").read_text())
    script = SERVERS / "crds.wsgi.template"
    generated.place(instance.wsgi_scripts / "crds.wsgi",
                    templates.fill(script, values, lambda value: repr(str(value))), script)
    generated.save()
    _make_certificate(instance)


def _values(instance) -> dict:
    site = instance.site
    return {
        "RUN": instance.run, "LOGS": instance.logs, "CONF": instance.conf, "ROOT": instance.root,
        "SERVER": site.CRDS_SERVER,
        "MODULES": "/usr/lib/apache2/modules", "MOD_WSGI": _mod_wsgi(instance),
        "USER": unixuser.USER, "GROUP": unixuser.GROUP, "STACK": stack(instance),
        "ROTATELOGS": program("rotatelogs", "apache2-utils"),
        "PROCESSES": PROCESSES, "THREADS": THREADS, "SOURCES": SOURCES,
        "WSGI_SCRIPT": instance.wsgi_scripts / "crds.wsgi",
        "WSGI_SCRIPTS": instance.wsgi_scripts, "STATIC": instance.static,
        "FILE_CACHE": instance.file_cache, "DATABASE": instance.database_dir,
        "OBSERVATORY_PATH": instance.observatory, "LOOPBACK": "127.0.0.1",
        "LISTEN": f"{site.CRDS_LISTEN}:" if site.CRDS_LISTEN else "",
        "PORT": instance.port("CRDS_PORT"), "PLAIN_PORT": instance.port("CRDS_PLAIN_PORT"),
        "BACKUP_PORT": instance.port("CRDS_BACKUP_PORT"),
        "DATA": instance.database_dir / "mariadb", "TMP": instance.database_dir / "mariadb_tmp",
        "SOCKET": _socket(instance), "LOG": instance.logs / "mariadb.log",
    }


def _require_plain(values: dict) -> None:
    """Configuration files of the servers take no blanks or quotes in paths."""
    for name, value in values.items():
        if any(letter in str(value) for letter in " \"'#\n"):
            raise CommandError(f"The path {value} ({name}) holds blanks, quotes or #, which the"
                               " configuration of Apache cannot take. Set CRDS_ROOT to another"
                               " place.")


def _mod_wsgi(instance) -> str:
    """Path of the module that pip built for the instance's Python."""
    done = subprocess.run(
        [str(stack(instance) / "bin" / "mod_wsgi-express"), "module-location"],
        capture_output=True, text=True, check=False)
    path = Path(done.stdout.strip() or "/nonexistent")
    if done.returncode or not path.is_file():
        raise CommandError(f"The Python environment {stack(instance)} lacks mod_wsgi:"
                           f" {done.stderr.strip()[-300:]}")
    return str(path)


def _make_certificate(instance) -> None:
    """A certificate signed by itself, until the site puts its own in its place."""
    certificate, key = instance.conf / "tls.crt", instance.database_dir / "tls.key"
    if certificate.exists() and key.exists():
        return
    host = instance.site.CRDS_SERVER
    names = ",".join(dict.fromkeys([f"DNS:{host}", "DNS:localhost", "IP:127.0.0.1"]))
    say(f"Making a certificate for {host}, signed by itself; put the site's own into"
        f" {certificate} and {key}.")
    before = os.umask(0o077)
    try:
        done = subprocess.run(
            [program("openssl", "openssl"), "req", "-x509", "-newkey", "rsa:2048", "-nodes",
             "-days", "825", "-subj", f"/CN={host[:60]}", "-addext", f"subjectAltName={names}",
             "-addext", "basicConstraints=CA:FALSE", "-keyout", str(key), "-out",
             str(certificate)], capture_output=True, text=True, check=False)
    finally:
        os.umask(before)
    if done.returncode:
        raise CommandError(f"openssl made no certificate: {done.stderr.strip()[-400:]}")
    certificate.chmod(0o644)


# ---- the backup port --------------------------------------------------------------


def is_hidden(instance) -> bool:
    """Whether the server answers on its backup port, and the public ports say "back soon"."""
    try:
        return "Define HIDDEN" in (instance.conf / "mode.conf").read_text()
    except OSError:
        return False


def hide(instance, hidden: bool) -> None:
    """Write down where the server is to answer; Apache reads it when it starts or restarts."""
    templates.write(instance.conf / "mode.conf", "Define HIDDEN\n" if hidden else "")


# ---- the database server --------------------------------------------------------


@contextlib.contextmanager
def database_running(instance, start):
    """The private MariaDB runs, with its databases and user; stopped again if it was not before.

    ``start`` is :func:`control.server.start`.
    """
    user = unixuser.serving(instance)
    unixuser.give(instance, user)
    if not owns_database(instance):
        yield
        return
    service = _mariadb(instance, user)
    was_running = processes.read(service.pid_file)
    if not was_running:
        _make_data(instance, user)
        start(instance, service)
    try:
        _make_databases(instance, user)
        yield
    finally:
        if not was_running:
            processes.stop(service.pid_file, service.patience)


def _make_data(instance, user: str | None) -> None:
    data = instance.database_dir / "mariadb"
    for folder in (data, instance.database_dir / "mariadb_tmp"):
        folder.mkdir(exist_ok=True)
    unixuser.give(instance, user)
    if not (data / "mysql").is_dir():
        say("Making the database server of the instance ...")
        _install_db(instance, user)


def _install_db(instance, user: str | None) -> None:
    command = [program("mariadb-install-db", "mariadb-server"),
               f"--defaults-file={instance.conf / 'mariadb.cnf'}", "--skip-test-db",
               "--auth-root-authentication-method=socket",
               f"--auth-root-socket-user={user or getpass.getuser()}"]
    done = subprocess.run(command, capture_output=True, text=True, check=False,
                          env=instance_environment(instance), **unixuser.identity(user))
    if done.returncode:
        raise CommandError("MariaDB's files could not be made:\n"
                           f"{(done.stdout + done.stderr)[-1500:]}")


def _make_databases(instance, user: str | None) -> None:
    """The databases and the user of the application; harmless when they are there."""
    password = instance.secret("mariadb_password").replace("\\", "\\\\").replace("'", "\\'")
    account = f"'{instance.databases['default']['USER']}'@'localhost'"
    statements = [f"CREATE USER IF NOT EXISTS {account}",
                  f"ALTER USER {account} IDENTIFIED BY '{password}'"]
    for database in instance.databases.values():
        name = database["NAME"]
        statements.append(f"CREATE DATABASE IF NOT EXISTS `{name}`"
                          " CHARACTER SET utf8mb4 COLLATE utf8mb4_bin")
        statements.append(f"GRANT ALL ON `{name}`.* TO {account}")
    done = subprocess.run(
        [program("mariadb", "mariadb-client"),
         f"--defaults-file={instance.conf / 'mariadb.cnf'}"],
        input=";\n".join(statements) + ";\n", capture_output=True, text=True, check=False,
        env=instance_environment(instance), **unixuser.identity(user))
    if done.returncode:
        raise CommandError(f"The databases could not be made: {done.stderr.strip()[-500:]}")


def _answers_sql(instance) -> bool:
    done = subprocess.run(
        [program("mariadb-admin", "mariadb-client"),
         f"--defaults-file={instance.conf / 'mariadb.cnf'}", "ping"],
        capture_output=True, check=False, env=instance_environment(instance),
        **unixuser.identity(unixuser.serving(instance)))
    return done.returncode == 0


# ---- Apache ---------------------------------------------------------------------


def check_configuration(instance) -> None:
    """Raise CommandError with Apache's own words if it does not accept its configuration."""
    done = subprocess.run([*_apache(instance).command, "-t"], capture_output=True, text=True,
                          check=False)
    if done.returncode:
        raise CommandError(f"Apache refuses {instance.conf / 'httpd.conf'}:"
                           f"\n{done.stderr.strip()[-1500:]}")


def reload_web(leader: processes.Process, renewed) -> None:
    """Replace one process of mod_wsgi after the other.

    Apache's own graceful restart makes requests wait for the slowest one; the signal to a
    single process lets it finish, while the other serves.
    """
    for daemon in _daemons(leader):
        before = set(_daemons(leader))
        daemon.signal(signal.SIGUSR1)
        deadline = time.monotonic() + PATIENCE_RELOAD
        while daemon.alive() and time.monotonic() < deadline:
            time.sleep(0.1)
        daemon.signal(signal.SIGKILL)
        renewed(lambda before=before: bool(set(_daemons(leader)) - before))


def restart_web(leader: processes.Process) -> None:
    """Have Apache read its configuration anew; requests under way are finished."""
    leader.signal(signal.SIGUSR1)


def _daemons(leader: processes.Process) -> list[processes.Process]:
    return sorted((process for process in processes.family(leader)
                   if _command_line(process.pid).startswith(DAEMON)),
                  key=lambda process: process.pid)


def _command_line(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(
            errors="replace")
    except OSError:
        return ""
