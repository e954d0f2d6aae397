"""Live servers with a worker, people who submit, and what they have to submit."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from config import CHECKOUT

from .live import LiveServer

PASSWORD = "a long password"

#: Accounts, and new references made of published ones.
PREPARE = """
from pathlib import Path
from accounts.services import accounts
from submissions.tests import helpers
for name in {people!r}:
    accounts.add(name, email=name + "@example.invalid", password={password!r},
                 role="submitter", by="test")
folder = Path({folder!r})
for person, files in {files!r}.items():
    for number, (instrument, filekind, name) in enumerate(files):
        helpers.changed_copy(helpers.demo_reference(instrument, filekind),
                             folder / person / name, 1000 + number)
"""

#: Runs a script of the client; the last line says how it ended.
SCRIPT = """
import json
from crds.submit.submit import ReferenceSubmissionScript
script = ReferenceSubmissionScript(["crds.submit", *{arguments!r}])
code = script()
print(json.dumps({{"code": code, "map": script._file_map, "errors": script._error_count,
                  "url": script._ready_url}}))
"""

#: The Python interface; of the client only its table of addresses is changed.
EXTENDED = """
import json
from crds.submit import rc_submit
rc_submit.BASE_URLS["test"][{observatory!r}] = {url!r} + "/"
submission = rc_submit.Submission({observatory!r}, "test")
for key, value in {answers!r}.items():
    submission[key] = value
for path in {files!r}:
    submission.add_file(path)
submission._auto_confirm = True
done = submission.submit()
print(json.dumps({{"errors": done.error_count, "map": submission.file_map, "url": done.ready_url,
                  "keys": sorted(submission.keys())}}))
"""

class Desk:
    """A live server with a worker, people, and files for them to submit."""

    def __init__(self, live: LiveServer, folder: Path):
        self.live, self.folder = live, folder

    def client(self, person: str):
        cache = self.folder / f"cache-{person}"
        cache.mkdir(exist_ok=True)
        return self.live.client(cache)

    def python(self, person: str, program: str) -> dict:
        """What a program of the client ended with, and all that it said as ``text``."""
        done = self.client(person).python(
            program, CRDS_USERNAME=person, MAST_API_TOKEN=PASSWORD)
        lines = done.out.strip().splitlines()
        try:
            return {**json.loads(lines[-1]), "text": done.text}
        except (IndexError, ValueError):
            return {"text": done.text, "errors": None, "map": {}, "code": done.code}

    def submit(self, person: str, *arguments: str) -> dict:
        return self.python(person, SCRIPT.format(arguments=[
            "--monitor-processing", "--wait-for-completion", "--username", person, *arguments]))

    def extended(self, person: str, answers: dict, files: list[str] | None = None) -> dict:
        """By the Python interface, which certifies with the client's own cache first."""
        self.client(person).run(f"sync --contexts {self.live.observatory}-edit").clean()
        return self.python(person, EXTENDED.format(
            observatory=self.live.observatory, url=self.live.url, answers=answers,
            files=files or self.files(person)))

    def command(self, person: str, command: str):
        """A command line of the client, as ``person``."""
        return self.client(person).run(command, CRDS_USERNAME=person, MAST_API_TOKEN=PASSWORD)

    def files(self, person: str) -> list[str]:
        return sorted(str(path) for path in (self.folder / person).iterdir())


class Desks:
    """Starts servers with workers and ends them."""

    def __init__(self, make_instance, tmp_path_factory):
        self.make_instance, self.temporary = make_instance, tmp_path_factory
        self.running: list = []

    def open(self, observatory: str, content: str, files: dict[str, list]) -> Desk:
        live = LiveServer(self.make_instance(observatory, content), observatory)
        live.__enter__()
        self.running.append(live)
        folder = self.temporary.mktemp("submit")
        live.shell(PREPARE.format(people=list(files), password=PASSWORD, folder=str(folder),
                                  files=files))
        self.running.append(Worker.of(live))
        desk = Desk(live, folder)
        desk.before = live.rpc("get_server_info")["edit_context"]
        return desk

    def close(self) -> None:
        for each in reversed(self.running):
            each.__exit__()


class Worker:
    """The worker of a live server's instance; use as a context manager."""

    def __init__(self, process: subprocess.Popen):
        self.process = process

    @classmethod
    def of(cls, live: LiveServer) -> Worker:
        with open(live.root / "server" / "logs" / "worker.log", "ab") as log:
            return cls(subprocess.Popen(
                [sys.executable, str(CHECKOUT / "sources/manage.py"), "run_worker"],
                env=live.environment(), stdin=subprocess.DEVNULL, stdout=log, stderr=log))

    def __enter__(self) -> Worker:
        return self

    def __exit__(self, *_) -> None:
        self.process.terminate()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
