#!/usr/bin/env python3
"""Rate of get_server_info with the whole catalogue, beside a static file of the same size.

Every client asks for it first.  The static file comes from the same server,
which hands it to the kernel to send.
"""

from __future__ import annotations

import argparse
import sys

import bootstrap  # noqa: F401
import instances
import load
import measuring
from measuring import Goal, Series

STATIC_NAME = "benchmark.bin"
CALL, STATIC = "get_server_info", "static file of the same size"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=1.5, help="of each measurement")
    options = parser.parse_args()
    instances.supported()
    measuring.title("get_server_info: rate")
    with instances.scratch("hst") as instance:
        print(f"Content: {instances.fill(instance)}")
        size, first = prepare(instance)
        with instances.Server(instance) as server:
            return measure(server, size, first, options)


def prepare(instance) -> tuple[int, float]:
    """Make the static file before the server starts; bytes of an answer, seconds of the first."""
    with instances.Server(instance) as server:
        first = measuring.timed(lambda: server.rpc("get_server_info"))
        size = len(server.post("/json/", b'{"method": "get_server_info", "params": []}'))
    (instance.static / STATIC_NAME).write_bytes(b"0" * size)
    return size, first


def measure(server: instances.Server, size: int, first: float, options) -> int:
    files = len(server.rpc("get_server_info")["mappings"])
    print(f"Answer of {size:,} bytes, {files:,} rules in it."
          f" Made for the first time in {first:.2f} s, then once for each change.")
    candidates = {CALL: [load.rpc("get_server_info")],
                  STATIC: [load.get(f"/static/{STATIC_NAME}")]}
    ratios = []
    for concurrency in (8, 1):
        rates = {name: Series(name, "answers/s") for name in candidates}
        slow = {name: Series(name, "ms") for name in candidates}
        for round_ in range(-1, options.rounds):
            for name, requests in candidates.items():
                result = load.run(server.port, requests, concurrency=concurrency,
                                  seconds=options.seconds)
                if round_ >= 0:
                    rates[name].values.append(result.rate)
                    slow[name].values.append(result.milliseconds(0.95))
        measuring.table(f"Rate, {concurrency} at a time", rates.values())
        measuring.table(f"Latency that 95 % keep, {concurrency} at a time", slow.values())
        ratios.append(Goal(f"rate of the call / static file, {concurrency} at a time",
                           measuring.ratio(rates[CALL], rates[STATIC]), 0.5))
    return measuring.verdict(
        ratios, "1 would mean that asking costs as little as sending a file. The answer is made\n"
        "once for each state of the catalogue; a call adds the addresses and the time.")


if __name__ == "__main__":
    sys.exit(main())
