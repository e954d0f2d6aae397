"""The child process of a job: guard, limits, the function, and its result.

Two processes: the guard, leader of a process group of its own, only waits; the
job proper is its child.  When the worker dies the kernel tells the guard, which
kills the group: the job and whatever that started.
"""

from __future__ import annotations

import contextlib
import os
import resource
import signal
import sys
import time
import traceback

from django.db import InterfaceError, OperationalError, close_old_connections

from common.errors import ServiceError
from jpoll.services import ChannelAborted

from . import kinds, leases, processes
from .context import JobCancelled, JobContext, JobEnded
from .models import Job, JobState

#: Exit status that asks for another attempt later (EX_TEMPFAIL of sysexits.h).
TRY_LATER = 75

#: Exit status of a child that was given up.
GIVEN_UP = 76

#: Seconds for which a result waits for a database that does not answer.
PATIENCE = 300

ERROR_LENGTH = 2000


# ---- guard --------------------------------------------------------------


def guard(worker: int) -> None:
    """Split in two; returns in the child that is to do the job.  ``worker`` is our parent's pid."""
    signal.signal(signal.SIGTERM, lambda *_: processes.kill_group(0))
    processes.die_with_parent(worker, signal.SIGTERM)
    me = os.getpid()
    child = os.fork()
    if child:
        _wait_and_end_alike(child)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    processes.die_with_parent(me)


def _wait_and_end_alike(child: int) -> None:
    _, status = os.waitpid(child, 0)
    code = os.waitstatus_to_exitcode(status)
    if code < 0:
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        with contextlib.suppress(OSError):
            # Refused for SIGKILL, which nobody can have changed.
            signal.signal(-code, signal.SIG_DFL)
        os.kill(os.getpid(), -code)
    os._exit(code)


def set_limits(job: Job) -> None:
    """Limit memory and processor time of this process and those it starts.

    Memory is what a process can write to (RLIMIT_DATA): mapped files do not
    count.  The worker keeps the time by the clock; processor time is for the
    case that the worker hangs.
    """
    memory = job.memory_limit * 1024 * 1024
    resource.setrlimit(resource.RLIMIT_DATA, (memory, memory))
    seconds = job.time_limit * (os.cpu_count() or 1) + 60
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


# ---- job ----------------------------------------------------------------


def run(job: Job) -> int:
    """Run ``job``, write down how it ended; returns the exit status."""
    try:
        kind = kinds.find(job.kind)
        result = kind.run(JobContext(job), **job.parameters)
        end = (JobState.DONE, {"result": result})
    except (JobCancelled, ChannelAborted):
        end = (JobState.CANCELLED, {"error": "Cancelled."})
    except JobEnded:
        print("Given up: another worker has taken the job over.", file=sys.stderr)
        return GIVEN_UP
    except (OperationalError, InterfaceError):
        traceback.print_exc()
        return TRY_LATER
    except MemoryError:
        traceback.print_exc()
        end = (JobState.FAILED, {"error": memory_error(job)})
    except BaseException as exc:
        traceback.print_exc()
        end = (JobState.FAILED, {"error": readable(exc)})
    return _write_down(job, *end)


def readable(exc: BaseException) -> str:
    """What people are told about ``exc``; the traceback stays in the log."""
    if isinstance(exc, ServiceError):
        return exc.message[:ERROR_LENGTH]
    text = f"{type(exc).__name__}: {exc}" if str(exc) else type(exc).__name__
    return text[:ERROR_LENGTH]


def memory_error(job: Job) -> str:
    return f"It needed more than the {job.memory_limit} MB of memory that it may use."


def _write_down(job: Job, state: JobState, outcome: dict) -> int:
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            return 0 if leases.finish(job, state, **outcome) else GIVEN_UP
        except (OperationalError, InterfaceError):
            # Hours of work should not be lost for a database that restarts.
            traceback.print_exc()
            if time.monotonic() > deadline:
                return TRY_LATER
            time.sleep(1)
            close_old_connections()
        except (TypeError, ValueError) as exc:
            state, outcome = JobState.FAILED, {
                "error": f"Its result cannot be stored: {readable(exc)}"}
