"""What a test run needs before its settings are read: an instance, and a database server.

Standard library only.  ``./runtests`` prepares an instance itself; a plain
``pytest`` gets one in a temporary folder, removed at the end.  With
``CRDS_TEST_DATABASE=mariadb`` and no ``CRDS_TEST_MARIADB_SOCKET`` a MariaDB
server of its own is started for the run, on a socket only.
"""

from __future__ import annotations

import atexit
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

TOOLS = Path(__file__).resolve().parents[2] / "tools"

#: Seconds for the database server to answer, and to end.
START, STOP = 60, 60

CONFIGURATION = """\
[mariadbd]
datadir={folder}/data
tmpdir={folder}/tmp
socket={folder}/socket
pid-file={folder}/pid
log-error={folder}/log
skip-networking
skip-name-resolve
skip-log-bin
performance_schema=OFF
character-set-server=utf8mb4
collation-server=utf8mb4_bin
transaction-isolation=READ-COMMITTED
innodb_buffer_pool_size=256M
innodb_flush_log_at_trx_commit=2
max_allowed_packet=64M
max_connections=100
[client]
socket={folder}/socket
"""


def prepare() -> None:
    """Make what is missing, and leave in the environment where it is."""
    if not os.environ.get("CRDS_ROOT") or _is_sourced():
        folder = Path(tempfile.mkdtemp(prefix="crds-tests-"))
        _at_exit(shutil.rmtree, folder, True)
        make_instance("hst", folder / "instance")
        os.environ["CRDS_ROOT"] = str(folder / "instance")
    if process := os.environ.get("PYTEST_XDIST_WORKER"):
        # Processes that run tests side by side share nothing.
        root = Path(os.environ["CRDS_ROOT"]).with_name(f"instance-{process}")
        make_instance("hst", root)
        os.environ["CRDS_ROOT"] = str(root)
    wants_mariadb = os.environ.get("CRDS_TEST_DATABASE") == "mariadb"
    if wants_mariadb and not os.environ.get("CRDS_TEST_MARIADB_SOCKET"):
        os.environ["CRDS_TEST_MARIADB_SOCKET"] = str(start_mariadb())
        os.environ["CRDS_TEST_MARIADB_USER"] = "root"


def make_instance(observatory: str, root: Path, usecase: str = "django"):
    """Folders and configuration of a new instance at ``root``; its databases are not made."""
    control = _control()
    kept = {name: os.environ.pop(name) for name in list(os.environ) if name.startswith("CRDS_")}
    try:
        instance = control.config.find_instance(observatory, usecase, {"CRDS_ROOT": str(root)})
        control.layout.make(instance)
        control.install.configure(instance, "sqlite")
        return instance
    finally:
        os.environ.update(kept)


def _control():
    """The code of the commands at the top of the checkout."""
    if str(TOOLS) not in sys.path:
        sys.path.append(str(TOOLS))
    import control.checkout
    import control.install
    import control.layout

    control.config = control.checkout.config
    return control


def _is_sourced() -> bool:
    """Whether CRDS_ROOT comes from an env.sh: that is a live instance, not one for tests."""
    try:
        sourced = json.loads(os.environ.get("CRDS_ENV", "{}"))
    except ValueError:
        return False
    return sourced.get("CRDS_ROOT") == os.environ.get("CRDS_ROOT")


def start_mariadb() -> Path:
    """Start a database server that ends with this process; returns its socket."""
    programs = {name: shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin")
                for name in ("mariadbd", "mariadb-install-db", "mariadb-admin")}
    missing = [name for name, path in programs.items() if not path]
    if missing:
        raise SystemExit(
            f"CRDS_TEST_DATABASE=mariadb, but {', '.join(missing)} is not installed. On Debian:"
            " apt-get install mariadb-server.")
    # A short path: sockets take about 100 characters.
    folder = Path(tempfile.mkdtemp(prefix="crds-db-", dir="/tmp"))
    _at_exit(shutil.rmtree, folder, True)
    for name in ("data", "tmp"):
        (folder / name).mkdir()
    options = folder / "my.cnf"
    options.write_text(CONFIGURATION.format(folder=folder))
    user = []
    if os.geteuid() == 0:
        # The server refuses to run as root.
        user = ["--user=mysql"]
        for path in (folder, *folder.iterdir()):
            shutil.chown(path, "mysql")
    subprocess.run(
        [programs["mariadb-install-db"], f"--defaults-file={options}",
         "--auth-root-authentication-method=normal", "--skip-test-db", *user],
        check=True, stdout=subprocess.DEVNULL)
    server = subprocess.Popen(
        [programs["mariadbd"], f"--defaults-file={options}", *user],
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        start_new_session=True)
    _at_exit(_stop, server)
    deadline = time.monotonic() + START
    ping = [programs["mariadb-admin"], f"--defaults-file={options}", "--user=root", "ping"]
    while subprocess.run(ping, check=False, capture_output=True).returncode:
        if server.poll() is not None or time.monotonic() > deadline:
            raise SystemExit(f"MariaDB did not start:\n{(folder / 'log').read_text()[-2000:]}")
        time.sleep(0.1)
    return folder / "socket"


def _stop(server: subprocess.Popen) -> None:
    server.terminate()
    try:
        server.wait(STOP)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait()


def _at_exit(call, *arguments) -> None:
    """Call when this process ends, not when one that it forked does."""
    owner = os.getpid()

    def run():
        if os.getpid() == owner:
            call(*arguments)

    atexit.register(run)
