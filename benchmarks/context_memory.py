#!/usr/bin/env python3
"""Memory and time that loaded contexts take, and whether the budget holds.

Measures the figure ``BYTES_PER_TEXT_BYTE`` of ``sources/rules/loading.py`` on
the newest context, then loads many contexts within a budget.  Each measurement
runs in a process of its own, since memory given back stays with a process.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import bootstrap
import instances
import measuring
from measuring import MEGABYTE, Goal, Series

from rules import environment

#: How far the resident memory may be from the budget, as a share of it.
TOLERANCE = 1.25


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--observatory", default="hst", choices=("hst", "jwst"))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--budget", type=int, default=200, help="megabytes for many contexts")
    parser.add_argument("--measure", nargs=2, metavar=("CACHE", "WHAT"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        cache, what = options.measure
        print(json.dumps(measure(options.observatory, Path(cache), what, options.budget)))
        return 0
    instances.supported()
    measuring.title("Loaded contexts: memory and time")
    with tempfile.TemporaryDirectory(prefix="crds-benchmark-") as folder:
        return compare(options, content(options.observatory, Path(folder)))


def content(observatory: str, folder: Path) -> Path:
    """The cache whose contexts are loaded: the real one, else the demonstration's."""
    cache = instances.real_cache()
    if cache is None:
        print("Content: demonstration (the real cache is not there: set CRDS_TEST_DATA)")
        code = (f"from rules.demo import build_demo_cache; from pathlib import Path;"
                f"build_demo_cache({observatory!r}, Path({str(folder)!r}))")
        subprocess.run([sys.executable, "-c", code], check=True, cwd=bootstrap.SOURCES)
        return folder
    print(f"Content: the real {observatory} cache")
    return cache


def contexts(observatory: str, cache: Path) -> list[str]:
    """Numbered contexts of ``cache``, oldest first."""
    return sorted(path.name for path in mappings(observatory, cache)
                  if re.fullmatch(r"[a-z]+_\d+\.pmap", path.name))


def mappings(observatory: str, cache: Path) -> list[Path]:
    return list((cache / "mappings" / observatory).glob("*map"))


# ---- in a process of its own -----------------------------------------------


def resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def measure(observatory: str, cache: Path, what: str, budget: int) -> dict[str, float]:
    environment.prepare(observatory, cache)
    from rules.loading import BYTES_PER_TEXT_BYTE, RuleCache

    names = contexts(observatory, cache)
    # What the library imports with the first rule is not memory of that rule.
    RuleCache(10**12).get(min(
        (path for path in mappings(observatory, cache) if path.suffix == ".rmap"),
        key=lambda path: path.stat().st_size).name)
    before = resident()
    if what == "newest":
        rules = RuleCache(10**12)
        seconds = measuring.timed(lambda: rules.get(names[-1]))
        gc.collect()
        text = rules.resident() / BYTES_PER_TEXT_BYTE
        return {"seconds": seconds, "text": text, "bytes": resident() - before,
                "constant": BYTES_PER_TEXT_BYTE}
    rules = RuleCache(budget * 1024 * 1024)
    loaded, most, start = 0, 0, time.monotonic()
    for name in _spread(names):
        try:
            rules.get(name)
            loaded += 1
        except Exception:
            continue  # half of a shared cache's contexts lack rules; their parts count too
        most = max(most, resident() - before)
        if time.monotonic() - start > 45:
            break
    return {"loaded": loaded, "kept": len(rules.names()), "most": most}


def _spread(names: list[str]) -> list[str]:
    """Every third name: neighbours share nearly all of their rules."""
    return names[::-3]


# ---- side by side -------------------------------------------------------------


def compare(options, cache: Path) -> int:
    seconds, factor = Series("time to load", "s"), Series("resident bytes", "for a byte of text")
    for _ in range(options.rounds):
        found = _child(options, cache, "newest")
        seconds.values.append(found["seconds"])
        factor.values.append(found["bytes"] / found["text"])
    name = contexts(options.observatory, cache)[-1]
    measuring.table(f"{name}: {found['text'] / MEGABYTE:.1f} MB of rules,"
                    f" {found['bytes'] / MEGABYTE:.0f} MB resident", [seconds, factor])
    many = _child(options, cache, "many")
    limit = options.budget * 1024 * 1024
    print(f"\nMany contexts within {options.budget} MB: {many['loaded']:.0f} loaded one after the"
          f" other, {many['kept']:.0f} of them kept at the end,"
          f" at most {many['most'] / MEGABYTE:.0f} MB resident")
    return measuring.verdict([
        Goal("resident bytes for a byte of text / the figure assumed",
             factor.median / found["constant"], 1.1, at_most=True),
        Goal("most memory / budget", many["most"] / limit, TOLERANCE, at_most=True),
    ], f"the budget counts {found['constant']:.0f} resident bytes for each byte of rule text"
       " (BYTES_PER_TEXT_BYTE\nin sources/rules/loading.py); above 1 it would count too little."
       " Loading happens once for a\ncontext and process; contexts share the rules they have in"
       " common.")


def _child(options, cache: Path, what: str) -> dict[str, float]:
    done = subprocess.run(
        [sys.executable, __file__, "--observatory", options.observatory,
         "--budget", str(options.budget), "--measure", str(cache), what],
        stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


if __name__ == "__main__":
    sys.exit(main())
