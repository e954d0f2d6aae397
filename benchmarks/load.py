"""Requests over loopback, as many at a time as asked, from one process and one loop.

Light enough to leave the cores to the server: requests are bytes made before,
answers are read up to their length and not parsed further.
"""

from __future__ import annotations

import json
import selectors
import socket
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from measuring import percentile

TIMEOUT = 60.0
RECEIVE = 256 * 1024


def get(path: str, *, keep_alive: bool = False, headers: dict[str, str] | None = None) -> bytes:
    """A GET request.  Without ``keep_alive`` as urllib, and so the real client, sends it."""
    return _request(f"GET {path} HTTP/1.1", keep_alive, headers or {})


def rpc(method: str, *params, keep_alive: bool = False) -> bytes:
    """A call of the JSON-RPC as the real client posts it."""
    body = json.dumps(
        {"jsonrpc": "1.0", "method": method, "params": params, "id": 1}).encode()
    head = _request(f"POST /json/{method}/1 HTTP/1.1", keep_alive, {
        "Content-Type": "application/x-www-form-urlencoded", "Content-Length": str(len(body))})
    return head + body


def _request(line: str, keep_alive: bool, headers: dict[str, str]) -> bytes:
    fields = {
        "Host": "localhost",
        "User-Agent": "benchmark",
        "Accept-Encoding": "identity",
        **headers,
        "Connection": "keep-alive" if keep_alive else "close",
    }
    return "\r\n".join([line, *(f"{k}: {v}" for k, v in fields.items()), "", ""]).encode()


@dataclass
class Load:
    """What came of a load: answers, seconds from first to last, latency of each in seconds."""

    seconds: float = 0.0
    latencies: list[float] = field(default_factory=list)
    received: int = 0

    @property
    def rate(self) -> float:
        """Answers each second."""
        return len(self.latencies) / self.seconds

    def milliseconds(self, share: float) -> float:
        """Latency that ``share`` of the answers did not exceed."""
        return percentile(self.latencies, share) * 1000


class Failed(Exception):
    """An answer was not what a benchmark can count."""


class _Connection:
    """One connection: sends requests of ``requests`` one after the other."""

    def __init__(self, address, keep_alive: bool):
        self.address, self.keep_alive = address, keep_alive
        self.socket: socket.socket | None = None

    def send(self, request: bytes) -> None:
        self.start = time.perf_counter()
        self.head, self.left = b"", None
        if self.socket is None:
            # Loopback connects at once; blocking keeps the loop simple.
            self.socket = socket.create_connection(self.address, timeout=TIMEOUT)
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.sendall(request)

    def receive(self) -> tuple[bool, int]:
        """Take what has arrived: whether the answer is complete, and bytes of it."""
        data = self.socket.recv(RECEIVE)
        if not data:
            raise Failed(f"The server closed the connection early: {self.head[:200]!r}")
        if self.left is None:
            self.head += data
            end = self.head.find(b"\r\n\r\n")
            if end < 0:
                return False, len(data)
            self.left = _length(self.head[:end + 2]) - (len(self.head) - end - 4)
        else:
            self.left -= len(data)
        if self.left == 0 and not self.keep_alive:
            self.close()
        return self.left == 0, len(data)

    def close(self) -> None:
        if self.socket is not None:
            self.socket.close()
            self.socket = None


def _length(head: bytes) -> int:
    """Content-Length of an answer whose status is success."""
    status = head[9:12]
    if status not in (b"200", b"206"):
        raise Failed(f"The server answered {head[:200]!r}")
    for line in head.split(b"\r\n"):
        if line[:15].lower() == b"content-length:":
            return int(line[15:])
    raise Failed("The answer has no Content-Length.")


def run(port: int, requests: Sequence[bytes], *, concurrency: int, seconds: float,
        keep_alive: bool = False) -> Load:
    """Send ``requests`` again and again for ``seconds``, ``concurrency`` at a time."""
    address = ("127.0.0.1", port)
    load, sent = Load(), 0
    selector = selectors.DefaultSelector()
    start = time.perf_counter()
    deadline = start + seconds

    def submit(connection: _Connection) -> None:
        nonlocal sent
        connection.send(requests[sent % len(requests)])
        sent += 1

    connections = [_Connection(address, keep_alive) for _ in range(concurrency)]
    try:
        for connection in connections:
            submit(connection)
            selector.register(connection.socket, selectors.EVENT_READ, connection)
        while selector.get_map():
            ready = selector.select(TIMEOUT)
            if not ready:
                raise Failed(f"No answer within {TIMEOUT:.0f} s.")
            for key, _ in ready:
                connection = key.data
                if not keep_alive:
                    # A socket that closes itself must be unknown to the selector by then.
                    selector.unregister(key.fileobj)
                complete, count = connection.receive()
                load.received += count
                if complete:
                    now = time.perf_counter()
                    load.latencies.append(now - connection.start)
                    if now >= deadline:
                        if keep_alive:
                            selector.unregister(key.fileobj)
                        continue
                    submit(connection)
                if not keep_alive:
                    selector.register(connection.socket, selectors.EVENT_READ, connection)
    finally:
        for connection in connections:
            connection.close()
        selector.close()
    load.seconds = time.perf_counter() - start
    return load
