"""The process that has the library loaded and splits off one process for each file.

Started as ``python -m rules.certifying.zygote``.  It never looks at a submitted file itself.
Tasks come as lines of JSON on the standard input, outcomes go as lines of JSON to the descriptor
that the environment names; the end of the input, or of the parent, ends everything.
"""

from __future__ import annotations

import contextlib
import json
import os
import resource
import selectors
import signal
import sys
import time
from dataclasses import dataclass, field

from jobs.processes import die_with_parent

#: Seconds between looks at the time and memory that the processes take.
WATCH = 0.05

MEGABYTE = 1024 * 1024

#: Exit status of a process that was denied memory.
NO_MEMORY = 77

#: The largest file that a check may write, in bytes; none writes more than notes.
WRITE_LIMIT = 64 * MEGABYTE

#: Characters of what programs said besides the library's messages.
NOISE_LIMIT = 4000


@dataclass
class Running:
    """One process at work on one task."""

    task: dict
    pid: int
    started: float
    reader: int
    noise: int
    received: bytearray = field(default_factory=bytearray)
    killed_for: str = ""


class Zygote:
    """Keeps at most ``processes`` at work, and each within its limits."""

    def __init__(self, settings: dict, output: int):
        self.settings = settings
        self.output = output
        self.waiting: list[dict] = []
        self.running: dict[int, Running] = {}
        self.selector = selectors.DefaultSelector()
        self.unread = bytearray()
        self.open = True
        self.own_memory = self.own_data = 0

    def load(self) -> None:
        """Import the library and load the context, for all processes to come."""
        from rules import environment

        environment.prepare(self.settings["observatory"], self.settings["cache"])
        _import(self.settings["observatory"])
        if self.settings["context"]:
            import crds

            crds.get_pickled_mapping(self.settings["context"], ignore_checksum="warn")
        self.own_memory = _memory(os.getpid())
        self.own_data = _memory(os.getpid(), "VmData:")
        self.say({"ready": True})

    def serve(self) -> None:
        os.set_blocking(0, False)
        self.selector.register(0, selectors.EVENT_READ)
        try:
            while self.open or self.waiting or self.running:
                self._start_waiting()
                for key, _ in self.selector.select(WATCH if self.running else None):
                    if key.fd == 0:
                        self._listen()
                    else:
                        self._receive(self.running[key.fd])
                self._watch()
        finally:
            for running in self.running.values():
                _kill(running.pid)

    def say(self, message: dict) -> None:
        data = json.dumps(message).encode() + b"\n"
        while data:
            data = data[os.write(self.output, data):]

    # ---- tasks

    def _listen(self) -> None:
        data = os.read(0, 65536)
        if not data:
            # Nobody is there to hear the outcomes.
            self.open = False
            self.selector.unregister(0)
            self.waiting.clear()
            for running in self.running.values():
                _kill(running.pid)
            return
        self.unread += data
        *lines, self.unread = self.unread.split(b"\n")
        self.waiting += [json.loads(line) for line in lines]

    def _start_waiting(self) -> None:
        while self.waiting and len(self.running) < self.settings["processes"]:
            self._start(self.waiting.pop(0))

    def _start(self, task: dict) -> None:
        reader, writer = os.pipe()
        noise = os.memfd_create("noise")
        me = os.getpid()
        pid = os.fork()
        if pid == 0:
            _in_process(task, self.settings | {"own_data": self.own_data}, me, writer, noise,
                        [reader, self.output])
        os.close(writer)
        os.set_blocking(reader, False)
        self.running[reader] = Running(task, pid, time.monotonic(), reader, noise)
        self.selector.register(reader, selectors.EVENT_READ)

    # ---- outcomes

    def _receive(self, running: Running) -> None:
        with contextlib.suppress(BlockingIOError):
            while data := os.read(running.reader, 1 << 20):
                running.received += data
            self._end(running)

    def _end(self, running: Running) -> None:
        self.selector.unregister(running.reader)
        del self.running[running.reader]
        os.close(running.reader)
        # What the process started may live on; it has a session of its own.
        _kill(running.pid)
        _, status = os.waitpid(running.pid, 0)
        self.say(self._outcome(running, os.waitstatus_to_exitcode(status)))
        os.close(running.noise)

    def _outcome(self, running: Running, code: int) -> dict:
        outcome: dict = {"task": running.task["task"], "records": [],
                         "seconds": time.monotonic() - running.started}
        for line in bytes(running.received).split(b"\n"):
            with contextlib.suppress(ValueError):  # the last line of a process that was killed
                message = json.loads(line)
                if "record" in message:
                    outcome["records"].append(message["record"])
                else:
                    outcome |= message
        if not outcome.get("done"):
            memory = code == NO_MEMORY and "memory"
            outcome["ended"] = running.killed_for or memory or "crash"
            outcome["code"] = code
            size = os.lseek(running.noise, 0, os.SEEK_END)
            noise = os.pread(running.noise, NOISE_LIMIT, max(0, size - NOISE_LIMIT))
            outcome["noise"] = noise.decode(errors="replace")
        return outcome

    # ---- limits

    def _watch(self) -> None:
        now = time.monotonic()
        for running in list(self.running.values()):
            if running.killed_for:
                continue
            if now - running.started > self.settings["time_limit"]:
                running.killed_for = "time"
            elif self._too_large(running.pid):
                running.killed_for = "memory"
            if running.killed_for:
                _kill(running.pid)

    def _too_large(self, pid: int) -> bool:
        """Whether a process took too much memory beside what it was split off with."""
        return _memory(pid) - self.own_memory > self.settings["memory_limit"] * MEGABYTE


def _import(observatory: str) -> None:
    """Everything that a check of this observatory uses."""
    import importlib

    from astropy.utils import iers

    iers.conf.auto_download = False
    for module in ("crds.certify.certify", "crds.io.fits", "crds.io.asdf", "crds.io.geis",
                   "crds.io.json", "crds.io.yaml", "yaml", "astropy.table", "rules.reading",
                   "rules.certifying.checks"):
        importlib.import_module(module)
    _make_parser()
    # Absent data models are found by the checks themselves, which say so.
    with contextlib.suppress(ImportError):
        importlib.import_module(f"crds.{observatory}.locate")
        if observatory == "jwst":
            importlib.import_module("stdatamodels.jwst.datamodels")


def _make_parser() -> None:
    """The parser of rules takes longer to make than to use."""
    import parsley
    from crds.certify import mapping_parser
    from crds.core import selectors

    mapping_parser.MAPPING_PARSER = parsley.makeGrammar(
        mapping_parser.MAPPING_GRAMMAR, selectors.SELECTORS)


def _memory(pid: int, kind: str = "RssAnon:") -> int:
    """Bytes of memory that a process has for itself; mapped files do not count."""
    with contextlib.suppress(OSError, ValueError), open(f"/proc/{pid}/status") as stream:
        for line in stream:
            if line.startswith(kind):
                return int(line.split()[1]) * 1024
    return 0


def _kill(pid: int) -> None:
    """Kill a process that is not waited for yet, with what it started."""
    for kill in (os.killpg, os.kill):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            kill(pid, signal.SIGKILL)


# ---- the process of one file -----------------------------------------------


def _in_process(task: dict, settings: dict, parent: int, writer: int, noise: int,
                others: list[int]) -> None:
    """Do ``task``, tell the outcome, and end."""
    code = 1
    try:
        os.setsid()
        die_with_parent(parent)
        for descriptor in others:
            os.close(descriptor)
        empty = os.open(os.devnull, os.O_RDONLY)
        for target, source in ((0, empty), (1, noise), (2, noise)):
            os.dup2(source, target)
        _limit(task, settings)

        def tell(message: dict) -> None:
            data = json.dumps(message, default=str).encode() + b"\n"
            while data:
                data = data[os.write(writer, data):]

        tell(_do(task, settings, tell) | {"done": True})
        code = 0
    except MemoryError:
        code = NO_MEMORY
    except BaseException:
        import traceback

        traceback.print_exc()
        sys.stderr.flush()
    finally:
        os._exit(code)


def _limit(task: dict, settings: dict) -> None:
    """Limits that hold even if nobody watches: memory, processor time, written bytes."""
    size = sum(os.stat(path).st_size for path in task["files"])
    # What is mapped to be changed counts, too: astropy maps files so.
    own = settings["own_data"]
    _lower(resource.RLIMIT_DATA, own + 2 * (settings["memory_limit"] * MEGABYTE + size))
    _lower(resource.RLIMIT_CPU, int(settings["time_limit"]) + 10)
    _lower(resource.RLIMIT_FSIZE, WRITE_LIMIT + (size if task["act"] == "rewrite" else 0))
    _lower(resource.RLIMIT_CORE, 0)


def _lower(kind: int, value: int) -> None:
    _, hard = resource.getrlimit(kind)
    if hard != resource.RLIM_INFINITY:
        value = min(value, hard)
    resource.setrlimit(kind, (value, value))


def _do(task: dict, settings: dict, tell) -> dict:
    from . import checks

    # Without a folder in front the library would look in its cache; so messages name none, too.
    os.chdir(task["folder"])
    path = f"./{task['name']}"
    if task["overlay"]:
        checks.overlay(task["overlay"])
    if task["act"] == "rewrite":
        with checks.told(lambda _: None):
            return checks.rewrite(path, task["target"])
    if task["act"] == "synphot-table":
        with checks.told(lambda _: None):
            return checks.synphot_table(
                settings["context"], task["filekind"], task["paths"], task["target"])
    if task["act"] == "synphot-tests":
        return checks.synphot_tests(settings["context"], task["pairs"], tell)
    if task["act"] == "identify":
        with checks.told(lambda _: None):
            return checks.identify(path, settings["observatory"])
    return checks.certify(path, settings["observatory"], settings["context"],
                          task["fitsverify"], task["compare"], tell)


def main() -> None:
    settings = json.loads(sys.argv[1])
    die_with_parent(settings["parent"])
    output = os.dup(1)
    os.dup2(2, 1)
    zygote = Zygote(settings, output)
    try:
        zygote.load()
    except Exception as exc:
        text = " ".join(str(exc).split()) or type(exc).__name__
        zygote.say({"failed": text})
        sys.exit(1)
    zygote.serve()


if __name__ == "__main__":
    main()
