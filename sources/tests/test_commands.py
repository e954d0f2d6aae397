"""The commands at the top of the checkout, as processes on instances of their own.

They run from a copy of the checkout, because ``./install`` changes links at the
top of the one it belongs to.  The Python environment is that of the tests.
"""

from __future__ import annotations

import http.client
import json
import os
import re
import shutil
import signal
import socket
import stat
import subprocess
import sys
import threading
import time
from pathlib import Path

import pexpect
import pytest

from config import CHECKOUT

sys.path.insert(0, str(CHECKOUT / "tools"))

from control import checkout, debian, labels, packages, processes, templates
from control.console import CommandError

COMMANDS = ("install", "init", "run", "stop", "rerun", "runtests", "manage")
PARTS = (*COMMANDS, "sources", "tools", "servers", "configs", "env.csh.template",
         "pyproject.toml", "requirements.lock")

#: Seconds that one command may take.
LIMIT = 240

#: A root whose name needs quoting in every shell.
ODD_NAME = "it's the hst! root"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Checkout:
    """A copy of the checkout, and its commands with a small environment."""

    def __init__(self, top: Path, home: Path):
        self.top, self.home = top, home

    def environment(self, **variables) -> dict[str, str]:
        base = {"PATH": os.environ["PATH"], "HOME": str(self.home), "CRDS_STACK": sys.prefix}
        return base | {name: str(value) for name, value in variables.items()}

    def __call__(self, command: str, *arguments: str, **variables) -> subprocess.CompletedProcess:
        return subprocess.run(
            [str(self.top / command), *arguments], env=self.environment(**variables), cwd="/",
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            timeout=LIMIT, check=False)


class Site:
    """One installed instance of a :class:`Checkout`."""

    def __init__(self, copy: Checkout, root: Path, port: int):
        self.copy, self.root, self.port = copy, root, port

    def __call__(self, command: str, *arguments: str, **variables) -> subprocess.CompletedProcess:
        return self.copy(command, *arguments, **{"CRDS_ROOT": self.root, **variables})

    @property
    def site_config(self) -> Path:
        return self.root / "server" / "conf" / "site_config.py"

    def leaders(self) -> list[processes.Process]:
        found = [processes.read(file) for file in (self.root / "server/run").glob("*.pid")]
        return [process for process in found if process]


@pytest.fixture(scope="module")
def copy(tmp_path_factory) -> Checkout:
    base = tmp_path_factory.mktemp("commands")
    top, home = base / "check out", base / "home"
    top.mkdir()
    home.mkdir()
    for part in PARTS:
        source = CHECKOUT / part
        if source.is_dir():
            shutil.copytree(source, top / part,
                            ignore=shutil.ignore_patterns("__pycache__", ".pytest_cache"))
        else:
            shutil.copy2(source, top / part)
    (top / "host").mkdir()
    return Checkout(top, home)


@pytest.fixture(scope="module")
def site(copy, tmp_path_factory):
    """hst django, installed with an empty catalogue."""
    made = Site(copy, tmp_path_factory.mktemp("roots") / ODD_NAME, free_port())
    done = made("init", "hst", "django", "--empty", CRDS_PORT=made.port,
                CRDS_AFFECTED_DATASETS_RECIPIENTS="one@example.invalid two@example.invalid")
    assert done.returncode == 0, done.stdout
    yield made
    made("stop")


@pytest.fixture
def running(site):
    """The instance with its processes; they are stopped at the end."""
    done = site("run")
    assert done.returncode == 0, done.stdout
    yield site
    site("stop")


def status_of(port: int, host: str = "127.0.0.1") -> int:
    connection = http.client.HTTPConnection(host, port, timeout=20)
    try:
        connection.request("GET", "/healthz", headers={"Host": "localhost"})
        return connection.getresponse().status
    finally:
        connection.close()


# ---- finding Python, help ---------------------------------------------------


@pytest.mark.parametrize("command", COMMANDS)
def test_help_from_anywhere_without_environment(copy, command):
    done = subprocess.run([str(copy.top / command), "--help"], env={}, cwd="/", timeout=60,
                          capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert f"./{command}" in done.stdout


def test_command_reached_through_a_link(copy, tmp_path):
    (tmp_path / "crds-stop").symlink_to(copy.top / "stop")
    done = subprocess.run([str(tmp_path / "crds-stop"), "-h"], env={}, timeout=60,
                          capture_output=True, text=True, check=False)
    assert done.returncode == 0 and "./stop" in done.stdout


def test_without_python_the_packages_are_named(copy, tmp_path):
    for program in ("sh", "dirname", "readlink", "cat"):
        (tmp_path / program).symlink_to(shutil.which(program))
    old = tmp_path / "python3"
    old.write_text("#!/bin/sh\nexit 1\n")
    old.chmod(0o755)
    done = subprocess.run([str(copy.top / "run")], env={"PATH": str(tmp_path)}, timeout=60,
                          capture_output=True, text=True, check=False)
    assert done.returncode == 127
    assert "Python 3.11" in done.stderr and "apt-get install" in done.stderr


@pytest.mark.parametrize(("arguments", "expected"), [
    (("hubble",), "Unknown observatory 'hubble'"),
    (("hst", "production"), "Unknown use case 'production'"),
])
def test_unknown_names_are_explained(copy, tmp_path, arguments, expected):
    done = copy("install", *arguments, CRDS_ROOT=tmp_path / "root")
    assert done.returncode == 1
    assert expected in done.stdout and "Traceback" not in done.stdout
    assert not (tmp_path / "root").exists()


# ---- install ---------------------------------------------------------------


def test_layout_and_modes(site):
    def mode(name):
        return stat.S_IMODE((site.root / name).stat().st_mode)

    for name in ("server/conf", "server/logs", "server/db_backups", "server/wsgi-scripts",
                 "server/run", "server_files/catalogs", "server_files/deliveries",
                 "server_files/uploads", "server_files/ingest", "server_files/ingest_ssb",
                 "file_cache", "database", "monitor_reprocessing"):
        assert (site.root / name).is_dir(), name
    assert mode("database") == 0o700
    assert mode("file_cache") & 0o007 == 0
    assert mode("database/secret_key") == 0o600
    assert mode("database/test_user_password") == 0o600
    top = site.copy.top
    assert (top / "var" / "last").resolve() == site.root.resolve()
    assert (top / "env.sh").resolve() == (site.root / "env.sh").resolve()
    assert (top / "env.csh").resolve() == (site.root / "env.csh").resolve()
    assert "Applying" in (top / "install.hst.django.err").read_text()
    assert list((site.root / "server" / "static").iterdir())


def test_accounts_by_command(site):
    """The test user may try nearly everything; tools/accounts finds the instance."""
    listed = site("tools/accounts", "list")
    assert "test  <test@example.invalid>  operator" in listed.stdout
    token = site("tools/accounts", "token", "test")
    assert re.fullmatch(r"crds_\w+\n", token.stdout)
    refused = site("tools/accounts", "add", "anne", "--role", "submitter",
                   "--email", "anne@example.invalid")
    assert refused.returncode == 1 and "no password on standard input" in refused.stdout


def expected_variables(site: Site) -> dict[str, str]:
    root = str(site.root)
    return {
        "CRDS": root, "CRDS_ROOT": root, "CRDS_PROJECT": "hst", "CRDS_USECASE": "django",
        "CRDS_SERVER": "localhost", "CRDS_STACK": sys.prefix, "META_PREFIX": sys.prefix,
        "CRDS_AFFECTED_DATASETS_RECIPIENTS": "one@example.invalid two@example.invalid",
        "CRDS_IFS": root, "CRDS_FILE_CACHE": f"{root}/file_cache",
        "CRDS_SERVER_FILES": f"{root}/server_files", "CRDS_PORT": str(site.port),
        "DJANGO_SETTINGS_MODULE": "settings",
    }


@pytest.mark.parametrize(("shell", "script"), [
    ("sh", '. "$1/env.sh"; . "$1/env.sh"; env -0'),
    ("bash", '. "$1/env.sh"; . "$1/env.sh"; env -0'),
    ("tcsh", 'source "$argv[1]/env.csh"; source "$argv[1]/env.csh"; env -0'),
])
def test_environment_files(site, tmp_path, shell, script):
    if shutil.which(shell) is None:
        if os.environ.get("CRDS_REQUIRE_SERVICES"):
            pytest.fail(f"{shell} is not installed")
        pytest.skip(f"{shell} is not installed")
    file = tmp_path / "script"
    file.write_text(script + "\n")
    arguments = [shell, *(["-f"] if shell == "tcsh" else []), str(file), str(site.root)]
    done = subprocess.run(arguments, env={"PATH": "/usr/bin:/bin"}, capture_output=True, text=True,
                          timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    seen = dict(line.split("=", 1) for line in done.stdout.split("\0") if "=" in line)
    for name, value in expected_variables(site).items():
        assert seen.get(name) == value, name
    path = seen["PATH"].split(":")
    top = site.copy.top
    assert path == [f"{top}/host", f"{sys.prefix}/bin", "/usr/bin", "/bin"]
    assert seen["PYTHONPATH"] == f"{top}/sources"
    assert json.loads(seen["CRDS_ENV"])["CRDS_ROOT"] == str(site.root)


def test_install_twice_at_once(site):
    site("stop")
    secret = (site.root / "database/secret_key").read_text()
    results = []
    threads = [threading.Thread(target=lambda: results.append(site("install", "hst", "django")))
               for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [done.returncode for done in results] == [0, 0], results
    assert (site.root / "database/secret_key").read_text() == secret
    assert not list(site.root.rglob("*.partial"))


def test_another_instance_in_the_same_root_is_refused(site):
    done = site("install", "jwst", "django")
    assert done.returncode == 1
    assert "holds the instance hst django, not jwst django" in done.stdout


def test_edited_configuration_is_kept(tmp_path):
    generated, template = templates.Generated(tmp_path), tmp_path / "template"
    file, newest = tmp_path / "site_config.py", tmp_path / "site_config.py.new"
    template.write_text("A = @A@\n")
    generated.place(file, "A = 1\n", template)
    generated.place(file, "A = 2\n", template)
    assert file.read_text() == "A = 2\n" and not newest.exists()
    file.write_text("A = 'mine'\n")
    generated.place(file, "A = 2\n", template)
    assert file.read_text() == "A = 'mine'\n" and not newest.exists()
    template.write_text("A = @A@\nB = @B@\n")
    generated.place(file, "A = 2\nB = 3\n", template)
    assert file.read_text() == "A = 'mine'\n" and newest.read_text() == "A = 2\nB = 3\n"
    newest.unlink()
    generated.place(file, "A = 2\nB = 3\n", template)
    assert not newest.exists(), "the same change is shown once"


@pytest.fixture
def edited(site):
    """Puts the site configuration back after the test."""
    text = site.site_config.read_text()
    yield site
    site.site_config.write_text(text)


@pytest.mark.parametrize(("command", "arguments"), [("manage", ("check",)), ("run", ())])
def test_broken_configuration_is_named(edited, command, arguments):
    edited.site_config.write_text(edited.site_config.read_text() + "\nTHIS IS NOT PYTHON\n")
    done = edited(command, *arguments)
    assert done.returncode == 1
    assert str(edited.site_config) in done.stdout and "SyntaxError" in done.stdout
    assert "Traceback" not in done.stdout


def test_missing_name_is_named(edited):
    text = edited.site_config.read_text().replace("\nSTORE_ROOTS = []", "")
    edited.site_config.write_text(text)
    done = edited("manage", "check")
    assert done.returncode == 1
    assert "does not define STORE_ROOTS" in done.stdout and "Traceback" not in done.stdout


def test_wrong_port_is_named(edited):
    done = edited("run", CRDS_PORT="99999")
    assert done.returncode == 1
    assert "CRDS_PORT is '99999'; it must be a port number" in done.stdout


def test_cache_on_another_file_system_is_refused(copy, tmp_path):
    other = Path("/dev/shm")
    if not other.is_dir() or other.stat().st_dev == tmp_path.stat().st_dev:
        pytest.skip("this machine has no second file system to try")
    cache = other / f"crds-cache-{os.getpid()}"
    try:
        done = copy("install", "hst", "django", CRDS_ROOT=tmp_path / "root", CRDS_FILE_CACHE=cache)
    finally:
        shutil.rmtree(cache, ignore_errors=True)
    assert done.returncode == 1
    assert "different file systems" in done.stdout and "CRDS_FILE_CACHE" in done.stdout


def test_root_that_cannot_be_made(copy, tmp_path):
    (tmp_path / "file").write_text("in the way")
    done = copy("install", "hst", "django", CRDS_ROOT=tmp_path / "file" / "root")
    assert done.returncode == 1
    assert "cannot be made" in done.stdout and "Traceback" not in done.stdout


def test_manage_on_something_not_installed(copy, tmp_path):
    done = copy("manage", "check", CRDS_ROOT=tmp_path / "nothing")
    assert done.returncode == 1 and "is not installed" in done.stdout


def test_shell_is_ipython(site):
    shell = pexpect.spawn(
        str(site.copy.top / "manage"), ["shell"], timeout=60, encoding="utf-8",
        env=site.copy.environment(CRDS_ROOT=site.root, TERM="dumb"))
    try:
        shell.expect(r"In \[1\]:")
        shell.send("'hst' * 2\r")
        shell.expect("hsthst")
    finally:
        shell.close(force=True)


def test_dbshell_speaks_sql(site):
    done = subprocess.run(
        [str(site.copy.top / "manage"), "dbshell"], env=site.copy.environment(CRDS_ROOT=site.root),
        input="select 'answer', 6 * 7;\n", capture_output=True, text=True, timeout=60, check=False)
    if "sqlite3" in done.stderr and shutil.which("sqlite3") is None:
        pytest.skip("the program sqlite3 is not installed")
    assert done.returncode == 0 and "answer|42" in done.stdout


# ---- the Python environment ---------------------------------------------------


def test_environment_is_complete_only_with_its_stamp(tmp_path):
    def stamp(**changes):
        values = {"fingerprint": packages._fingerprint(), "extras": ["hst", "test"],
                  "python": os.path.realpath(tmp_path / "bin" / "python")}
        (tmp_path / packages.STAMP).write_text(json.dumps(values | changes))

    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "python").symlink_to(os.path.realpath(sys.executable))
    assert packages.is_missing(tmp_path, {"hst"}), "an interrupted installation has no stamp"
    stamp()
    assert not packages.is_missing(tmp_path, {"hst"})
    assert packages.is_missing(tmp_path, {"hst", "jwst"})
    stamp(fingerprint="of another lock")
    assert packages.is_missing(tmp_path, {"hst"})
    stamp(python="/usr/bin/python3.9")
    assert packages.is_missing(tmp_path, {"hst"}), "Python was upgraded"
    stamp()
    (tmp_path / "bin" / "python").unlink()
    assert packages.is_missing(tmp_path, {"hst"})


def test_folder_that_is_no_environment_is_left_alone(copy, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.tex").write_text("precious")
    done = copy("install", "hst", "django", CRDS_ROOT=tmp_path / "root",
                CRDS_STACK=tmp_path / "mine")
    assert done.returncode == 1 and "is no Python environment" in done.stdout
    assert (tmp_path / "mine" / "thesis.tex").read_text() == "precious"


def test_port_of_one_run_is_for_the_laptop(copy, tmp_path):
    done = copy("run", "hst", "dev", "--port", "8123", CRDS_ROOT=tmp_path / "dev")
    assert done.returncode == 1 and "--port is for the django use case" in done.stdout
    assert not (tmp_path / "dev").exists()


def test_missing_venv_module_is_named(monkeypatch, tmp_path):
    package = f"python3.{sys.version_info.minor}-venv"
    headers = [f"python3.{sys.version_info.minor}-dev"]
    monkeypatch.setattr(debian, "is_debian", lambda: True)
    monkeypatch.setattr(debian, "python_headers", lambda interpreter: (headers[0], "Python.h"))
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(CommandError, match=f"apt-get install {package}"):
        debian.install_venv(tmp_path / "log")
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    asked = []
    monkeypatch.setattr(debian, "install", lambda packages, log: asked.append(packages))
    debian.install_venv(tmp_path / "log")
    assert asked == [[package]]
    headers[0] = "Python's headers"
    with pytest.raises(CommandError, match="CRDS_PYTHON"):
        debian.install_venv(tmp_path / "log")


def test_lock_names_versions_and_no_address():
    lines = (CHECKOUT / "requirements.lock").read_text().splitlines()
    assert len(lines) > 50
    assert not [line for line in lines if "==" not in line or "://" in line or line[:1] in "-#"]


# ---- values from a sourced file -------------------------------------------------


def sourced(**changes) -> dict[str, str]:
    values = {"CRDS": "/a", "CRDS_ROOT": "/a", "CRDS_PROJECT": "hst", "CRDS_USECASE": "django",
              "CRDS_FILE_CACHE": "/big/cache", "CRDS_PORT": "8000"}
    return values | {"CRDS_ENV": json.dumps(values), "PATH": "/bin"} | changes


def test_sourced_values_of_the_same_instance():
    environ = sourced()
    checkout.forget_sourced_values(environ, None, None)
    assert environ == {"CRDS_ROOT": "/a", "PATH": "/bin"}


def test_sourced_values_of_another_instance():
    environ = sourced()
    checkout.forget_sourced_values(environ, "jwst", "django")
    assert environ == {"PATH": "/bin"}


def test_own_values_win_over_sourced_ones():
    environ = sourced(CRDS_ROOT="/b", CRDS_PORT="8010")
    checkout.forget_sourced_values(environ, None, None)
    assert environ == {"CRDS_ROOT": "/b", "CRDS_PORT": "8010", "PATH": "/bin"}


# ---- run and stop ----------------------------------------------------------


def test_run_answers_on_loopback_and_stop_ends_everything(running):
    done = running("run")
    assert done.returncode == 0 and "already running" in done.stdout
    assert f"export CRDS_SERVER_URL=http://localhost:{running.port}" in done.stdout
    assert "export CRDS_OBSERVATORY=hst" in done.stdout
    assert status_of(running.port) == 200
    if Path("/proc/net/if_inet6").exists():
        assert status_of(running.port, "::1") == 200
    leaders = running.leaders()
    assert len(leaders) == 2
    everything = set().union(*(processes.family(leader) for leader in leaders))
    assert len(everything) >= 4, "two leaders and at least two web workers"
    done = running("stop")
    assert done.returncode == 0, done.stdout
    assert not [process for process in everything if process.alive()]
    assert not list((running.root / "server/run").glob("*.pid"))
    done = running("stop")
    assert done.returncode == 0 and "not running" in done.stdout


def test_access_log_has_the_request_id(running):
    connection = http.client.HTTPConnection("127.0.0.1", running.port, timeout=20)
    connection.request("GET", "/healthz", headers={"Host": "localhost", "X-Request-ID": "find-me"})
    assert connection.getresponse().status == 200
    connection.close()
    running("stop")
    log = (running.root / "server/logs/access.log").read_text()
    assert any(line.endswith(" find-me") for line in log.splitlines())


def test_busy_port_is_named(site):
    site("stop")
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        done = site("run", "--port", str(port))
    assert done.returncode == 1
    assert f"Port {port} is in use by another program" in done.stdout and "--port" in done.stdout
    assert not site.leaders()


def test_worker_that_was_killed_is_started_again(running):
    worker = processes.read(running.root / "server/run/worker.pid")
    web = processes.read(running.root / "server/run/web.pid")
    members = processes.family(worker)
    for process in members:
        process.signal(signal.SIGKILL)
    assert not processes.wait_gone(members, 10)
    assert running("run").returncode == 0
    assert processes.read(running.root / "server/run/web.pid") == web
    assert processes.read(running.root / "server/run/worker.pid") not in (None, worker)


def test_foreground_stops_at_interrupt(site):
    site("stop")
    port = free_port()
    process = subprocess.Popen(
        [str(site.copy.top / "run"), "--foreground", "--port", str(port)], text=True,
        env=site.copy.environment(CRDS_ROOT=site.root), stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    guard = threading.Timer(LIMIT, process.kill)
    guard.start()
    try:
        for line in process.stdout:
            if "ctrl-C" in line:
                break
        assert status_of(port) == 200
        assert len(site.leaders()) == 2
        process.send_signal(signal.SIGINT)
        process.stdout.read()
        assert process.wait(timeout=LIMIT) == 0
    finally:
        guard.cancel()
        process.kill()
        site("stop")
    assert not site.leaders()


def test_two_instances_side_by_side(running, tmp_path):
    other = Site(running.copy, tmp_path / "second", free_port())
    done = other("init", "tobs", "django", "--empty", CRDS_PORT=other.port)
    assert done.returncode == 0, done.stdout
    try:
        done = other("run")
        assert done.returncode == 0, done.stdout
        assert status_of(other.port) == 200
        assert running("stop").returncode == 0
        assert status_of(other.port) == 200, "stopping one instance leaves the other"
    finally:
        other("stop")
    assert not other.leaders()


def test_graceful_reload_loses_no_request(running):
    seen, end = [], threading.Event()

    def ask():
        while not end.is_set():
            try:
                seen.append(status_of(running.port))
            except OSError as exc:
                seen.append(repr(exc))
            time.sleep(0.02)

    web = processes.read(running.root / "server/run/web.pid")
    before = processes.family(web)
    client = threading.Thread(target=ask)
    client.start()
    try:
        done = running("rerun", "--graceful")
    finally:
        end.set()
        client.join()
    assert done.returncode == 0, done.stdout
    assert len(seen) > 20 and set(seen) == {200}
    assert web.alive()
    assert not processes.wait_gone(before - {web}, 30), "old workers end"


# ---- refusals on operational servers ---------------------------------------------


def test_init_and_runtests_refuse_on_ops(copy, tmp_path):
    root = tmp_path / "ops"
    done = copy("init", "hst", "prod", CRDS_ROOT=root)
    assert done.returncode == 1
    assert "operational server" in done.stdout and "--yes-this-is-ops" in done.stdout
    done = copy("runtests", CRDS_ROOT=root, CRDS_PROJECT="hst", CRDS_USECASE="ops")
    assert done.returncode == 1 and "--yes-this-is-ops" in done.stdout
    assert not root.exists()


def test_init_names_what_is_not_there(copy, tmp_path):
    root = tmp_path / "root"
    done = copy("init", "hst", "django", "--cache", str(tmp_path / "none"), CRDS_ROOT=root)
    assert done.returncode == 1 and "There is no folder" in done.stdout
    done = copy("init", "hst", "django", "--server", "crds.example.invalid", CRDS_ROOT=root)
    assert done.returncode == 1 and "http://" in done.stdout
    assert not root.exists()


# ---- processes ---------------------------------------------------------------


@pytest.fixture
def sleeper(tmp_path):
    """Starts small programs; what is left of them is killed at the end."""
    started = []

    def start(program: str) -> tuple[Path, processes.Process]:
        pid_file = tmp_path / f"{len(started)}.pid"
        process = processes.start(pid_file, tmp_path / "log",
                                  [sys.executable, "-c", program], dict(os.environ), tmp_path)
        started.append(process)
        return pid_file, process

    yield start
    for process in started:
        for member in processes.family(process):
            member.signal(signal.SIGKILL)
        process.signal(signal.SIGKILL)


def wait_for(condition, seconds: float = 20):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "did not happen in time"
        time.sleep(0.02)


def test_pid_that_was_used_again_is_left_alone(sleeper):
    pid_file, process = sleeper("import time; time.sleep(60)")
    pid, start, boot = pid_file.read_text().split()
    for stale in (f"{pid} {int(start) - 1} {boot}", f"{pid} {start} another-boot", pid, ""):
        pid_file.write_text(stale)
        assert processes.stop(pid_file, 5) == "was not running"
        assert process.alive()
        assert not pid_file.exists()


def test_children_in_other_sessions_are_stopped(sleeper, tmp_path):
    marker = tmp_path / "child"
    child = f"open({str(marker)!r}, 'w').close(); import time; time.sleep(60)"
    pid_file, leader = sleeper(
        "import subprocess, sys, time\n"
        f"subprocess.Popen([sys.executable, '-c', {child!r}], start_new_session=True)\n"
        "time.sleep(60)")
    wait_for(marker.exists)
    members = processes.family(leader)
    assert len(members) == 2
    assert processes.stop(pid_file, 5) == "stopped"
    assert not [process for process in members if process.alive()]


def test_process_that_ignores_the_request_is_killed(sleeper, tmp_path):
    marker = tmp_path / "deaf"
    pid_file, leader = sleeper(
        "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        f"open({str(marker)!r}, 'w').close(); time.sleep(60)")
    wait_for(marker.exists)
    assert processes.stop(pid_file, 0.3).startswith("killed")
    assert not leader.alive()


# ---- labels of tests ----------------------------------------------------------


@pytest.fixture
def tests_tree(tmp_path) -> Path:
    folder = tmp_path / "interactive" / "tests"
    folder.mkdir(parents=True)
    (folder / "test_pages.py").write_text(
        "class Hst:\n    def test_index(self): pass\n\ndef test_alone(): pass\n")
    (folder / "test_more.py").write_text("class Jwst:\n    def test_index(self): pass\n")
    return tmp_path


@pytest.mark.parametrize(("label", "expected"), [
    ("interactive", ["interactive"]),
    ("interactive.tests", ["interactive/tests"]),
    ("interactive.tests.test_pages", ["interactive/tests/test_pages.py"]),
    ("interactive.tests.test_pages.Hst", ["interactive/tests/test_pages.py::Hst"]),
    ("interactive.tests.Hst", ["interactive/tests/test_pages.py::Hst"]),
    ("interactive.tests.Hst.test_index", ["interactive/tests/test_pages.py::Hst::test_index"]),
    ("interactive.tests.test_alone", ["interactive/tests/test_pages.py::test_alone"]),
    ("interactive.tests.test_index", ["interactive/tests/test_more.py::Jwst::test_index",
                                      "interactive/tests/test_pages.py::Hst::test_index"]),
    ("interactive/tests/test_pages.py::Hst", ["interactive/tests/test_pages.py::Hst"]),
])
def test_labels(tests_tree, label, expected):
    assert labels.translate([label], tests_tree, [tests_tree]) == [
        f"{tests_tree}/{name}" for name in expected]


def test_options_keep_their_values(tests_tree):
    arguments = ["-k", "interactive", "-x", "--maxfail", "2", "-n2"]
    assert labels.translate(arguments, tests_tree, [tests_tree]) == arguments


@pytest.mark.parametrize("label", ["nothing.here", "interactive.tests.Roman", "a/b.py", "no such"])
def test_labels_that_name_nothing(tests_tree, label):
    with pytest.raises(CommandError, match="There is no test"):
        labels.translate([label], tests_tree, [tests_tree])
