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


def is_debian() -> bool:
    return shutil.which("apt-get") is not None and Path("/etc/debian_version").exists()


def _present(evidence: str) -> bool:
    if evidence.startswith("/"):
        return Path(evidence).exists()
    places = os.environ.get("PATH", os.defpath) + ":/usr/sbin:/sbin:/usr/local/sbin"
    return shutil.which(evidence, path=places) is not None


def python_headers() -> tuple[str, str]:
    """Package and file of the C headers of the Python that runs this."""
    import sysconfig

    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    header = os.path.join(sysconfig.get_path("include"), "Python.h")
    system = sys.base_prefix == "/usr"
    return (f"python{version}-dev" if system else "Python's headers", header)


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


def install_venv(log: Path) -> None:
    """Debian packs Python's venv module apart; add it, or say what is missing."""
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    package = f"python{version}-venv"
    if not (is_debian() and sys.base_prefix == "/usr"):
        raise CommandError(
            f"{sys.executable} lacks the modules venv and ensurepip, which make the Python"
            f" environment. Install them for Python {version}, or set CRDS_PYTHON to another"
            f" Python that has them.")
    if os.geteuid() != 0:
        raise CommandError(
            f"Python's venv module is missing. Install it as root and run this again:\n"
            f"    apt-get install {package}")
    install([package], log)
