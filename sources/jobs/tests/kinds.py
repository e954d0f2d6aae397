"""Jobs for tests: each does one thing that may go well or badly.

They meet the test through files: what a job writes says how far it got, and
some wait until the test writes ``go``.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from common.errors import BadRequest
from jobs import kept
from jobs.kinds import job_kind


def _note(folder: str, name: str, text) -> None:
    temporary = Path(folder) / f".{name}.{os.getpid()}"
    temporary.write_text(str(text))
    temporary.rename(Path(folder) / name)


def _wait_for(path: Path, context=None) -> None:
    while not path.exists():
        if context:
            context.progress(0, 1)
        time.sleep(0.02)


@job_kind("test_add", title="Add")
def add(context, one, two=1):
    print("adding in the log")
    context.progress(1, 2, "half way")
    return {"sum": one + two, "pid": os.getpid()}


@job_kind("test_record")
def record(context, folder):
    """Leaves one file for each time that it ran."""
    _note(folder, f"{context.id}.{context.attempt}", os.getpid())
    return None


@job_kind("test_hold", max_attempts=3)
def hold(context, folder):
    """Runs until told to go on; never looks at the database."""
    _note(folder, f"attempt{context.attempt}", os.getpid())
    _wait_for(Path(folder) / "go")
    return {"attempt": context.attempt}


@job_kind("test_hold_once", max_attempts=1)
def hold_once(context, folder):
    return hold(context, folder)


@job_kind("test_stale")
def stale(context, folder):
    """Notes whether it may still write after the test let somebody take the job."""
    _note(folder, "started", os.getpid())
    _wait_for(Path(folder) / "go")
    with context.transaction():
        _note(folder, "wrote", "yes")


@job_kind("test_polite")
def polite(context, folder):
    """Notes that it learned of its cancellation."""
    _note(folder, "started", os.getpid())
    try:
        _wait_for(Path(folder) / "go", context)
    finally:
        _note(folder, "tidied", "yes")


@job_kind("test_family", max_attempts=2)
def family(context, folder):
    """Has a child, and one that leaves the session."""
    sleep = [sys.executable, "-c", "import time; time.sleep(600)"]
    child = subprocess.Popen(sleep)
    runaway = subprocess.Popen(sleep, start_new_session=True)
    _note(folder, f"family{context.attempt}", f"{os.getpid()} {child.pid} {runaway.pid}")
    _wait_for(Path(folder) / "go")
    child.kill()
    runaway.kill()


@job_kind("test_die", max_attempts=2)
def die(context):
    os.kill(os.getpid(), signal.SIGKILL)


@job_kind("test_exit", max_attempts=1)
def leave(context):
    os._exit(3)


@job_kind("test_eat", memory_limit=400)
def eat(context, megabytes):
    return len(bytearray(megabytes * 1024 * 1024))


@job_kind("test_slow", time_limit=1)
def slow(context):
    time.sleep(60)


@job_kind("test_refuse")
def refuse(context):
    raise BadRequest("The file has no header. Add one and submit it again.")


@job_kind("test_crash")
def crash(context):
    raise KeyError("lost")


@job_kind("test_unstorable")
def unstorable(context):
    return {"value": object()}


@job_kind("test_talk")
def talk(context, folder=None):
    context.log("Starting.")
    context.log("Careful.", "warning")
    if folder:
        _note(folder, "started", "")
        while True:
            context.log("still here")
            time.sleep(0.05)
    return {"ready_url": "/display_result/7"}


@kept.maker("test_kept", version=1, title="Kept")
def make_kept(context, folder, text, fail=False):
    (folder / "picture.txt").write_text(text)
    if fail:
        raise BadRequest(text)
    kept.write_json(folder / "result.json", {"text": text})
