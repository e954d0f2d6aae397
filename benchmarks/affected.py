#!/usr/bin/env python3
"""Affected datasets of a change of contexts: how long it takes, and how the cost grows.

Datasets of one instrument are generated and put into columns, as the server keeps them.  A
small and a large change are computed over parts of growing size, by one process and by all
cores.  The client's own way (both contexts, dataset by dataset, changed types only) is
measured in the same run on a sample that both contexts can touch.
"""

from __future__ import annotations

import argparse
import os
import resource
import sys
import tempfile
import time
from itertools import islice
from pathlib import Path

import bootstrap  # noqa: F401
import instances
import measuring
from measuring import Goal

from rules import environment, headers

OBSERVATORY = "hst"


def main() -> int:
    options = arguments()
    cache = instances.real_cache()
    if cache is None:
        sys.exit("This needs the real cache: set CRDS_TEST_DATA.")
    measuring.title("Affected datasets")
    environment.prepare(OBSERVATORY, cache)
    with tempfile.TemporaryDirectory(prefix="crds-benchmark-") as folder:
        return Bench(options, cache, Path(folder)).run()


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--datasets", type=int, default=1_000_000)
    parser.add_argument("--instrument", default="wfc3")
    parser.add_argument("--sample", type=int, default=2_000, help="datasets for the client")
    parser.add_argument("--small", default="hst_0499.pmap,hst_0500.pmap")
    parser.add_argument("--large", default="hst_0400.pmap,hst_0500.pmap")
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    return parser.parse_args()


class Bench:
    def __init__(self, options, cache: Path, folder: Path):
        self.options, self.cache, self.folder = options, cache, folder

    def run(self) -> int:
        from rules.bulk.change import examine
        from rules.loading import silence_library

        silence_library()
        chunks = self.columns()
        goals = []
        for name in ("small", "large"):
            old, new = getattr(self.options, name).split(",")
            start = time.monotonic()
            change = examine(OBSERVATORY, old, new)
            seconds = time.monotonic() - start
            types = change.types.get(self.options.instrument, ())
            print(f"\n{name} change, {old} --> {new}: {len(types)} types of"
                  f" {self.options.instrument}, since {change.start(self.options.instrument)};"
                  f" found in {seconds:.2f} s")
            goals.append(self.change(name, change, chunks, seconds))
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        child = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
        return measuring.verdict(goals, (
            f"peak memory {peak:,.0f} MB, of a worker {child:,.0f} MB; the client's rate is"
            " that of its library calls alone, without what it asks from the server"))

    def columns(self) -> list:
        """The datasets in files of columns, made from templates with dates of their own."""
        from crds.core import rmap

        from rules.bulk import columns

        context = rmap.get_cached_mapping(self.options.large.split(",")[1])
        base = list(islice(headers.generate(context, self.options.instrument, 20_000, seed=1),
                           20_000))
        start, chunks = time.monotonic(), []
        for number, first in enumerate(range(0, self.options.datasets, columns.ROWS)):
            count = min(columns.ROWS, self.options.datasets - first)
            rows = [self.dated(base[(first + n) % len(base)], first + n) for n in range(count)]
            chunks.append(columns.write(
                self.folder / f"{number:06d}.npz",
                [f"P{first + n:08d}:E{first + n:08d}" for n in range(count)], rows,
                [self.moment(first + n) for n in range(count)]))
        size = sum(path.stat().st_size for path in self.folder.glob("*.npz"))
        print(f"{self.options.datasets:,} datasets of {self.options.instrument} in columns:"
              f" {size / 1e6:,.0f} MB, written in {time.monotonic() - start:.0f} s")
        return chunks

    @staticmethod
    def moment(number: int) -> int:
        """Times over eight years until 2017, in the order of the archive (microseconds)."""
        return (1_230_768_000 + number * 7919 % 252_460_800) * 10**6

    def dated(self, header: dict, number: int) -> dict:
        seconds = time.gmtime(self.moment(number) // 10**6)
        return {**header, "DATE-OBS": time.strftime("%Y-%m-%d", seconds),
                "TIME-OBS": time.strftime("%H:%M:%S", seconds)}

    def change(self, name: str, change, chunks, found: float) -> Goal:
        """Compute over a quarter, a half and all; the goal compares with the client's way."""
        best = float("inf")
        for share, processes in ((4, 1), (2, 1), (1, 1), (1, self.options.processes)):
            part = chunks[:max(1, len(chunks) // share)]
            start = time.monotonic()
            affected, compared = self.compute(change, part, processes)
            seconds = time.monotonic() - start
            print(f"  {sum(chunk.rows for chunk in part):>11,} datasets, {processes} processes:"
                  f" {seconds:7.2f} s, {compared:,} compared, {affected:,} affected", flush=True)
            if len(part) == len(chunks):
                best = min(best, seconds)
        rate = self.client_rate(change, chunks)
        print(f"  the client's way: {rate:,.0f} datasets a second, so {compared / rate:,.0f} s"
              f" for these; here {best + found:.2f} s with the difference of the rules")
        if compared < 10_000:  # the client has little to do here, too
            return Goal(f"{name} change", best + found, 10, at_most=True, unit="s")
        return Goal(f"{name} change, times faster than the client's way",
                    compared / best / rate, 150)

    def compute(self, change, chunks, processes: int) -> tuple[int, int]:
        from common import dates
        from rules.bulk.affected_workers import Part, Task, compare
        from rules.bulk.columns import UNKNOWN, microseconds

        since = microseconds(dates.parse(change.start(self.options.instrument)))
        parts = [Part(self.options.instrument, number, chunk.path, max(since, UNKNOWN + 1))
                 for number, chunk in enumerate(chunks) if chunk.latest >= since]
        task = Task(str(self.cache), str(self.folder / "compiled"), change)
        affected = compared = 0
        for _, effects in compare(task, parts, processes):
            affected += len(effects.affected)
            compared += effects.compared
        return affected, compared

    def client_rate(self, change, chunks) -> float:
        """Datasets a second of the library, both contexts one after the other."""
        from crds.core import heavy_client, log

        from rules.bulk import columns

        for level in ("warning", "error", "info"):
            setattr(log, level, lambda *args, **keys: None)
        _, table = columns.read(chunks[0].path)
        sample = [table.header(row) for row in range(min(self.options.sample, len(table)))]
        types = list(change.types[self.options.instrument])
        for context in (change.old, change.new):  # loaded before the clock starts
            heavy_client.hv_best_references(context, sample[0], types)
        start = time.monotonic()
        for header in sample:
            for context in (change.new, change.old):
                heavy_client.hv_best_references(context, header, types)
        return len(sample) / (time.monotonic() - start)


if __name__ == "__main__":
    sys.exit(main())
