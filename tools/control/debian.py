"""System packages on Debian: which are missing, and installing them as root."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

from .console import CommandError, last_lines, say

POLICY = Path("/usr/sbin/policy-rc.d")

#: What the tests use besides Python: each package, and a program or file that shows it is there.
TEST_PACKAGES = {
    "apache2": "apache2",
    "apache2-dev": "apxs",
    "chromium": "chromium",
    "chromium-driver": "chromedriver",
    "fitsverify": "fitsverify",
    "fonts-dejavu-core": "/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf",
    "gcc": "gcc",
    "libapache2-mod-xsendfile": "/usr/lib/apache2/modules/mod_xsendfile.so",
    "libmariadb-dev": "mariadb_config",
    "mariadb-client": "mariadb-dump",
    "mariadb-server": "mariadbd",
    "memcached": "memcached",
    "nginx": "nginx",
    "openssl": "openssl",
    "pkg-config": "pkg-config",
    "sqlite3": "sqlite3",
    "tcsh": "tcsh",
}


#: What dev, test and ops are made of, besides the headers of their Python.
PRODUCTION_PACKAGES = (
    "apache2", "apache2-dev", "fitsverify", "gcc", "libapache2-mod-xsendfile", "libmariadb-dev",
    "mariadb-client", "mariadb-server", "memcached", "openssl", "pkg-config")


def is_debian() -> bool:
    return shutil.which("apt-get") is not None and Path("/etc/debian_version").exists()


def _present(evidence: str) -> bool:
    if evidence.startswith("/"):
        return Path(evidence).exists()
    places = os.environ.get("PATH", os.defpath) + ":/usr/sbin:/sbin:/usr/local/sbin"
    return shutil.which(evidence, path=places) is not None


def python_headers(interpreter: str = sys.executable) -> tuple[str, str]:
    """Package and file of the C headers of a Python, by default of that which runs this."""
    done = subprocess.run(
        [interpreter, "-I", "-c", "import sys, sysconfig; print('%d.%d' % sys.version_info[:2]);"
         "print(sys.base_prefix); print(sysconfig.get_path('include'))"],
        capture_output=True, text=True, check=True)
    version, prefix, folder = done.stdout.splitlines()
    package = f"python{version}-dev" if prefix == "/usr" else "Python's headers"
    return package, os.path.join(folder, "Python.h")


def missing_production_packages(interpreter: str) -> list[str]:
    """System packages that dev, test and ops lack on this machine."""
    wanted = {name: TEST_PACKAGES[name] for name in PRODUCTION_PACKAGES}
    package, header = python_headers(interpreter)
    wanted[package] = header
    return [package for package, evidence in wanted.items() if not _present(evidence)]


def missing_test_packages() -> list[str]:
    wanted = dict(TEST_PACKAGES)
    package, header = python_headers()
    if package.startswith("python"):
        wanted[package] = header
    return [package for package, evidence in wanted.items() if not _present(evidence)]


def can_build_mysqlclient() -> bool:
    _, header = python_headers()
    return _present("gcc") and _present("pkg-config") and Path(header).exists() and (
        _present("mariadb_config") or _present("mysql_config"))


@contextmanager
def _no_service_started():
    """Packages of servers start them when installed; ours are started by our commands only."""
    if POLICY.exists():
        yield
        return
    POLICY.write_text("#!/bin/sh\nexit 101\n")
    POLICY.chmod(0o755)
    try:
        yield
    finally:
        POLICY.unlink(missing_ok=True)


def install(packages: list[str], log: Path) -> None:
    """``apt-get install`` as root, without starting services."""
    environ = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    say(f"Installing system packages: {' '.join(packages)} ...")
    with open(log, "ab") as output, _no_service_started():
        for command in (["update", "-q"],
                        ["install", "-q", "-y", "--no-install-recommends", *packages]):
            status = subprocess.run(["apt-get", *command], env=environ, stdout=output,
                                    stdin=subprocess.DEVNULL, stderr=subprocess.STDOUT,
                                    check=False).returncode
    if status:
        raise CommandError(
            f"apt-get could not install {' '.join(packages)}. The end of {log}:\n"
            f"{last_lines(log)}Install them by hand and run the command again.")


def install_venv(log: Path, interpreter: str = sys.executable) -> None:
    """Debian packs Python's venv module apart; add it, or say what is missing."""
    package = python_headers(interpreter)[0].replace("-dev", "-venv")
    if not (is_debian() and package.startswith("python3.")):
        raise CommandError(
            f"{interpreter} lacks the modules venv and ensurepip, which make the Python"
            f" environment. Install them, or set CRDS_PYTHON to another Python that has them.")
    if os.geteuid() != 0:
        raise CommandError(
            f"Python's venv module is missing. Install it as root and run this again:\n"
            f"    apt-get install {package}")
    install([package], log)
