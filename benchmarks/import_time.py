#!/usr/bin/env python3
"""Time of the import of a whole cache (./init --cache), beside parsing its rules once.

The yardstick is the least that any import does: sha1 and the client library's
parser over every rule, in one process.  A second import of the same cache, which
finds nothing to do, is timed too.
"""

from __future__ import annotations

import argparse
import hashlib
import sqlite3
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import bootstrap
import instances
import measuring
from measuring import Goal, Series

from rules import environment

IMPORT, AGAIN, PARSING = "import", "import again, nothing new", "sha1 and parsing, one core"
GOAL_SECONDS = 120


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--observatory", default="hst", choices=("hst", "jwst", "roman"))
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--parse", metavar="CACHE", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.parse:
        parse(options.observatory, options.parse)
        return 0
    instances.supported()
    measuring.title(f"Import of a cache of {options.observatory}")
    with tempfile.TemporaryDirectory(prefix="crds-benchmark-") as folder:
        return compare(options, content(options.observatory, Path(folder)))


def content(observatory: str, folder: Path) -> Path:
    """The cache to import: the real one, else one that is made for the demonstration."""
    cache = instances.real_cache()
    if cache is not None:
        print(f"Content: the real {observatory} cache")
        return cache
    print("Content: demonstration (the real cache is not there: set CRDS_TEST_DATA)")
    code = (f"from rules.demo import build_demo_cache; from pathlib import Path;"
            f"build_demo_cache({observatory!r}, Path({str(folder)!r}))")
    subprocess.run([sys.executable, "-c", code], check=True, cwd=bootstrap.SOURCES)
    return folder


def parse(observatory: str, cache: Path) -> None:
    """The yardstick; runs in a process of its own."""
    environment.prepare(observatory, cache)
    from crds.core import rmap

    kinds = {".pmap": rmap.PipelineContext, ".imap": rmap.InstrumentContext,
             ".rmap": rmap.ReferenceMapping}
    for path in sorted((cache / "mappings" / observatory).glob("*map")):
        data = path.read_bytes()
        hashlib.sha1(data, usedforsecurity=False).hexdigest()
        try:
            kinds[path.suffix].from_string(data.decode(), path.name, ignore_checksum=True)
        except Exception:
            continue  # a cache may hold broken rules; an import reads those too


def compare(options, cache: Path) -> int:
    series = {name: Series(name, "s") for name in (IMPORT, AGAIN, PARSING)}
    for _ in range(options.rounds):
        with instances.scratch(options.observatory) as instance:
            for name in (IMPORT, AGAIN):
                series[name].values.append(measuring.timed(
                    lambda instance=instance: instances.manage(
                        instance, "import_cache", str(cache))))
            counts = rows(instance)
        start = time.perf_counter()
        subprocess.run([sys.executable, __file__, "--observatory", options.observatory,
                        "--parse", str(cache)], check=True, stderr=subprocess.DEVNULL)
        series[PARSING].values.append(time.perf_counter() - start)
    measuring.table("Seconds", series.values())
    files, links = counts["interactive_catalogfile"], counts["interactive_rulelink"]
    seconds = series[IMPORT].median
    print(f"\n{files:,} files and {links:,} links between them:"
          f" {(files + links) / seconds:,.0f} rows a second")
    parsing = measuring.ratio(series[IMPORT], series[PARSING])
    print(f"Ratio, import / sha1 and parsing: {parsing:.2f}"
          f"\nRatio, import again / import: {measuring.ratio(series[AGAIN], series[IMPORT]):.2f}")
    return measuring.verdict(
        [Goal("import", seconds, GOAL_SECONDS, at_most=True, unit="s")],
        "a ratio of 1 would mean that catalogue, graph and copying cost nothing beside parsing.\n"
        "Parsing uses all cores, so the ratio may fall below 1 on many cores.")


def rows(instance) -> dict[str, int]:
    """Rows of the tables that an import fills."""
    database = sqlite3.connect(instance.databases["default"]["NAME"])
    try:
        return {table: database.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
                for table in ("interactive_catalogfile", "interactive_rulelink")}
    finally:
        database.close()


if __name__ == "__main__":
    sys.exit(main())
