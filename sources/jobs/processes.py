"""What Linux knows about processes: who lives, who dies with whom."""

from __future__ import annotations

import contextlib
import ctypes
import functools
import os
import select
import signal
import socket

import psutil

#: In the environment of a job's processes, children of the child included: ``id:attempt``.
MARK = "CRDS_JOB"

_PR_SET_PDEATHSIG = 1


@functools.lru_cache(maxsize=4)
def _identity(pid: int) -> str:
    return f"{socket.gethostname()}:{pid}:{psutil.Process(pid).create_time():.2f}"


def identity() -> str:
    """``host:pid:start time``: names this process, also after its pid was given to another."""
    return _identity(os.getpid())


def die_with_parent(parent: int, death_signal: int = signal.SIGKILL) -> None:
    """Have the kernel send ``death_signal`` to this process when process ``parent`` ends."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_PDEATHSIG, int(death_signal), 0, 0, 0):
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
    if os.getppid() != parent:
        # It ended before the kernel knew of the wish.
        os.kill(os.getpid(), death_signal)


def bind_forks() -> None:
    """From now on every process that this one forks dies with its parent, and so on down."""
    parent = [os.getpid()]

    def before():
        parent[0] = os.getpid()

    os.register_at_fork(before=before, after_in_child=lambda: die_with_parent(parent[0]))


def wait(pid: int, seconds: float) -> bool:
    """Whether the child ``pid`` ends within ``seconds``; sleeps without polling."""
    descriptor = os.pidfd_open(pid)
    try:
        return bool(select.select([descriptor], [], [], max(0, seconds))[0])
    finally:
        os.close(descriptor)


def kill_group(leader: int) -> None:
    """Kill the process group of ``leader`` at once."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(leader, signal.SIGKILL)


def mark(job, attempt: int) -> str:
    return f"{job}:{attempt}"


def kill_marked(job, attempts: range) -> int:
    """Kill the processes of these attempts at ``job`` on this machine; returns how many.

    Finds also those that made themselves a session of their own.
    """
    wanted = {mark(job, attempt) for attempt in attempts}
    count = 0
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            if process.pid != os.getpid() and process.environ().get(MARK) in wanted:
                process.kill()
                count += 1
    return count
