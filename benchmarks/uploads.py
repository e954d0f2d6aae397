#!/usr/bin/env python3
"""Upload rate of a large file and the server's memory, beside ``cp`` to the same disk.

The file that the script makes goes up by the pieces of the command-line client, sent by the
client's own code, and by the uploads that resume, in one piece and in pieces of 16 MB with
checksums as browsers send them.  The copy of ``cp`` is flushed to the disk as uploads are.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import http.client
import json
import os
import shutil
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from pathlib import Path

import bootstrap  # noqa: F401
import instances
import measuring
from measuring import MEGABYTE, Goal

NAME, PASSWORD = "bench_drk.fits", "a long secret"
BUFFER = 1024 * 1024
SLICE = 16 * BUFFER
PIECE = "application/offset+octet-stream"
COPY, CLIENT, WHOLE, SLICES = (
    "cp and flush", "pieces of the client", "one piece", "pieces of 16 MB, checked")

#: Resident megabytes that all workers together may gain while a file arrives.
MEMORY_GAIN = 64

PEOPLE = f"""
from django.contrib.auth import get_user_model
from accounts.models import Grant, Role
from accounts.services import tokens
user = get_user_model().objects.create_user("anna", password={PASSWORD!r})
Grant.objects.create(user=user, role=Role.SUBMITTER)
open({{path!r}}, "w").write(tokens.create(user, "benchmark")[1])
"""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--megabytes", type=int, default=4096, help="size of the file")
    options = parser.parse_args()
    instances.supported()
    measuring.title(f"Uploads of {options.megabytes:,} MB")
    with instances.scratch("hst") as instance:
        size = options.megabytes * MEGABYTE
        if shutil.disk_usage(instance.root).free < 5 * size:
            raise SystemExit("The disk has too little room: five times the file is needed.")
        path, digest = make_file(instance, size)
        token = instance.root / "token"
        instances.manage(instance, "shell", "-v0", "-c", PEOPLE.format(path=str(token)))
        with instances.Server(instance) as server:
            return measure(server, instance, path, digest, token.read_text(), options.rounds)


def make_file(instance, size: int) -> tuple[Path, str]:
    path = instance.root / "source" / NAME
    path.parent.mkdir()
    digest, left, block = hashlib.sha1(usedforsecurity=False), size, os.urandom(BUFFER)
    with open(path, "wb") as file:
        while left:
            block = block[1:] + block[:1]
            digest.update(block[:left])
            left -= file.write(block[:left])
    return path, digest.hexdigest()


class Uploads:
    """The ways a file goes up; each returns megabytes a second."""

    def __init__(self, server, instance, path: Path, digest: str, token: str):
        self.server, self.path, self.digest, self.token = server, path, digest, token
        self.arrived = instance.ingest / "anna" / NAME
        self.size = path.stat().st_size
        self.copy = instance.root / "copy.fits"
        self.gained: dict[str, float] = {}

    def by(self, name: str, send) -> float:
        with self.watched(name):
            seconds = measuring.timed(send)
        self.check(self.copy if name == COPY else self.arrived)
        return self.size / MEGABYTE / seconds

    def check(self, path: Path) -> None:
        with open(path, "rb") as file:
            found = hashlib.file_digest(file, lambda: hashlib.sha1(usedforsecurity=False))
        if found.hexdigest() != self.digest:
            raise SystemExit(f"{path.name} differs from what was sent.")
        path.unlink()

    @contextmanager
    def watched(self, name: str):
        """Notes the most memory that the workers have meanwhile, beyond that before."""
        before, ended = self.server.resident(), threading.Event()
        most = [before]

        def watch():
            while not ended.wait(0.05):
                most[0] = max(most[0], self.server.resident())

        thread = threading.Thread(target=watch)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()
        gained = (most[0] - before) / MEGABYTE
        self.gained[name] = max(self.gained.get(name, 0), gained)

    def cp(self) -> None:
        subprocess.run(["cp", str(self.path), str(self.copy)], check=True)
        with open(self.copy, "rb+") as file:
            os.fsync(file.fileno())

    def client(self) -> None:
        from crds.submit.web import CrdsDjangoConnection

        connection = CrdsDjangoConnection("none", "anna", PASSWORD, self.server.url)
        connection.login()
        connection.upload_file(str(self.path))

    def whole(self) -> None:
        self._resumable(self.size, checked=False)

    def slices(self) -> None:
        self._resumable(SLICE, checked=True)

    def _resumable(self, piece: int, *, checked: bool) -> None:
        connection = http.client.HTTPConnection("localhost", self.server.port, timeout=3600)
        made = self._ask(connection, "POST", "/api/v1/drafts/default/uploads", json.dumps(
            {"name": NAME, "size": self.size}).encode(), {"Content-Type": "application/json"})
        address = f"/api/v1/uploads/{json.loads(made)['id']}"
        with open(self.path, "rb") as file:
            for offset in range(0, self.size, piece):
                headers = {"Content-Type": PIECE, "Upload-Offset": str(offset),
                           "Content-Length": str(min(piece, self.size - offset))}
                body = file
                if checked:
                    body = file.read(piece)
                    value = hashlib.sha1(body, usedforsecurity=False).digest()
                    headers["Upload-Checksum"] = f"sha1 {base64.b64encode(value).decode()}"
                self._ask(connection, "PATCH", address, body, headers)
        connection.close()

    def _ask(self, connection, method: str, address: str, body, headers: dict) -> bytes:
        connection.request(
            method, address, body, {"Authorization": f"Bearer {self.token}", **headers})
        response = connection.getresponse()
        text = response.read()
        if response.status >= 400:
            raise SystemExit(f"{method} {address}: {response.status} {text[:300]!r}")
        return text


def measure(server, instance, path: Path, digest: str, token: str, count: int) -> int:
    uploads = Uploads(server, instance, path, digest, token)
    ways = {COPY: uploads.cp, CLIENT: uploads.client, WHOLE: uploads.whole,
            SLICES: uploads.slices}
    started = time.monotonic()
    series = measuring.rounds(
        {name: lambda name=name, send=send: uploads.by(name, send) for name, send in ways.items()},
        count=count, unit="MB/s", prepare=False)
    measuring.table("Rate until the file is in its place, with its sha1", series.values())
    goals = []
    for name in (CLIENT, WHOLE, SLICES):
        print(f"  {name} / {COPY}: {measuring.number(measuring.ratio(series[name], series[COPY]))}")
        goals.append(Goal(f"memory gained, {name}", uploads.gained[name], MEMORY_GAIN,
                          at_most=True, unit="MB"))
    print(f"  in all {time.monotonic() - started:.0f} s")
    return measuring.verdict(
        goals, "Every file that arrived was compared by sha1 with the one that was sent.")


if __name__ == "__main__":
    sys.exit(main())
