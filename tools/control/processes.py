"""Long-running processes: started detached, known by pid files, stopped with all children.

A pid alone does not name a process: pids are used again.  A pid file holds the
pid, the moment the process started (clock ticks since boot) and the boot it
belongs to; a process that differs in any of them is somebody else's.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from . import unixuser
from .console import CommandError

PROC = Path("/proc")
LAUNCH = Path(__file__).with_name("launch.py")


@dataclass(frozen=True)
class Process:
    """One running process: ``start`` tells it from others that had or will have its pid."""

    pid: int
    start: str

    def alive(self) -> bool:
        return _start(self.pid) == self.start

    def signal(self, number: int) -> None:
        """Send a signal; nothing happens if the process is gone."""
        try:
            if self.alive():
                os.kill(self.pid, number)
        except ProcessLookupError:
            pass
        except PermissionError as exc:
            raise CommandError(
                f"Process {self.pid} belongs to another user. Run the command as that user."
            ) from exc


def _boot() -> str:
    try:
        return (PROC / "sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return "-"


def _stat(pid: int) -> list[str] | None:
    """The fields of /proc/PID/stat after the program's name: state, parent, group, session ..."""
    try:
        text = (PROC / str(pid) / "stat").read_text()
    except OSError:
        return None
    return text.rpartition(")")[2].split()


def _start(pid: int) -> str | None:
    """When ``pid`` started, None if it does not run; a zombie does not run."""
    if PROC.joinpath("self/stat").exists():
        fields = _stat(pid)
        return None if fields is None or fields[0] in "ZX" else fields[19]
    answer = subprocess.run(["ps", "-o", "lstart=", "-p", str(pid)],
                            capture_output=True, text=True, check=False)
    return "-".join(answer.stdout.split()) or None


def describe_self() -> str:
    """Content of the pid file of this process."""
    return f"{os.getpid()} {_start(os.getpid())} {_boot()}\n"


def read(pid_file: Path) -> Process | None:
    """The process that ``pid_file`` names, None unless exactly that process runs."""
    try:
        pid, start, boot = pid_file.read_text().split()
        process = Process(int(pid), start)
    except (OSError, ValueError):
        return None
    return process if boot == _boot() and process.alive() else None


def start(pid_file: Path, log: Path, command: list[str], environ: dict, folder: Path, *,
          interpreter: Path | str = sys.executable, user: str | None = None) -> Process:
    """Start ``command`` in a session of its own, with no terminal and its output in ``log``.

    ``interpreter`` runs the launcher, as ``user`` if root asks for one.  Raises CommandError if
    it does not even get as far as writing its pid file.
    """
    pid_file.unlink(missing_ok=True)
    child = subprocess.Popen(
        [str(interpreter), "-I", str(LAUNCH), str(pid_file), str(log), *command],
        cwd=folder, env=environ, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL, start_new_session=True, **unixuser.identity(user),
    )
    _children.append(child)
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and child.poll() is None:
        process = read(pid_file)
        if process and process.pid == child.pid:
            return process
        time.sleep(0.02)
    if child.poll() is None:
        child.kill()
    raise CommandError(f"{command[0]} could not be started; see {log}.")


#: Children of this command, kept so that those that end are reaped.
_children: list[subprocess.Popen] = []


def reap() -> None:
    for child in _children:
        child.poll()


def family(leader: Process) -> set[Process]:
    """``leader``, its descendants, and what else runs in its session."""
    members = {leader}
    if not PROC.joinpath("self/stat").exists():
        return members
    table = {}
    for entry in PROC.iterdir():
        fields = _stat(int(entry.name)) if entry.name.isdigit() else None
        if fields and fields[0] not in "ZX":
            table[int(entry.name)] = (int(fields[1]), int(fields[3]), fields[19])
    found = {leader.pid}
    grown = True
    while grown:
        grown = False
        for pid, (parent, session, _) in table.items():
            if pid not in found and (parent in found or session == leader.pid):
                found.add(pid)
                grown = True
    return members | {Process(pid, table[pid][2]) for pid in found if pid in table}


def wait_gone(members: Iterable[Process], seconds: float) -> list[Process]:
    """Wait until ``members`` are gone; those that still run after ``seconds``."""
    deadline = time.monotonic() + seconds
    while True:
        reap()
        left = [process for process in members if process.alive()]
        if not left or time.monotonic() > deadline:
            return left
        time.sleep(0.05)


def stop(pid_file: Path, seconds: float, number: int = signal.SIGTERM) -> str:
    """End the process of ``pid_file`` and all it started; how it went, for people.

    It is asked first, by the signal ``number``, and has ``seconds`` to finish; then it is killed.
    """
    leader = read(pid_file)
    if leader is None:
        pid_file.unlink(missing_ok=True)
        return "was not running"
    members = family(leader)
    leader.signal(number)
    how = "stopped"
    if wait_gone([leader], seconds):
        members |= family(leader)
        leader.signal(signal.SIGKILL)
        how = f"killed after {seconds:.0f} seconds"
    members |= _session(leader)
    for process in members - {leader}:
        process.signal(signal.SIGTERM)
    for process in wait_gone(members, 5):
        process.signal(signal.SIGKILL)
    left = wait_gone(members, 10)
    if left:
        raise CommandError(
            f"Process {left[0].pid} does not end, not even when killed (it may wait for a disk).")
    pid_file.unlink(missing_ok=True)
    return how


def _session(leader: Process) -> set[Process]:
    """Members of the session of ``leader``, which may be gone itself."""
    return family(leader) - {leader}
