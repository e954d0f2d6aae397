#!/usr/bin/env python3
"""Certifying 20 files as a submission does, beside the sum of 20 ``crds certify`` commands.

The files are real references of HST, good and broken, certified against hst_0500 with fitsverify.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import bootstrap
import instances
import measuring

from rules import environment
from rules.certifying import Candidate, Workshop
from rules.tests.reference_outcomes import CONTEXTS

FILES = 20


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--processes", type=int, help="files at a time (one for each core)")
    options = parser.parse_args()
    cache = instances.real_cache()
    if cache is None:
        print("The real data are not there; set CRDS_TEST_DATA.")
        return 1
    paths = sorted((cache.parent / "references" / "hst").glob("*.fits"))[:FILES]
    measuring.title(f"Certifying {len(paths)} files")

    series = measuring.rounds({
        "a submission": lambda: measuring.timed(lambda: ours(cache, paths, options.processes)),
        "crds certify, one after the other": lambda: measuring.timed(
            lambda: [client("hst", cache, path) for path in paths]),
    }, count=options.rounds, unit="s", prepare=False)
    measuring.table("All files", series.values())
    mine, others = series.values()
    return measuring.verdict(
        [measuring.Goal("times as fast as the commands", measuring.ratio(others, mine), 1)],
        "a submission starts the library once and looks at files side by side; the slowest file"
        " sets the lower bound.")


def ours(cache: Path, paths: list[Path], processes: int | None) -> None:
    with Workshop("hst", cache, CONTEXTS["hst"], processes=processes) as workshop:
        workshop.certify([Candidate(path, path.name) for path in paths])


def client(observatory: str, cache: Path, path: Path) -> tuple[int, int]:
    """Errors and warnings that the real client counts for one file."""
    variables = environment.client_environment(
        observatory, environment.SERVERLESS_URL, cache) | {
            "CRDS_READONLY_CACHE": "1", "CRDS_MODE": "local"}
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            [bootstrap.ENVIRONMENT / "bin" / "crds", "certify", "--run-fitsverify",
             "--comparison-context", CONTEXTS[observatory],
             "--dont-check-rmap-updates", f"./{path.name}"],
            env=variables | {"HOME": folder}, cwd=path.parent, capture_output=True, text=True)
    said = done.stdout + done.stderr
    counts = [re.findall(rf"INFO - +(\d+) {kind}", said) for kind in ("errors", "warnings")]
    if not all(counts):
        raise RuntimeError(f"crds certify {path.name} gave no counts:\n{said[-2000:]}")
    return int(counts[0][-1]), int(counts[1][-1])


if __name__ == "__main__":
    sys.exit(main())
