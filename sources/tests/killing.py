"""Running something in a process that is killed at a chosen point, as a power cut would end it."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Callable
from pathlib import Path

from django.db import connections

from common import faultpoints


def killed_at(point: str, act: Callable[[], object]) -> bool:
    """Run ``act`` in a process of its own that dies at ``point``; whether it got there.

    For tests that commit (``transaction=True``).  An error of ``act`` itself is raised here.
    """
    return _run(act, {faultpoints.POINT: point}) == 9


def points_of(act: Callable[[], object], folder: Path) -> list[str]:
    """The points that ``act``, which is run, reaches, in order."""
    trace = folder / "points"
    _run(act, {faultpoints.TRACE: str(trace)})
    return trace.read_text().split("\n")[:-1] if trace.exists() else []


def _run(act: Callable[[], object], environment: dict[str, str]) -> int:
    """The signal that ended ``act``, 0 for none."""
    # A connection must not be shared by two processes.
    connections.close_all()
    child = os.fork()
    if child == 0:
        code = 1
        try:
            faultpoints.forget()
            os.environ.update(environment)
            act()
            connections.close_all()
            code = 0
        except BaseException:
            traceback.print_exc()
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)
    status = os.waitpid(child, 0)[1]
    if os.WIFEXITED(status) and os.WEXITSTATUS(status):
        raise AssertionError("The act failed in its own process; its traceback is above.")
    return os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0
