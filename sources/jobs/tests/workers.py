"""Real worker processes on the database of the running test."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
from django.conf import settings
from django.db import connections

SETTINGS = """
from settings.testing import *
for alias, name in {names!r}.items():
    DATABASES[alias] = {{**DATABASES[alias], "NAME": name}}
JOB_MODULES = ["jobs.tests.kinds"]
JOB_TIMES = {times!r}
"""

#: Short, so that tests of what happens when they are over take seconds.
TIMES = {
    "lease": 3, "renew": 0.5, "tick": 0.2, "watch": 0.5, "wake_after": 1, "starved_after": 4,
    "cancel_grace": 1, "stop_grace": 1, "retry_delay": 0.5,
}


def wait_until(condition, seconds: float = 30):
    """The value of ``condition()`` once it is true; fails the test after ``seconds``."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < deadline, f"not within {seconds} s"
        time.sleep(0.05)


def alive(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


class WorkerProcess:
    """``run_worker`` as a process of its own; its output goes to a file in ``folder``."""

    def __init__(self, folder: Path, **times):
        names = {alias: connections[alias].settings_dict["NAME"] for alias in connections}
        (folder / "worker_settings.py").write_text(
            SETTINGS.format(names={k: str(v) for k, v in names.items()},
                            times={**TIMES, **times}))
        self.environment = {
            **os.environ, "DJANGO_SETTINGS_MODULE": "worker_settings",
            "PYTHONPATH": f"{folder}{os.pathsep}{settings.SOURCES}",
        }
        self.output = folder / "worker.log"
        self.process: subprocess.Popen | None = None
        self.seen: set[int] = set()

    def start(self) -> WorkerProcess:
        with open(self.output, "ab") as output:
            self.process = subprocess.Popen(
                [sys.executable, str(settings.SOURCES / "manage.py"), "run_worker"],
                env=self.environment, stdout=output, stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL)
        wait_until(self.pool)
        return self

    @property
    def pid(self) -> int:
        return self.process.pid

    def sentinel(self) -> int | None:
        with contextlib.suppress(psutil.NoSuchProcess):
            for child in psutil.Process(self.pid).children():
                return child.pid
        return None

    def pool(self) -> list[int]:
        """Pids below the sentinel once all four are there: two for jobs, monitor, pusher."""
        sentinel = self.sentinel()
        with contextlib.suppress(psutil.NoSuchProcess):
            children = [p.pid for p in psutil.Process(sentinel).children()] if sentinel else []
            if len(children) >= 4:
                self.tree()
                return children
        return []

    def tree(self) -> set[int]:
        """Every process of the worker, itself included."""
        with contextlib.suppress(psutil.NoSuchProcess):
            me = psutil.Process(self.pid)
            self.seen |= {me.pid, *(p.pid for p in me.children(recursive=True))}
        return self.seen

    def kill(self) -> None:
        """As the power switch would: no time to tidy up."""
        self.tree()
        self.process.kill()
        self.process.wait()

    def stop(self, seconds: float = 20) -> int:
        self.tree()
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(seconds)

    def close(self) -> None:
        if self.process and self.process.poll() is None:
            self.kill()
        wait_until(lambda: not any(alive(pid) for pid in self.seen), 10)
