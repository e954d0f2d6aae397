#!/usr/bin/env python3
"""Pages of context differences, warm, and the comparison itself beside the client library's.

The pages are those of the largest difference that the content has: all its types.
"""

from __future__ import annotations

import argparse
import itertools
import sys

import bootstrap  # noqa: F401
import instances
import load
import measuring
from measuring import Goal, Series

OURS, LIBRARY = "this server", "crds.diff.mapping_diffs"

#: Makes the difference as its job does, and prints which part of it is the largest.
MAKE = """
from differences.services import pairs, results
from interactive.models import CatalogFile
from jobs import execution, leases
names = list(CatalogFile.objects.published().filter(extension=".pmap", name__contains="_0")
             .order_by("name").values_list("name", flat=True))
pair = pairs.find(names[0], names[-1])
results.obtain(pair)
execution.run(leases.claim("benchmark"))
found = results.obtain(pair)
largest = max(found.json()["sections"], key=lambda part: part["rows"] if part["text"] else 0)
with open({answer!r}, "w") as file:
    file.write(" ".join([names[0], names[-1], largest["id"]]))
"""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=2, help="of each measurement")
    parser.add_argument("--pairs", type=int, default=12, help="of neighbouring contexts")
    options = parser.parse_args()
    instances.supported()
    measuring.title("Context differences")
    with instances.scratch("hst") as instance:
        print(f"Content: {instances.fill(instance)}")
        answer = instance.run / "benchmark-pair"
        seconds = measuring.timed(lambda: instances.manage(
            instance, "shell", "-c", MAKE.format(answer=str(answer))))
        old, new, part = answer.read_text().split()
        print(f"{old} against {new} made in {seconds:.1f} s, start of the process included.")
        goals = compare(instance, options)
        with instances.Server(instance) as server:
            goals += pages(server, old, new, part, options)
    return measuring.verdict(
        goals, "Pages come from files that the job wrote. The comparison is the library's; what\n"
        "is saved is reading rules that both contexts share.")


def compare(instance, options) -> list[Goal]:
    """Neighbouring contexts compared by both, in turn; nothing is kept between two."""
    from rules import environment

    environment.prepare("hst", instance.file_cache)
    from crds import diff
    from crds.core import utils

    from rules import differences

    folder = instance.file_cache / "mappings" / "hst"
    names = sorted(path.name for path in folder.glob("hst_????.pmap"))[-options.pairs - 1:]
    series = {name: Series(name, "ms") for name in (OURS, LIBRARY)}
    for old, new in itertools.pairwise(names):
        utils.clear_function_caches()
        series[LIBRARY].values.append(1000 * measuring.timed(lambda: diff.mapping_diffs(
            old, new, observatory="hst", include_header_diffs=True,  # noqa: B023
            recurse_added_deleted=True)))
        series[OURS].values.append(1000 * measuring.timed(
            lambda: differences.compare(old, new)))  # noqa: B023
    measuring.table(f"Comparing {len(names) - 1} pairs of neighbours", series.values())
    return [Goal("times as fast as the library", measuring.ratio(series[LIBRARY], series[OURS]), 1)]


def pages(server, old: str, new: str, part: str, options) -> list[Goal]:
    base = f"/diff/{old}/{new}/"
    addresses = {"summary": base, "largest part": f"{base}part/{part}/",
                 "its text": f"{base}text/{part}/",
                 "REST": f"/api/v1/differences/{old}/{new}?limit=100"}
    slow = {name: Series(name, "ms") for name in addresses}
    for round_ in range(-1, options.rounds):
        for name, address in addresses.items():
            result = load.run(server.port, [load.get(address)], concurrency=1,
                              seconds=options.seconds)
            if round_ >= 0:
                slow[name].values.append(result.milliseconds(0.95))
    measuring.table("Latency that 95 % keep, one at a time", slow.values())
    return [Goal(f"p95, {name}", series.median, 300, at_most=True, unit="ms")
            for name, series in slow.items()]


if __name__ == "__main__":
    sys.exit(main())
