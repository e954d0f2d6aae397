"""./runtests: the tests, in an instance of their own."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path

from . import debian, install, labels, layout, packages
from .checkout import (
    CHECKOUT,
    PROJECT_FILE,
    SOURCES,
    choose_instance,
    config,
    instance_environment,
    python,
    stack,
)
from .console import CommandError, say, warn

USAGE = """\
usage: ./runtests [--yes-this-is-ops] [LABEL ...] [PYTEST OPTION ...]

Run the tests, all of them or those that are named:
  ./runtests interactive.tests.Hst.test_index     dotted label
  ./runtests interactive                          all tests of a package
  ./runtests sources/tests/test_commands.py::test_help -x -k word
Options are those of pytest. The tests have an instance of their own in a temporary folder;
running servers are not touched. As root on Debian missing system packages are installed;
otherwise they are named and their tests skipped. With CI=true a missing service is an error.
On a machine whose last install is ops the command refuses without --yes-this-is-ops.
"""

#: Extras that the tests of every observatory need.
EXTRAS = {"test", "jwst", "roman", "hst", "tobs"}


def main(arguments: list[str]) -> int:
    if "-h" in arguments or "--help" in arguments:
        say(USAGE)
        return 0
    _refuse_on_ops("--yes-this-is-ops" in arguments)
    arguments = [argument for argument in arguments if argument != "--yes-this-is-ops"]
    chosen = labels.translate(arguments, SOURCES, [Path.cwd(), CHECKOUT, SOURCES])
    strict = os.environ.get("CI", "").lower() in ("1", "true", "yes")
    root = Path(tempfile.mkdtemp(prefix="crds-tests-"))
    try:
        return _run(root, chosen, strict)
    finally:
        shutil.rmtree(root, ignore_errors=True)


def _refuse_on_ops(agreed: bool) -> None:
    instance = choose_instance()
    if instance.usecase == "ops" and not agreed:
        raise CommandError(
            f"The instance here is {instance.name} ({instance.root}). Tests load the machine of"
            f" an operational server; add --yes-this-is-ops if that is meant.")


def _run(root: Path, arguments: list[str], strict: bool) -> int:
    log = root / "environment.log"
    _system_packages(log, strict)
    instance = _instance(root / "instance", log, strict)
    environ = instance_environment(instance)
    environ["DJANGO_SETTINGS_MODULE"] = "settings.testing"
    environ.setdefault("CRDS_TEST_DATA", str(CHECKOUT.parent / "shared" / "data"))
    if strict:
        environ["CRDS_REQUIRE_SERVICES"] = "1"
    if _names_tests(arguments):
        return _pytest(instance, environ, arguments)
    status = _pytest(instance, environ, [*_side_by_side(arguments), *arguments, *_everything()])
    if status == 0 and debian.can_build_mysqlclient():
        say("Once more on MariaDB: the tests that use the database of the test run.")
        environ["CRDS_TEST_DATABASE"] = "mariadb"
        status = _pytest(instance, environ, [*_side_by_side(arguments), *arguments, *_apps()])
    return status


def _side_by_side(arguments: list[str]) -> list[str]:
    """Options that spread the tests over processes, a module at a time, in the given order.

    Two at least: many tests wait for a server, a worker or a browser, and not for a processor.
    """
    if any(option.startswith(("-n", "--numprocesses", "--pdb")) for option in arguments):
        return []
    processes = max(2, min(4, os.cpu_count() or 1))
    return [f"-n{processes}", "--dist=loadfile", "--no-loadscope-reorder"]


def _everything() -> list[str]:
    """All folders with tests; those of the whole server first, whose modules take longest."""
    apps = sorted(str(folder) for folder in SOURCES.glob("*/tests"))
    return [str(SOURCES / "tests"), *apps]


def _pytest(instance, environ: dict, arguments: list[str]) -> int:
    command = [
        str(python(instance)), "-m", "pytest", "-c", str(PROJECT_FILE), f"--rootdir={SOURCES}",
        "-o", f"cache_dir={CHECKOUT / '.pytest_cache'}", *arguments,
    ]
    return _attend(subprocess.Popen(command, cwd=SOURCES, env=environ))


def _names_tests(arguments: list[str]) -> bool:
    """Whether ``arguments`` choose tests instead of leaving it at all."""
    return any(not argument.startswith("-") for argument in arguments)


def _apps() -> list[str]:
    """Folders of the apps: they alone have tables."""
    return sorted(str(path.parent) for path in SOURCES.glob("*/apps.py"))


def _attend(process: subprocess.Popen) -> int:
    """Wait for pytest; ctrl-C reaches it by itself, a SIGTERM is handed on."""
    signal.signal(signal.SIGTERM, lambda *_: process.send_signal(signal.SIGINT))
    while True:
        try:
            return process.wait()
        except KeyboardInterrupt:
            continue


def _system_packages(log: Path, strict: bool) -> None:
    missing = debian.missing_test_packages()
    if not missing:
        return
    if debian.is_debian() and os.geteuid() == 0:
        debian.install(missing, log)
        return
    text = (f"These system packages are missing: {' '.join(missing)}."
            f" As root: apt-get install {' '.join(missing)}")
    if strict:
        raise CommandError(text)
    warn(f"{text}\nTests that need them are skipped.")


def _instance(root: Path, log: Path, strict: bool):
    """A scratch instance: folders and configuration; the tests make its databases."""
    # Places of a live instance must not reach the tests, the Python environment may.
    for name in ("CRDS", "CRDS_ROOT", "CRDS_PROJECT", "CRDS_USECASE", "CRDS_SERVER",
                 "CRDS_IFS", *config.FOLDER_VARIABLES.values(), "CRDS_PORT",
                 "CRDS_PLAIN_PORT", "CRDS_BACKUP_PORT", "CRDS_AFFECTED_DATASETS_RECIPIENTS"):
        os.environ.pop(name, None)
    instance = config.find_instance("hst", "django", {"CRDS_ROOT": str(root)})
    packages.prepare(stack(instance), EXTRAS | _database_extra(strict), log)
    layout.make(instance)
    install.configure(instance, "sqlite")
    return instance


def _database_extra(strict: bool) -> set[str]:
    """mysqlclient is built from source: only where its headers are."""
    if debian.can_build_mysqlclient():
        return {"mariadb"}
    if strict:
        raise CommandError(
            "mysqlclient cannot be built: a C compiler, pkg-config, the headers of Python and of"
            " MariaDB are needed. As root: apt-get install gcc pkg-config python3-dev"
            " libmariadb-dev")
    warn("Tests on MariaDB are skipped: mysqlclient cannot be built without a C compiler,"
         " pkg-config and the headers of Python and MariaDB.")
    return set()
