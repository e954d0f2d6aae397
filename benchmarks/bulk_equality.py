#!/usr/bin/env python3
"""Differences between the bulk engine and the library: how many, and which.

For every instrument of each context headers are generated, answered by the engine and by
``crds.core.rmap.get_best_references`` one by one, for all types, and compared in every value
and in the order of types.  A tenth is also made hostile: missing, odd and damaged values.
"""

from __future__ import annotations

import argparse
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

#: Headers that are compared at a time.
AT_ONCE = 2_000

#: Differences that are shown for an instrument.
SHOWN = 5


def main() -> int:
    options = arguments()
    measuring.title("Bulk selection: differences from the library")
    with tempfile.TemporaryDirectory(prefix="crds-benchmark-") as folder:
        cache = options.cache or instances.real_cache() or demonstration(options, Path(folder))
        environment.prepare(options.observatory, cache)
        print(f"Content: {cache.name}, {options.headers:,} headers for each instrument")
        return compare(options, cache)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--observatory", default="hst", choices=environment.OBSERVATORIES)
    parser.add_argument("--headers", type=int, default=2_000, help="for each instrument")
    parser.add_argument("--contexts", nargs="+", default=[], metavar="PMAP",
                        help="the latest that loads, if none is named")
    parser.add_argument("--instruments", nargs="+", default=[], metavar="NAME")
    parser.add_argument("--seed", type=int, default=20260101)
    parser.add_argument("--cache", type=Path, help="a cache to take rules from")
    return parser.parse_args()


def demonstration(options, folder: Path) -> Path:
    from rules.demo import build_demo_cache

    environment.prepare(options.observatory, folder)
    build_demo_cache(options.observatory, folder)
    return folder


def compare(options, cache: Path) -> int:
    from crds.core import log, rmap

    from rules.tests import comparing

    for name in ("verbose", "warning", "error"):
        # Hostile headers make a warning each.
        setattr(log, name, lambda *args, **keys: None)
    engine = comparing.engine_on(rmap.get_cached_mapping)
    total = asked = 0
    for name in options.contexts or [latest(cache, options.observatory)]:
        context = rmap.get_cached_mapping(name)
        for instrument in options.instruments or headers.instruments(context):
            count, found = instrument_differences(options, engine, context, instrument)
            asked += count
            total += found
    return measuring.verdict(
        [Goal("differences", total, 0, at_most=True)],
        f"{asked:,} headers were compared; each difference is one header and one way to ask"
        " (bulk or single).")


def latest(cache: Path, observatory: str) -> str:
    """The highest numbered context whose rules all load."""
    from crds.core import rmap

    folder = cache / "mappings" / observatory
    for path in sorted(folder.glob(f"{observatory}_[0-9]*.pmap"), reverse=True):
        try:
            rmap.get_cached_mapping(path.name).force_load()
            return path.name
        except Exception:
            continue
    sys.exit(f"No context of {observatory} in {folder} loads.")


def instrument_differences(options, engine, context, instrument: str) -> tuple[int, int]:
    """(headers compared, differences), shown as they are found."""
    from rules.tests import comparing

    start = time.perf_counter()
    made = headers.generate(context, instrument, options.headers, options.seed)
    count = found = 0
    while part := list(islice(made, AT_ONCE)):
        part += comparing.spoilt(part[::10], options.seed + count)
        differences = comparing.differences(engine, context, part)
        for one in differences[:max(0, SHOWN - found)]:
            print(f"    {str(one)[:400]}\n      {one.header}")
        count += len(part)
        found += len(differences)
    print(f"  {context.basename} {instrument:<8} {count:>9,} headers {found:>6,} differences"
          f" {time.perf_counter() - start:>7.0f} s", flush=True)
    return count, found


if __name__ == "__main__":
    sys.exit(main())
