"""A server of its own process on a scratch instance, and the real client against it."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path

from config import CHECKOUT
from rules.environment import client_environment

#: Seconds in which a server has to answer, and a client to finish.
START_TIMEOUT = 60
CLIENT_TIMEOUT = 300

#: A warning of the client about its own machine: no pipeline is installed beside it.
NOT_OURS = "Calibration SW not found, defaulting to latest."


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class LiveServer:
    """The embedded web server of the instance at ``root``; use as a context manager."""

    def __init__(self, root: Path, observatory: str):
        self.root, self.observatory, self.port = root, observatory, free_port()
        self.process: subprocess.Popen | None = None

    @property
    def url(self) -> str:
        # The literal name: the client warns about any other plain http address.
        return f"http://localhost:{self.port}"

    def __enter__(self) -> LiveServer:
        log = open(self.root / "server" / "logs" / "live-server.log", "ab")
        with log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "gunicorn",
                 "-c", str(CHECKOUT / "servers/gunicorn.conf.py")],
                env=self.environment(), stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                cwd=CHECKOUT / "sources", start_new_session=True)
        try:
            self._wait()
        except BaseException:
            self.__exit__()
            raise
        return self

    def environment(self) -> dict[str, str]:
        env = {k: v for k, v in os.environ.items() if not k.startswith(("CRDS_", "DJANGO_"))}
        env.update(CRDS_ROOT=str(self.root), CRDS_PORT=str(self.port),
                   DJANGO_SETTINGS_MODULE="settings", PYTHONPATH=str(CHECKOUT / "sources"))
        return env

    def _wait(self) -> None:
        deadline = time.monotonic() + START_TIMEOUT
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                break
            try:
                urllib.request.urlopen(f"{self.url}/healthz", timeout=5).read()
                return
            except OSError:
                time.sleep(0.1)
        log = (self.root / "server" / "logs" / "live-server.log").read_text()[-3000:]
        errors = self.root / "server" / "logs" / "error.log"
        more = errors.read_text()[-3000:] if errors.exists() else ""
        raise RuntimeError(f"The server did not answer within {START_TIMEOUT} s:\n{log}\n{more}")

    def __exit__(self, *_) -> None:
        if self.process is None:
            return
        try:
            os.killpg(self.process.pid, signal.SIGTERM)
            try:
                # Graceful shutdown waits for clients that hold a connection open; tests do not.
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.process.wait(10)

    # ---- talking to it ---------------------------------------------------

    def rpc(self, method: str, *params):
        """Result of a JSON-RPC call; raises RuntimeError with the message of an error."""
        answer = self.rpc_envelope(method, *params)
        if answer["error"]:
            raise RuntimeError(answer["error"]["message"])
        return answer["result"]

    def rpc_envelope(self, method: str, *params) -> dict:
        body = {"jsonrpc": "1.0", "method": method, "params": params, "id": 1}
        return json.loads(self.post("/json/", json.dumps(body).encode()))

    def post(self, path: str, body: bytes) -> bytes:
        request = urllib.request.Request(self.url + path, data=body)
        with urllib.request.urlopen(request, timeout=CLIENT_TIMEOUT) as response:
            return response.read()

    def shell(self, program: str) -> None:
        """Run ``program`` in a process of its own on this instance, as ``manage shell`` would."""
        subprocess.run(
            [sys.executable, str(CHECKOUT / "sources/manage.py"), "shell", "-v0", "-c", program],
            env=self.environment(), check=True, capture_output=True, timeout=CLIENT_TIMEOUT)

    def client(self, cache: Path, *, prefix: str = "", observatory: str | None = "") -> Client:
        """A client of this server with its own cache; it is told the observatory unless None."""
        named = self.observatory if observatory == "" else observatory
        return Client(client_environment(named, self.url + prefix, cache), cache)


@dataclass
class Finished:
    """What a client command printed and how it ended."""

    command: list[str]
    code: int
    out: str
    err: str
    text: str = field(init=False)

    def __post_init__(self):
        self.text = self.out + self.err

    def clean(self) -> Finished:
        """Itself, after checking that it ended without an error or a warning."""
        problems = [line for line in self.text.splitlines()
                    if any(word in line for word in (" - ERROR - ", " - WARNING - ", " - FATAL "))
                    and not line.endswith(NOT_OURS)]
        assert self.code == 0 and not problems, (
            f"{' '.join(self.command)} ended with {self.code}:\n{self.text[-4000:]}")
        return self


@dataclass
class Client:
    """The real ``crds`` command line."""

    env: dict[str, str]
    cache: Path

    def run(self, command: str, *, timeout: float = CLIENT_TIMEOUT, **env: str) -> Finished:
        """Run ``crds <command>``, e.g. ``list --status``."""
        call = [str(Path(sys.executable).with_name("crds")), *command.split()]
        done = subprocess.run(
            call, env={**self.env, **env}, capture_output=True, text=True, timeout=timeout,
            cwd=self.cache, check=False)
        return Finished(call, done.returncode, done.stdout, done.stderr)

    def python(self, program: str, **env: str) -> Finished:
        """Run a program that uses the client as a library."""
        done = subprocess.run(
            [sys.executable, "-c", program], env={**self.env, **env}, capture_output=True,
            text=True, timeout=CLIENT_TIMEOUT, cwd=self.cache, check=False)
        return Finished(["python", "-c", program], done.returncode, done.stdout, done.stderr)
