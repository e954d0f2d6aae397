"""The Python environment: made with venv, filled by pip from the locked versions."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

from . import debian
from .checkout import LOCK_FILE, PROJECT_FILE
from .console import CommandError, last_lines, say
from .locks import exclusive

STAMP = "crds-stamp.json"
LOCK = ".crds-lock"


def project() -> dict:
    with open(PROJECT_FILE, "rb") as file:
        return tomllib.load(file)["project"]


def requirements(extras) -> list[str]:
    """What pip is asked for: the dependencies and those of ``extras``."""
    table = project()
    wanted = list(table["dependencies"])
    for extra in sorted(extras):
        wanted += table["optional-dependencies"][extra]
    return wanted


def _fingerprint() -> str:
    """Changes with the locked versions and with what the project asks for."""
    table = project()
    asked = json.dumps([table["dependencies"], table["optional-dependencies"]])
    return hashlib.sha256(LOCK_FILE.read_bytes() + asked.encode()).hexdigest()


def _read_stamp(folder: Path) -> dict:
    """What was last installed into ``folder`` completely; {} if nothing was."""
    try:
        stamp = json.loads((folder / STAMP).read_text())
        return stamp if isinstance(stamp, dict) else {}
    except (OSError, ValueError):
        return {}


def _interpreter(folder: Path) -> str:
    """The program behind the environment; "" when it is gone (Python was upgraded)."""
    program = folder / "bin" / "python"
    return os.path.realpath(program) if os.access(program, os.X_OK) else ""


def is_missing(folder: Path, extras: set[str]) -> bool:
    """True if ``folder`` lacks a locked package of the project or of ``extras``."""
    stamp = _read_stamp(folder)
    return not (
        stamp.get("fingerprint") == _fingerprint()
        and extras <= set(stamp.get("extras", ()))
        and stamp.get("python") == _interpreter(folder)
    )


def prepare(folder: Path, extras, log: Path, interpreter: str = sys.executable) -> bool:
    """Make ``folder`` an environment with the locked packages; True if anything was done.

    Repeats nothing: a stamp in the folder tells what is there.  It is written
    last, so an interrupted installation is taken up again.  ``interpreter`` is the Python
    of a new environment.
    """
    # venv makes no environment through a link.
    folder, extras = folder.resolve(), set(extras)
    if not is_missing(folder, extras):
        return False
    _refuse_foreign_folder(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as exc:
        raise CommandError(
            f"The folder {folder} for the Python environment cannot be made"
            f" ({exc.strerror}). Set CRDS_STACK to a folder that you may write.") from exc
    if not os.access(folder, os.W_OK):
        raise CommandError(
            f"The Python environment {folder} is not up to date and you may not write there."
            f" Ask its owner to run ./install, or set CRDS_STACK to a folder of your own.")
    with exclusive(folder / LOCK, "installing Python packages"):
        if not is_missing(folder, extras):
            return False
        extras |= set(_read_stamp(folder).get("extras", ())) & set(
            project()["optional-dependencies"])
        (folder / STAMP).unlink(missing_ok=True)
        _make(folder, log, interpreter)
        _install(folder, extras, log)
        stamp = {"fingerprint": _fingerprint(), "extras": sorted(extras),
                 "python": _interpreter(folder)}
        partial = folder / (STAMP + ".partial")
        partial.write_text(json.dumps(stamp) + "\n")
        partial.replace(folder / STAMP)
    return True


def _refuse_foreign_folder(folder: Path) -> None:
    if not folder.is_dir() or (folder / "pyvenv.cfg").exists():
        return
    if any(entry.name != LOCK for entry in folder.iterdir()):
        raise CommandError(
            f"{folder} (CRDS_STACK) is not empty and is no Python environment."
            f" Set CRDS_STACK to a new folder, or unset it to use .venv in the checkout.")


def _make(folder: Path, log: Path, interpreter: str) -> None:
    """Create the environment, or mend one that was left half made."""
    python = folder / "bin" / "python"
    if _works(python, "-c", "import sys; sys.exit(sys.version_info < (3, 11))") and (
            _works(python, "-m", "pip", "--version") or _works(python, "-m", "ensurepip")):
        return
    if not _works(interpreter, "-c", "import venv, ensurepip"):
        debian.install_venv(log, interpreter)
    say(f"Making the Python environment {folder} ...")
    # venv's own --clear would remove the lock that is held on this folder.
    for entry in folder.iterdir():
        if entry.name != LOCK:
            shutil.rmtree(entry) if entry.is_dir() and not entry.is_symlink() else entry.unlink()
    _run([interpreter, "-I", "-m", "venv", str(folder)], log,
         f"The Python environment {folder} could not be made")


def _install(folder: Path, extras: set[str], log: Path) -> None:
    names = f" with {', '.join(sorted(extras))}" if extras else ""
    say(f"Installing Python packages{names} (a few minutes the first time) ...")
    _run(
        [str(folder / "bin" / "python"), "-m", "pip", "install", "--no-input",
         "--disable-pip-version-check", "--progress-bar", "off",
         "--constraint", str(LOCK_FILE), *requirements(extras)],
        log, "Python packages could not be installed",
    )


def _pip_environment() -> dict[str, str]:
    """Variables of the caller, without those that would lead pip into another environment."""
    outside = ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", "PIP_TARGET", "PIP_PREFIX", "PIP_USER")
    return {k: v for k, v in os.environ.items() if k not in outside}


def _works(python, *arguments: str) -> bool:
    try:
        return subprocess.run(
            [str(python), "-I", *arguments], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL, timeout=120, check=False).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False


def _run(command: list[str], log: Path, problem: str) -> None:
    """Run ``command`` with its output in ``log``; an error shows the end of it."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with open(log, "ab") as output:
        status = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=output,
                                stderr=subprocess.STDOUT, env=_pip_environment(),
                                check=False).returncode
    if status:
        raise CommandError(
            f"{problem} (exit status {status}). The end of {log}:\n{last_lines(log)}"
            f"Mend what it names (network, disk space, compiler) and run the command again;"
            f" it goes on where it stopped.")


def extras_of(instance, database: str = "sqlite") -> set[str]:
    """Extras that an instance needs: its observatory's, its servers', those it configures."""
    extras = {instance.observatory}
    if instance.usecase != "django":
        extras.add("production")
    elif database == "mariadb":
        extras.add("mariadb")
    # At its first install there is no configuration yet.
    if (instance.conf / "site_config.py").is_file() and getattr(instance.site, "OIDC_ISSUER", ""):
        extras.add("oidc")
    return extras
