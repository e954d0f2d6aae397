#!/usr/bin/env python3
"""Rate and memory of the bulk engine, beside the library in a loop.

A million headers of one instrument, all types, on one core: headers as dictionaries in,
codes of the answers out.  The library selects for a sample of the same headers.  Both are
measured in turn in one process, in processor time, since other work of a shared machine
would count otherwise.  Answers of the sample are compared.
"""

from __future__ import annotations

import argparse
import random
import resource
import sys
import tempfile
import time
from datetime import datetime, timedelta
from pathlib import Path

import bootstrap  # noqa: F401
import bulk_equality
import instances
import measuring
from measuring import Goal, Series

from rules import environment, headers

SEED = 20260101

#: Sets of parameters that an archive's headers share; dates are never shared.
SHARED = 20_000

WANTED = 150

READING = """a ratio says how many times longer the library takes for one header. "With reading"
counts turning dictionaries into columns; "from columns" starts with a table, as from an archive
that is stored in columns.  Memory is what was added at most while selecting."""


def main() -> int:
    options = arguments()
    measuring.title("Bulk selection: rate and memory")
    with tempfile.TemporaryDirectory(prefix="crds-benchmark-") as folder:
        cache = instances.real_cache() or bulk_equality.demonstration(options, Path(folder))
        environment.prepare(options.observatory, cache)
        return measure(options, cache)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--observatory", default="hst", choices=environment.OBSERVATORIES)
    parser.add_argument("--context", help="the latest that loads, if not named")
    parser.add_argument("--instrument", default="acs")
    parser.add_argument("--headers", type=int, default=1_000_000)
    parser.add_argument("--sample", type=int, default=400, help="of the library, in each round")
    parser.add_argument("--rounds", type=int, default=3)
    return parser.parse_args()


def measure(options, cache: Path) -> int:
    from crds.core import log, rmap

    from rules.tests import comparing

    log.verbose = lambda *args, **keys: None  # a sixth of the library's time, as in the server
    name = options.context or bulk_equality.latest(cache, options.observatory)
    context = rmap.get_cached_mapping(name)
    engine = comparing.engine_on(rmap.get_cached_mapping)
    goals = []
    forms = ("headers as an archive's", archive_like), ("all headers distinct", distinct)
    for what, make in forms:
        made = make(context, options)
        print(f"\n{what}: {len(made):,} of {options.instrument} under {name}", flush=True)
        goals += compare(options, engine, context, made, what)
        del made
    return measuring.verdict(goals, READING)


def distinct(context, options) -> list[dict[str, str]]:
    """Headers that differ in dates and in parameters."""
    return list(headers.generate(context, options.instrument, options.headers, SEED))


def archive_like(context, options) -> list[dict[str, str]]:
    """Headers that share sets of parameters and have a date of their own each."""
    base = list(headers.generate(context, options.instrument, SHARED, SEED))
    rng = random.Random(SEED)
    first, last = headers.HST_SERVICE.get(
        options.instrument, headers.MISSION[options.observatory])
    span = int((last - first).total_seconds())
    return [dated(dict(header), first + timedelta(seconds=rng.randrange(span)), options)
            for header in rng.choices(base, k=options.headers)]


def dated(header: dict[str, str], moment: datetime, options) -> dict[str, str]:
    names = headers.DATE_KEYS[options.observatory]
    if len(names) == 2:
        header[names[0]], header[names[1]] = moment.isoformat(" ").split()
    else:
        header[names[0]] = moment.isoformat()
    return header


def compare(options, engine, context, made: list[dict[str, str]], what: str) -> list[Goal]:
    from rules.tests import comparing

    rng = random.Random(SEED)
    engine.best(context.basename, made[0])  # rules are compiled once and kept
    library = Series("library", "µs a header")
    reading = Series("reading", "µs a header")
    selecting = Series("selecting", "µs a header")
    added = 0
    for _ in range(options.rounds):
        sample = rng.sample(range(len(made)), options.sample)
        start = time.process_time()
        theirs = [comparing.by_library(context, made[row]) for row in sample]
        library.values.append((time.process_time() - start) / options.sample * 1e6)
        before = peak()
        start = time.process_time()
        table = engine.table(context.basename, made)
        read = time.process_time()
        result = engine.best_references(context.basename, table)
        end = time.process_time()
        added = max(added, peak() - before)
        reading.values.append((read - start) / len(made) * 1e6)
        selecting.values.append((end - read) / len(made) * 1e6)
        wrong = sum(result.references(row) != answer
                    for row, answer in zip(sample, theirs, strict=True))
        del table, result
    measuring.table(f"{wrong} of {options.sample} answers differ", [library, reading, selecting])
    print(f"  memory added: {added / 1e6:,.0f} MB")
    both = Series("", "", [one + other for one, other in
                           zip(reading.values, selecting.values, strict=True)])
    return [Goal(f"{what}: library / engine with reading", measuring.ratio(library, both), WANTED),
            Goal(f"{what}: library / engine from columns",
                 measuring.ratio(library, selecting), WANTED),
            Goal(f"{what}: answers that differ", wrong, 0, at_most=True)]


def peak() -> int:
    """The most resident bytes that this process has had."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


if __name__ == "__main__":
    sys.exit(main())
