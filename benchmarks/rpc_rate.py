#!/usr/bin/env python3
"""Rate and latency of calls of the JSON-RPC, beside an empty view and beside the library.

Measured in turn: an empty JSON view under the same server, get_default_context,
get_best_references, and the library's own selection in a process of its own
with the same headers.
"""

from __future__ import annotations

import argparse
import itertools
import json
import sys
import time
from collections.abc import Iterator

import bootstrap  # noqa: F401
import instances
import load
import measuring
from measuring import Goal, Series

from rules import environment, headers

HEADERS_OF_EACH_INSTRUMENT = 100
SEED = 20260101

EMPTY, DEFAULT, BESTREFS, LIBRARY = (
    "empty view", "get_default_context", "get_best_references", "library, in process")


def main() -> int:
    options = arguments()
    instances.supported()
    measuring.title("JSON-RPC: rate and latency")
    with instances.scratch("hst") as instance:
        print(f"Content: {instances.fill(instance)}")
        with instances.Server(instance) as server:
            return measure(instance, server, options)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=1.0, help="of each measurement")
    parser.add_argument("--concurrency", type=int, default=8, help="of the loaded server")
    return parser.parse_args()


def measure(instance, server: instances.Server, options) -> int:
    context = server.rpc("get_default_context")
    selection = Library(instance, context)
    print(f"Context {context}; {len(selection.headers)} headers of {selection.instruments};"
          f" {compare(server, context, selection)} differences from the library")
    candidates = {
        EMPTY: [empty(b"x" * 300)],
        DEFAULT: [load.rpc("get_default_context", "hst")],
        BESTREFS: [load.rpc("get_best_references", context, header)
                   for header in selection.headers],
    }
    loaded = measure_at(server, candidates, options.concurrency, options, selection)
    single = measure_at(server, candidates, 1, options, None)
    return report(loaded, single, options.concurrency, len(server.workers()))


def empty(body: bytes) -> bytes:
    """A post to the empty view, as long as a call."""
    head = (f"POST /benchmark/empty/ HTTP/1.1\r\nHost: localhost\r\nAccept-Encoding: identity\r\n"
            f"Content-Type: application/x-www-form-urlencoded\r\n"
            f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n")
    return head.encode() + body


class Library:
    """``crds.core.rmap`` on one core: what a program without any server would get."""

    def __init__(self, instance, context: str):
        environment.prepare(instance.observatory, instance.file_cache)
        from crds.core import rmap

        self.select = rmap.get_best_references
        self.rule = rmap.get_cached_mapping(context)
        self.rule.force_load()
        names = headers.instruments(self.rule)
        self.instruments = ", ".join(names)
        made = [list(headers.generate(self.rule, name, HEADERS_OF_EACH_INSTRUMENT, SEED))
                for name in names]
        # Instruments in turn, so that each measurement sees all of them.
        self.headers = [header for group in zip(*made, strict=True) for header in group]
        self.next: Iterator[dict] = itertools.cycle(self.headers)

    def answer(self, header: dict) -> dict[str, str]:
        return {kind: str(name) for kind, name in self.select(self.rule, dict(header)).items()}

    def run(self, seconds: float) -> load.Load:
        result, start = load.Load(), time.perf_counter()
        while (begun := time.perf_counter()) < start + seconds:
            self.answer(next(self.next))
            result.latencies.append(time.perf_counter() - begun)
        result.seconds = time.perf_counter() - start
        return result


def compare(server: instances.Server, context: str, selection: Library) -> int:
    """Headers to which server and library answer differently; loads the rules in the workers."""
    differing = 0
    for header in selection.headers:
        answer = json.loads(server.post("/json/", json.dumps({
            "method": "get_best_references", "params": [context, header], "id": 1}).encode()))
        differing += answer["result"] != selection.answer(header)
    return differing


class Measured:
    """Series of rate, latency and processor time by candidate."""

    def __init__(self, names):
        self.rates = {name: Series(name, "calls/s") for name in names}
        self.typical = {name: Series(name, "ms") for name in names}
        self.slow = {name: Series(name, "ms") for name in names}
        self.processor = {name: Series(name, "ms") for name in names}

    def add(self, name: str, result: load.Load, processor: float) -> None:
        self.rates[name].values.append(result.rate)
        self.typical[name].values.append(result.milliseconds(0.5))
        self.slow[name].values.append(result.milliseconds(0.95))
        self.processor[name].values.append(processor / len(result.latencies) * 1000)


def measure_at(server, candidates, concurrency: int, options, selection) -> Measured:
    names = [*candidates, *([LIBRARY] if selection else [])]
    measured = Measured(names)
    for round_ in range(-1, options.rounds):
        for name in names:
            before = server.processor_seconds() if name in candidates else time.process_time()
            if name in candidates:
                result = load.run(server.port, candidates[name], concurrency=concurrency,
                                  seconds=options.seconds)
                used = server.processor_seconds() - before
            else:
                result = selection.run(options.seconds)
                used = time.process_time() - before
            if round_ >= 0:
                measured.add(name, result, used)
    return measured


def report(loaded: Measured, single: Measured, concurrency: int, server_processes: int) -> int:
    measuring.table(f"Rate, {concurrency} at a time, a connection for each call",
                    loaded.rates.values())
    measuring.table("Rate, one at a time", single.rates.values())
    measuring.table("Latency of half of the calls, one at a time", single.typical.values())
    measuring.table("Latency that 95 % keep, one at a time", single.slow.values())
    measuring.table(f"Latency that 95 % keep, {concurrency} at a time", loaded.slow.values())
    measuring.table("Processor time of the server for each call", loaded.processor.values())
    ratios = {name: measuring.ratio(loaded.rates[name], loaded.rates[EMPTY])
              for name in (DEFAULT, BESTREFS)}
    to_library = measuring.ratio(loaded.rates[BESTREFS], loaded.rates[LIBRARY])
    to_core = measuring.ratio(loaded.processor[LIBRARY], loaded.processor[BESTREFS])
    print(f"\nRatios, {concurrency} at a time")
    for name, value in ratios.items():
        print(f"  {name} / empty view: {value:.2f}")
    print(f"  get_best_references / library on one core: {to_library:.2f}")
    print(f"  processor time, library / get_best_references: {to_core:.2f} (for one core);"
          f" {server_processes * to_core:.2f} for the server's {server_processes} processes")
    return measuring.verdict([
        Goal("get_best_references / empty view", ratios[BESTREFS], 0.5),
        Goal("get_best_references, whole server / library on one core", to_library, 0.9),
        Goal("get_default_context / empty view", ratios[DEFAULT], 0.5),
        Goal("p95 of get_best_references, one at a time", single.slow[BESTREFS].median, 25,
             at_most=True, unit="ms"),
    ], "rates beside the library compare a server of several processes with one process: other\n"
       "work on the machine slows the server more. The ratio of processor times is free of that:\n"
       "it says what a core answers that serves, beside a core on which the library selects.")


if __name__ == "__main__":
    sys.exit(main())
