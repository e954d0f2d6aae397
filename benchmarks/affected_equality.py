#!/usr/bin/env python3
"""Affected datasets: differences from the client's own ``crds bestrefs --affected-datasets``.

A server is filled with a real (or the demonstration's) catalogue and generated datasets.  For
pairs of neighbouring contexts the unmodified client computes the affected datasets against
that server, and ``manage affected`` computes them on it.  Compared are the ids, the counts of
changed references by instrument and type, and every kind of error with the number of datasets.
"""

from __future__ import annotations

import argparse
import ast
import re
import sys
import tempfile
import time
from collections import Counter
from itertools import pairwise
from pathlib import Path

import bootstrap  # noqa: F401
import instances
import measuring
from measuring import Goal

LIKE = re.compile(r"(\d{6}) errors like::\s+(.*)")

FILL = """
from interactive.management.datasets import load_generated
from archive import services as archive
print(load_generated({context!r}, {number}))
rows = []
for count in archive.counts():
    for number, entry in enumerate(archive.entries(count.instrument)):
        if number % 40:
            continue
        odd = dict(entry.header)
        keys = [key for key in odd if key.startswith(("DATE-OBS", "TIME-OBS"))
                or key.endswith(("OBSERVATION.DATE", "OBSERVATION.TIME"))]
        if number % 80 and keys:
            del odd[keys[-1]]
        elif keys:
            odd[keys[0]] = "2016-12-30" if number % 160 else "UNDEFINED"
        name = "X" + entry.exposure[1:]
        rows.append((name, name, entry.instrument, odd))
print(archive.load(rows, source="odd").added)
"""


def main() -> int:
    options = arguments()
    measuring.title("Affected datasets: differences from the client")
    with instances.scratch(options.observatory) as instance:
        content = instances.fill(instance)
        print(f"Content: {content}, about {options.datasets:,} datasets for each instrument")
        with instances.Server(instance) as server, tempfile.TemporaryDirectory() as cache:
            newest = server.rpc("get_server_info")["latest_context"]
            server.shell(FILL.format(context=newest, number=options.datasets))
            return compare(options, instance, server, Path(cache))


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--observatory", default="hst", choices=("hst", "jwst", "roman"))
    parser.add_argument("--datasets", type=int, default=400, help="for each instrument")
    parser.add_argument("--pairs", type=int, default=20)
    parser.add_argument("--contexts", nargs="+", default=[], metavar="OLD,NEW",
                        help="these pairs instead")
    return parser.parse_args()


def compare(options, instance, server, cache: Path) -> int:
    differences = compared = affected = 0
    ours = theirs = 0.0
    for old, new in pairs(options, server):
        start = time.monotonic()
        client = of_client(server, cache, old, new)
        theirs += time.monotonic() - start
        start = time.monotonic()
        own = of_server(instance, old, new)
        ours += time.monotonic() - start
        compared += 1
        affected += len(client["ids"])
        found = [name for name in ("ids", "counts", "errors") if client[name] != own[name]]
        differences += len(found)
        missing = len(set(client["ids"]) - set(own["ids"]))
        extra = len(set(own["ids"]) - set(client["ids"]))
        print(f"{old} --> {new}: {len(client['ids']):,} ids, {sum(client['errors'].values()):,}"
              f" errors; {missing} missing, {extra} extra"
              f"{'; differ: ' + ', '.join(found) if found else ''}", flush=True)
        for name in found:
            show(client[name], own[name])
    return measuring.verdict(
        [Goal("differences", differences, 0, at_most=True),
         Goal("pairs of contexts", compared, len(options.contexts) or options.pairs)],
        f"{affected:,} ids; the client took {theirs:.0f} s, the server's command {ours:.0f} s,"
        " start of the process included")


def pairs(options, server) -> list[tuple[str, str]]:
    """Neighbouring contexts, evenly over all that are there."""
    if options.contexts:
        return [tuple(pair.split(",")) for pair in options.contexts]
    names = [name for name in server.rpc("list_mappings", options.observatory, "*.pmap")
             if re.fullmatch(r"[a-z]+_\d{4}\.pmap", name)]
    every = [(old, new) for old, new in pairwise(names)
             if int(new[-9:-5]) == int(old[-9:-5]) + 1]
    step = max(1, len(every) // options.pairs)
    return every[::-1][::step][:options.pairs][::-1]


def of_client(server, cache: Path, old: str, new: str) -> dict:
    done = server.client(cache).run(
        f"bestrefs --affected-datasets --old-context {old} --new-context {new}"
        " --unique-delimiter ;")
    return parsed(done.out.split(), done.text)


def of_server(instance, old: str, new: str) -> dict:
    with tempfile.NamedTemporaryFile() as file:
        instances.manage(instance, "affected", old, new, "--output", file.name, "--restart")
        ids = Path(file.name).read_text().split()
    newest = max(instance.monitor_reprocessing.glob("*-run*"), key=lambda path: int(
        path.name.rpartition("run")[2]))
    return parsed(ids, (newest / "bestrefs.log").read_text())


def parsed(ids: list[str], log: str) -> dict:
    """Ids, counts and kinds of errors that a log in the form of the client's has."""
    counts: dict = {}
    found = re.search(r"Updated exposure counts:\s+(\{.*?\})\n(?:CRDS|----)", log, re.S)
    if found:
        counts = ast.literal_eval(found[1])
    errors: Counter = Counter()
    for number, text in LIKE.findall(log):
        # The client explains parameters of JWST in its log, and only counts what stops it.
        key = kind(re.sub(r" \[[A-Z0-9_-]+\]", "", text))
        if not key[2].startswith(("Failed processing", "Failed loading")):
            errors[key] += int(number)
    return {"ids": sorted(ids), "counts": counts, "errors": errors}


def kind(text: str) -> tuple[str, ...]:
    """(instrument, type, message) of an error as the client or the server write it."""
    if text.startswith("instrument="):
        head, _, message = text.partition(" ::  ")
        names = dict(part.split("=", 1) for part in head.split())
        return names["instrument"].strip("'"), names["type"].strip("'"), " ".join(message.split())
    parts = [part.strip() for part in text.split(";")]
    return parts[1], parts[2], " ".join(";".join(parts[4:]).split())


def show(client, own) -> None:
    if isinstance(client, dict):
        for key in sorted(set(client) | set(own), key=str):
            if client.get(key) != own.get(key):
                print(f"    {key}: client {client.get(key)}, server {own.get(key)}")
    else:
        print(f"    missing {sorted(set(client) - set(own))[:5]},"
              f" extra {sorted(set(own) - set(client))[:5]}")


if __name__ == "__main__":
    sys.exit(main())
