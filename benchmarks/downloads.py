#!/usr/bin/env python3
"""Download rate of a large reference, beside the same server's static rate and nginx.

A file of 256 MB that the script makes is fetched as a reference of the
catalogue and as a static file of the same server; where nginx is installed it
serves the same bytes beside it.
"""

from __future__ import annotations

import argparse
import getpass
import hashlib
import itertools
import os
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import bootstrap  # noqa: F401
import instances
import load
import measuring
from measuring import MEGABYTE, Goal, Series

from tests.live import free_port

NAME = "bench001m_drk.fits"
BUFFER = 1024 * 1024
REFERENCE, STATIC, NGINX = "reference", "static file of the same server", "nginx"
STREAMS = (1, 4)

#: Resident megabytes that all workers together may gain by serving.
MEMORY_GAIN = 32


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--megabytes", type=int, default=256, help="size of the file")
    options = parser.parse_args()
    instances.supported()
    measuring.title(f"Downloads of {options.megabytes} MB")
    with instances.scratch("hst") as instance:
        path, digest = make_file(instance, options.megabytes * MEGABYTE)
        with instances.Server(instance) as server, nginx(instance, path.parent) as nginx_port:
            return measure(server, nginx_port, path, digest, options.rounds)


def make_file(instance, size: int) -> tuple[Path, str]:
    """A reference in store and catalogue, the same bytes as a static file; path and sha1."""
    path = instance.file_cache / "references" / "hst" / NAME
    path.parent.mkdir(parents=True)
    digest, left = hashlib.sha1(usedforsecurity=False), size
    with open(path, "wb") as file:
        while left:
            block = os.urandom(min(left, BUFFER))
            digest.update(block)
            left -= file.write(block)
    os.link(path, instance.static / NAME)
    instances.manage(instance, "shell", "-c", (
        "from interactive.models import CatalogFile;"
        f"CatalogFile.objects.create(name={NAME!r}, observatory='hst', type='reference',"
        f" extension='.fits', state='archived', stored=True, size={size},"
        f" sha1sum={digest.hexdigest()!r})"))
    return path, digest.hexdigest()


@contextmanager
def nginx(instance, folder: Path) -> Iterator[int | None]:
    """A plain nginx that serves ``folder`` on a port of loopback; None where it is missing."""
    program = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/usr/local/sbin")
    if program is None:
        yield None
        return
    port, home = free_port(), instance.root / "nginx"
    home.mkdir()
    places = "".join(f"  {kind}_temp_path {home}/{kind};\n"
                     for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    user = f"user {getpass.getuser()};\n" if os.geteuid() == 0 else ""
    (home / "nginx.conf").write_text(
        f"{user}worker_processes 2;\ndaemon off;\npid {home}/pid;\nerror_log {home}/error.log;\n"
        f"events {{}}\nhttp {{\n{places}  access_log {home}/access.log;\n  sendfile on;\n"
        f"  tcp_nopush on;\n  server {{ listen 127.0.0.1:{port}; root {folder}; }}\n}}\n")
    process = subprocess.Popen(
        [program, "-p", str(home), "-c", str(home / "nginx.conf")],
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_for(port, process)
        yield port
    finally:
        process.terminate()
        process.wait(10)


def wait_for(port: int, process: subprocess.Popen) -> None:
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            time.sleep(0.05)
    raise SystemExit("nginx is installed but does not start; run again without it on PATH.")


# ---- fetching --------------------------------------------------------------


def fetch(port: int, path: str, first: int | None = None, last: int | None = None,
          digest=None) -> int:
    """Fetch ``path``, or its bytes from ``first`` to ``last``; how many came."""
    headers = {} if first is None else {"Range": f"bytes={first}-{last}"}
    count, buffer = 0, memoryview(bytearray(BUFFER))
    with socket.create_connection(("127.0.0.1", port), timeout=load.TIMEOUT) as connection:
        connection.sendall(load.get(path, headers=headers))
        head = b""
        while b"\r\n\r\n" not in head:
            data = connection.recv(BUFFER)
            if not data:
                raise load.Failed(f"The server closed the connection: {head[:200]!r}")
            head += data
        head, _, body = head.partition(b"\r\n\r\n")
        if head[9:12] != (b"200" if first is None else b"206"):
            raise load.Failed(f"The server answered {head[:200]!r}")
        count = len(body)
        if digest is not None:
            digest.update(body)
        while received := connection.recv_into(buffer):
            count += received
            if digest is not None:
                digest.update(buffer[:received])
    return count


def rate(port: int, path: str, size: int, streams: int) -> float:
    """Megabytes a second of ``streams`` downloads of the whole file at a time."""
    return _together([lambda: fetch(port, path)] * streams, size * streams)


def rate_in_parts(port: int, path: str, size: int, parts: int) -> float:
    """Megabytes a second of one file fetched in ``parts`` ranges at a time."""
    bounds = [size * index // parts for index in range(parts + 1)]
    return _together([
        lambda first=first, stop=stop: fetch(port, path, first, stop - 1)
        for first, stop in itertools.pairwise(bounds)
    ], size)


def _together(tasks, expected: int) -> float:
    counts: list[int] = []
    threads = [threading.Thread(target=lambda task=task: counts.append(task())) for task in tasks]
    start = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    seconds = time.perf_counter() - start
    if sum(counts) != expected:
        raise load.Failed(f"{sum(counts)} bytes came, {expected} were expected.")
    return expected / MEGABYTE / seconds


# ---- measuring ---------------------------------------------------------------


def measure(server: instances.Server, nginx_port: int | None, path: Path, digest: str,
            count: int) -> int:
    size = path.stat().st_size
    places = {REFERENCE: (server.port, f"/unchecked_get/references/hst/{NAME}"),
              STATIC: (server.port, f"/static/{NAME}")}
    if nginx_port:
        places[NGINX] = (nginx_port, f"/{NAME}")
    check_content(places[REFERENCE], path, digest)
    before = server.resident()
    goals = []
    for streams in STREAMS:
        series = rounds(places, lambda place: rate(*place, size, streams), count)  # noqa: B023
        measuring.table(f"Whole file, {streams} at a time", series.values())
        goals.append(ratio(f"whole file, {streams} at a time", series))
    series = rounds(places, lambda place: rate_in_parts(*place, size, 4), count)
    measuring.table("One file in 4 ranges at a time", series.values())
    goals.append(ratio("in 4 ranges at a time", series))
    gained = (server.resident() - before) / MEGABYTE
    print(f"\nResident memory of the workers: {before / MEGABYTE:.0f} MB before,"
          f" {gained:+.1f} MB by serving"
          f" {(sum(STREAMS) + 1) * 2 * (count + 1) * size / MEGABYTE:,.0f} MB")
    goals.append(Goal("memory gained", gained, MEMORY_GAIN, at_most=True, unit="MB"))
    return measuring.verdict(
        goals, "1 means that a reference, looked up in the catalogue for each request, comes as\n"
        "fast as a file that the server only passes on. nginx shows what the machine can do.")


def check_content(place: tuple[int, str], path: Path, digest: str) -> None:
    """The whole file and a part of it arrive as they are on disk."""
    whole = hashlib.sha1(usedforsecurity=False)
    fetch(*place, digest=whole)
    part, first, last = hashlib.sha1(usedforsecurity=False), 12_345, 9_876_543
    fetch(*place, first, last, digest=part)
    with open(path, "rb") as file:
        file.seek(first)
        expected = hashlib.sha1(file.read(last - first + 1), usedforsecurity=False)
    if whole.hexdigest() != digest or part.digest() != expected.digest():
        raise SystemExit("What was downloaded differs from the file. Nothing was measured.")


def rounds(places, work, count: int) -> dict[str, Series]:
    return measuring.rounds(
        {name: lambda place=place: work(place) for name, place in places.items()},
        count=count, unit="MB/s")


def ratio(what: str, series: dict[str, Series]) -> Goal:
    return Goal(f"reference / static file, {what}",
                measuring.ratio(series[REFERENCE], series[STATIC]), 0.9)


if __name__ == "__main__":
    sys.exit(main())
