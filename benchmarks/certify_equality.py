#!/usr/bin/env python3
"""Every real reference file by the server's certify and by ``crds certify``: counts must be equal.

Exit status 1 if errors or warnings of a file differ, other than where this server looks for more
(halves of GEIS pairs).
"""

from __future__ import annotations

import argparse
import sys

import bootstrap  # noqa: F401  (puts the sources on the path)
import certify
import instances
import measuring

from rules.certifying import Candidate, Workshop
from rules.tests.reference_outcomes import CONTEXTS, OUTCOMES


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("observatories", nargs="*", default=list(OUTCOMES), metavar="OBSERVATORY")
    options = parser.parse_args()
    cache = instances.real_cache()
    if cache is None:
        print("The real data are not there; set CRDS_TEST_DATA.")
        return 1
    measuring.title("Server's certify beside the client's")
    print(f"{'file':44} {'server':>14} {'client':>14}   (errors, warnings)")
    differ = sum(compare(observatory, cache) for observatory in options.observatories)
    print(f"\nFiles that differ: {differ}")
    return 1 if differ else 0


def compare(observatory: str, cache) -> int:
    folder = cache.parent / "references" / observatory
    paths = sorted(folder.iterdir())
    with Workshop(observatory, cache, CONTEXTS[observatory]) as workshop:
        outcomes = workshop.certify([Candidate(path, path.name) for path in paths])
    differ = 0
    for path, outcome in zip(paths, outcomes, strict=True):
        mine, clients = (outcome.errors, outcome.warnings), certify.client(observatory, cache, path)
        note = ""
        if mine != clients:
            own = OUTCOMES[observatory][path.name].own
            note = "own check" if own else "DIFFERENT"
            differ += not own
        print(f"{path.name:44} {mine!s:>14} {clients!s:>14}   {note}", flush=True)
    return differ


if __name__ == "__main__":
    sys.exit(main())
