"""Scratch instances of the server: folders, databases, content, and the server as ./run starts it.

Everything lies in a temporary folder and is removed at the end; running servers
and their data are never touched.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bootstrap import BENCHMARKS, CHECKOUT, SOURCES

from control import django as management
from control import install, layout
from control.checkout import config, instance_environment
from tests.live import LiveServer

#: Variables that lead to a live instance and must not reach a scratch one.
PLACES = ("CRDS", "CRDS_ROOT", "CRDS_PROJECT", "CRDS_USECASE", "CRDS_SERVER", "CRDS_IFS",
          "CRDS_PORT", "CRDS_PLAIN_PORT", "CRDS_BACKUP_PORT", "CRDS_ENV",
          *config.FOLDER_VARIABLES.values())


def real_cache() -> Path | None:
    """The real CRDS cache of ``CRDS_TEST_DATA`` (default ``../shared/data``), if it is there."""
    data = Path(os.environ.get("CRDS_TEST_DATA") or CHECKOUT.parent / "shared" / "data")
    cache = data / "crds-cache"
    return cache if (cache / "mappings" / "hst").is_dir() else None


@contextmanager
def scratch(observatory: str = "hst", databases: str = "") -> Iterator[config.Instance]:
    """An installed instance of the django use case without content; removed afterwards.

    ``databases`` is the text of its ``crds_database.py``, if that is not to be SQLite.
    """
    for name in PLACES:
        os.environ.pop(name, None)
    root = Path(tempfile.mkdtemp(prefix="crds-benchmark-"))
    try:
        instance = config.find_instance(observatory, "django", {"CRDS_ROOT": str(root)})
        layout.make(instance)
        install.configure(instance, "sqlite")
        if databases:
            (instance.conf / "crds_database.py").write_text(databases)
            instance.__dict__.pop("databases", None)
        for alias in ("default", "archive"):
            manage(instance, "migrate", "--noinput", f"--database={alias}")
        manage(instance, "collectstatic", "--noinput")
        yield instance
    finally:
        shutil.rmtree(root, ignore_errors=True)


def manage(instance: config.Instance, *arguments: str) -> None:
    """Run a management command; an error shows the end of its output."""
    management.call(instance, *arguments, log=instance.logs / "benchmark.log")


def fill(instance: config.Instance) -> str:
    """Give ``instance`` the real catalogue, else the demonstration's; what it is, for people."""
    cache = real_cache()
    if cache is None:
        manage(instance, "load_demo")
        return "demonstration content (the real cache is not there: set CRDS_TEST_DATA)"
    manage(instance, "import_cache", str(cache))
    return f"the real {instance.observatory} cache"


class Server(LiveServer):
    """The web server of a scratch instance, with the same configuration as ./run uses.

    One view is added, ``/benchmark/empty/``, which answers JSON without asking anything.
    """

    def __init__(self, instance: config.Instance):
        super().__init__(instance.root, instance.observatory)
        self.instance = instance

    def environment(self) -> dict[str, str]:
        env = {**instance_environment(self.instance), **super().environment()}
        env.update(DJANGO_SETTINGS_MODULE="empty_view.settings",
                   PYTHONPATH=os.pathsep.join([str(SOURCES), str(BENCHMARKS)]))
        return env

    def workers(self) -> list[int]:
        """Process ids of the processes that answer requests."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        return [int(pid) for pid in children.read_text().split()]

    def processor_seconds(self) -> float:
        """Processor time of all workers so far."""
        ticks = 0
        for pid in self.workers():
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            ticks += int(fields[11]) + int(fields[12])
        return ticks / os.sysconf("SC_CLK_TCK")

    def resident(self) -> int:
        """Resident bytes of all workers together."""
        pages = sum(int(Path(f"/proc/{pid}/statm").read_text().split()[1])
                    for pid in self.workers())
        return pages * os.sysconf("SC_PAGE_SIZE")


def supported() -> None:
    """Leave with a message on systems without the files of /proc that are read here."""
    if not Path("/proc/self/statm").exists():
        sys.exit("These benchmarks read /proc and run on Linux only.")
