"""The caller's side: hands files to the process that splits off one process for each of them."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import select
import shutil
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path

from .. import environment
from . import geis
from .findings import Record, classify, readable
from .outcome import (
    ERROR,
    NOTE,
    WARNING,
    Candidate,
    Certified,
    CertifyingError,
    Found,
    Identified,
    Stopped,
    once,
)

SOURCES = Path(__file__).resolve().parents[2]

#: Seconds and megabytes that one file may take.
TIME_LIMIT, MEMORY_LIMIT = 1800, 4096

#: Seconds between two questions whether to stop.
ASK = 0.5

#: Seconds for the library and the context to load, on a busy machine.
LOAD_LIMIT = 300

#: Names under which the library is shown files; others are refused.
NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._ \-]{0,127}")

#: Variables that the processes get besides those of the library; none tells a secret.
VARIABLES = ("PATH", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "VIRTUAL_ENV", "CRDS_JOB")

#: Observatories whose FITS files fitsverify checks.
WITH_FITSVERIFY = ("hst", "jwst")

FITSVERIFY_MISSING = Found(
    ERROR, "fitsverify-missing", "The program fitsverify is not installed on this server. Without"
    " it truncated files and wrong checksums would pass unseen, so FITS files are refused.",
    "An operator installs it with \"apt-get install fitsverify\"; submit again then. Your uploads"
    " stay.")

#: Packages with the data models against which an observatory's references are checked.
DATA_MODELS = {"jwst": "stdatamodels", "roman": "roman_datamodels"}

EXTENSION = re.compile(r".+\.(fits|asdf|json|yaml|text|r\dh|r\dd|pmap|imap|rmap)")

BAD_EXTENSION = Found(
    ERROR, "not-reference", "The name is not one of a reference (.fits, .asdf, .json, .yaml, .r0h"
    " to .r9h with .r0d to .r9d) or of a rule (.rmap, .imap, .pmap).",
    "Remove the file, or upload it again under a name that tells its format.")

BAD_NAME = Found(
    ERROR, "bad-name", "The name is not one that CRDS files can have.",
    "Use letters, digits, '.', '_' and '-', at most 128 characters, and no folders; upload the"
    " file again under such a name.")


class Workshop:
    """A place to certify files in, with the library and one context loaded.

    Start it once for all that is to be looked at: starting takes seconds, a file then little
    beside its own checks.  ``cache`` is the server's file cache.  ``time_limit`` (seconds) and
    ``memory_limit`` (megabytes) hold for each file.  ``stop`` is asked every half second; when it
    answers true, :class:`Stopped` is raised, and what it raises goes through; either way nothing
    goes on.  Files are laid out in a folder of its own below ``folder`` (that of the system for
    temporary files unless given), which only a killed caller leaves behind.  Use it in a ``with``
    statement.
    """

    def __init__(self, observatory: str, cache: Path | str, context: str = "", *,
                 processes: int | None = None, time_limit: float = TIME_LIMIT,
                 memory_limit: int = MEMORY_LIMIT, stop: Callable[[], object] | None = None,
                 folder: Path | None = None):
        if observatory not in environment.OBSERVATORIES:
            raise ValueError(f"Unknown observatory {observatory!r}.")
        self.observatory = observatory
        self.context = context
        self._stop = stop
        self._below = folder
        self._settings = {
            "observatory": observatory, "cache": str(Path(cache).absolute()), "context": context,
            "processes": max(1, processes or os.cpu_count() or 1), "time_limit": time_limit,
            "memory_limit": memory_limit, "parent": os.getpid()}
        self._process: subprocess.Popen | None = None
        self._unread = b""
        self._count = 0
        self._tasks: dict[int, dict] = {}

    # ---- life

    def __enter__(self) -> Workshop:
        self._folder = Path(tempfile.mkdtemp(prefix="crds-certify-", dir=self._below)).absolute()
        try:
            self._begin()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *exc) -> None:
        self.close()

    def _begin(self) -> None:
        variables = {name: os.environ[name] for name in VARIABLES if name in os.environ}
        cache = Path(self._settings["cache"])
        variables |= environment.library_variables(self.observatory, cache)
        variables |= {"HOME": str(self._folder), "TMPDIR": str(self._folder),
                      "PYTHONPATH": str(SOURCES), "PYTHONDONTWRITEBYTECODE": "1",
                      "OMP_NUM_THREADS": "1",
                      "OPENBLAS_NUM_THREADS": "1", "CRDS_READONLY_CACHE": "1"}
        with open(self._folder / "errors", "wb") as errors:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "rules.certifying.zygote", json.dumps(self._settings)],
                env=variables, cwd=self._folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                stderr=errors)
        message = next(self._messages(LOAD_LIMIT))
        if "failed" in message:
            raise CertifyingError(
                f"The context {self.context} cannot be loaded: {readable(message['failed'])}")

    def close(self) -> None:
        """End all processes and remove what was laid out for them."""
        process, self._process = self._process, None
        if process:
            process.kill()
            process.stdin.close()
            process.stdout.close()
            process.wait()
        shutil.rmtree(self._folder, ignore_errors=True)

    # ---- what it does

    def identify(self, candidates: Iterable[Candidate]) -> list[Identified]:
        """What each file is, in the order of ``candidates``; never raises for what is in them."""
        candidates = list(candidates)
        units = geis.units(candidates)
        found: dict[str, Identified] = {}
        tasks = {}
        for unit in units:
            problem = _bad_name(unit) or _unreadable(unit)
            if problem:
                found |= {name: Identified(name, problem=problem) for name in unit.names}
            else:
                tasks[self._lay_out(unit, "identify")] = unit
        for outcome in self._work(tasks):
            unit = tasks[outcome["task"]]
            identified = self._identified(unit.name, outcome)
            for name in unit.names:
                found[name] = Identified(name, *identified.properties, identified.problem)
        return [found[candidate.name] for candidate in candidates]

    def certify(self, candidates: Iterable[Candidate], *, compare_old_reference: bool = True,
                unknown: Callable[[set[str]], Iterable[str]] | None = None,
                overlay: dict[str, Path] | None = None,
                on_finished: Callable[[Certified], None] | None = None) -> list[Certified]:
        """Certify each file by itself; outcomes in the order of ``candidates``.

        ``on_finished`` gets each as soon as it is there.  ``unknown`` is given the names that a
        rule names and returns those that CRDS does not have; files of ``overlay`` ({name: path}),
        which the cache does not have yet, and the candidates themselves are known.
        """
        candidates = list(candidates)
        given = {name: str(Path(path).absolute()) for name, path in (overlay or {}).items()}
        given |= {one.name: str(Path(one.path).absolute()) for one in candidates}
        known = given.keys() | {one.name for one in candidates}
        done: dict[str, Certified] = {}

        def finish(unit, certified: Certified) -> None:
            for outcome in geis.outcomes(unit, certified):
                done[outcome.name] = outcome
                if on_finished:
                    on_finished(outcome)

        tasks = {}
        for unit in geis.units(candidates):
            refused = self._refused(unit)
            if refused:
                finish(unit, Certified(unit.name, findings=refused, errors=len(refused),
                                       log=_log([Record("ERROR", one.text) for one in refused])))
                continue
            others = {name: path for name, path in given.items() if name != unit.name}
            tasks[self._lay_out(unit, "certify", compare=compare_old_reference, overlay=others,
                                fitsverify=self.observatory in WITH_FITSVERIFY)] = unit
        for outcome in self._work(tasks):
            unit = tasks[outcome["task"]]
            certified = self._certified(unit, outcome, known, unknown)
            finish(unit, certified)
        return [done[candidate.name] for candidate in candidates]

    def rewrite(self, requests: Iterable[tuple[Candidate, Path]]) -> list[Found | None]:
        """Write HST FITS files under their official names: each candidate to the given path.

        The path's last part is the new name, which the file says afterwards; the file must not be
        there yet.  Answers what went wrong with each, or None.
        """
        tasks = {}
        for number, (candidate, target) in enumerate(requests):
            unit = geis.Unit((candidate,))
            tasks[self._lay_out(unit, "rewrite", target=str(target.absolute()))] = number
        problems: dict[int, Found | None] = {}
        for outcome in self._work(tasks):
            problems[tasks[outcome["task"]]] = self._rewritten(outcome)
        return [problems[number] for number in sorted(problems)]

    def synphot_table(self, filekind: str, components: list[Candidate],
                      target: Path) -> Found | None:
        """See :func:`rules.synphot.make_table`."""
        number = self._lay_out(
            geis.Unit(tuple(components)), "synphot-table", filekind=filekind,
            paths=[f"./{one.name}" for one in components], target=str(target.absolute()))
        [outcome] = self._work([number])
        if "ended" in outcome:
            return replace(self._ended(outcome), stage="synphot")
        if "problem" in outcome:
            text = readable(outcome["problem"][1])
            return Found(ERROR, "synphot-table", f"The {filekind} could not be made: {text}",
                         "Correct the component files, or submit the table yourself.",
                         stage="synphot")
        return None

    def synphot_tests(self, files: list[tuple[str, Candidate]]) -> tuple[list[Found], str]:
        """See :func:`rules.synphot.test`."""
        number = self._lay_out(
            geis.Unit(tuple(one for _, one in files)), "synphot-tests",
            pairs=[[filekind, f"./{one.name}"] for filekind, one in files])
        [outcome] = self._work([number])
        records = _records(outcome)
        findings = [found for found in map(classify, records) if found]
        if "ended" in outcome:
            findings.append(self._ended(outcome))
        return [replace(one, stage="synphot") for one in once(findings)], _log(records)

    def _rewritten(self, outcome: dict) -> Found | None:
        if "ended" in outcome:
            return replace(self._ended(outcome), stage="rename")
        if "problem" in outcome:
            text = readable(outcome["problem"][1])
            return Found(ERROR, "rename", f"The file cannot be given its official name: {text}",
                         "Correct the file and upload it again.", stage="rename")
        return None

    def _refused(self, unit: geis.Unit) -> tuple[Found, ...]:
        """Why ``unit`` is not even looked at."""
        problem = _bad_name(unit) or _unreadable(unit)
        if problem:
            return (problem,)
        if (unit.name.endswith(".fits") and self.observatory in WITH_FITSVERIFY
                and not shutil.which("fitsverify")):
            return (FITSVERIFY_MISSING,)
        models = DATA_MODELS.get(self.observatory)
        if models and not unit.files[0].is_rule and not importlib.util.find_spec(models):
            return (Found(
                ERROR, "datamodels-missing", f"The package {models} is not installed on this"
                " server, so references cannot be checked against the data models.",
                f"An operator runs \"./install {self.observatory}\" again; submit again then. Your"
                " uploads stay."),)
        return geis.problems(unit)

    # ---- tasks

    def _lay_out(self, unit: geis.Unit, act: str, **parameters) -> int:
        """Show the files of ``unit`` under their names in a folder; the number of the task."""
        self._count += 1
        folder = self._folder / str(self._count)
        folder.mkdir()
        for candidate in unit.files:
            (folder / candidate.name).symlink_to(Path(candidate.path).absolute())
        task = {"task": self._count, "act": act, "folder": str(folder), "name": unit.name,
                "files": [str(Path(one.path).absolute()) for one in unit.files],
                "overlay": {}} | parameters
        self._tasks[self._count] = task
        return self._count

    def _work(self, tasks: Iterable[int]) -> Iterator[dict]:
        """Hand ``tasks`` over and yield their outcomes as they come."""
        left = set(tasks)
        lines = [json.dumps(self._tasks.pop(number)) for number in sorted(left)]
        if not lines:
            return
        try:
            self._process.stdin.write(("\n".join(lines) + "\n").encode())
            self._process.stdin.flush()
        except OSError:
            raise self._lost() from None
        for message in self._messages():
            left.discard(message["task"])
            shutil.rmtree(self._folder / str(message["task"]), ignore_errors=True)
            yield message
            if not left:
                return

    def _messages(self, limit: float | None = None) -> Iterator[dict]:
        """What the other side says, line by line."""
        output = self._process.stdout.fileno()
        deadline = limit and time.monotonic() + limit
        while True:
            while b"\n" in self._unread:
                line, _, self._unread = self._unread.partition(b"\n")
                yield json.loads(line)
            if self._stop and self._stop():
                raise Stopped("Certifying was stopped.")
            if deadline and time.monotonic() > deadline:
                raise CertifyingError(f"The library did not load within {limit} seconds.")
            if select.select([output], [], [], ASK)[0]:
                data = os.read(output, 1 << 20)
                if not data:
                    raise self._lost()
                self._unread += data

    def _lost(self) -> CertifyingError:
        said = (self._folder / "errors").read_text(errors="replace")[-2000:].strip()
        last = said.splitlines()[-1] if said else "nothing was said about the reason"
        return CertifyingError(f"The process that certifies ended unexpectedly: {last}")

    # ---- outcomes

    def _identified(self, name: str, outcome: dict) -> Identified:
        if "ended" in outcome:
            return Identified(name, problem=self._ended(outcome))
        if "problem" in outcome:
            found = classify(Record(*outcome["problem"]))
            return Identified(name, problem=found)
        return Identified(name, outcome["instrument"], outcome["filekind"])

    def _certified(self, unit: geis.Unit, outcome: dict, known: Iterable[str],
                   unknown: Callable | None) -> Certified:
        records = _records(outcome)
        counts = outcome.get("counts") or {
            level: sum(one.level == level for one in records) for level in ("ERROR", "WARNING")}
        findings = [found for found in map(classify, records) if found]
        own: list[Found] = []
        if "ended" in outcome:
            own.append(self._ended(outcome))
        if "problem" in outcome:
            found = classify(Record(*outcome["problem"]))
            # The library mostly met the same, and went on from there.
            if not counts["ERROR"] or found.code == "other-telescope":
                own.append(found)
        if outcome.get("rule_problem"):
            code, text = outcome["rule_problem"]
            own.append(Found(ERROR, code, text, "Correct the rule and upload it again."))
        names = tuple(outcome.get("names", ()))
        if names and unknown:
            missing = sorted(unknown(set(names) - set(known)))
            own += [_unknown_file(name) for name in missing]
        hidden = sum(counts.values()) - len(findings)
        log = _log(records + [Record(one.level.upper(), one.text) for one in own])
        if outcome.get("noise", "").strip():
            log += "\n" + outcome["noise"].strip()
        if hidden > 0:
            own.append(Found(NOTE, "more", f"{hidden} more messages are not kept."))
        return Certified(
            unit.name, outcome.get("instrument", ""), outcome.get("filekind", ""),
            once(findings + own),
            errors=counts["ERROR"] + sum(one.level == ERROR for one in own),
            warnings=counts["WARNING"] + sum(one.level == WARNING for one in own),
            log=log, names=names, seconds=outcome["seconds"])

    def _ended(self, outcome: dict) -> Found:
        """Why a process did not come to its end."""
        if outcome["ended"] == "time":
            limit = f"{self._settings['time_limit']:g}"
            return Found(ERROR, "time", f"Checking the file took longer than {limit} seconds and"
                         " was stopped.", "If the file is really that large, ask the operators to"
                         " raise the limit; else look for what makes it endless.")
        if outcome["ended"] == "memory":
            return Found(ERROR, "memory", "Checking the file took more than"
                         f" {self._settings['memory_limit']} MB of memory and was stopped.",
                         "If the file is really that large, ask the operators to raise the limit;"
                         " else look for compressed or repeated content.")
        code = outcome["code"]
        how = f"by signal {-code}" if code < 0 else f"with status {code}"
        return Found(ERROR, "crash", f"The process that checked the file ended {how}.",
                     "The file is probably damaged in a way that the checks do not expect. Check"
                     " it, or send it to the CRDS team.")


def _unreadable(unit: geis.Unit) -> Found | None:
    """Why the files cannot be looked at; what is no file at all could keep a reader for ever."""
    for one in unit.files:
        try:
            status = os.stat(one.path)
            why = "" if stat.S_ISREG(status.st_mode) else "it is not a file"
            why = why or ("" if os.access(one.path, os.R_OK) else "it may not be read")
        except OSError as exc:
            why = exc.strerror or str(exc)
        if why:
            return Found(ERROR, "unreadable", f"{one.name} cannot be read: {why}.",
                         "Upload it again.")
    return None


def _bad_name(unit: geis.Unit) -> Found | None:
    """Why the library cannot be shown files of these names."""
    for name in unit.names:
        if not NAME.fullmatch(name):
            return BAD_NAME
        if not EXTENSION.fullmatch(name):
            return BAD_EXTENSION
    return None


def _unknown_file(name: str) -> Found:
    return Found(ERROR, "unknown-file", f"It names {name}, which is not in CRDS.",
                 "Submit that file first, or together with this rule, or correct the name.")


def _records(outcome: dict) -> list[Record]:
    return [Record(level, text, tuple(causes)) for level, text, causes in outcome["records"]]


def _log(records: Iterable[Record]) -> str:
    return "\n".join(record.line for record in records)
