#!/usr/bin/env python3
"""Explanations beside the library's selection: no answer may differ; and what they cost.

Explains many generated headers of every instrument, and rules and headers that hypothesis
makes up, far more than the tests do.  Exit status 1 if any explanation disagrees.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import bootstrap  # noqa: F401  (puts the sources on the path)
import instances
import measuring

from rules import environment

CONTEXTS = {"hst": ("hst_0500.pmap", "hst_0300.pmap"), "jwst": ("jwst_0300.pmap", "jwst_0150.pmap"),
            "roman": ("roman_0004.pmap",)}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=1000, help="headers of each instrument")
    parser.add_argument("--made-up", type=int, default=5000, help="rules that hypothesis makes up")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    measuring.title("Explanations beside the library's selection")
    wrong = 0
    cache = instances.real_cache()
    if cache is None:
        print("The real cache is not there (set CRDS_TEST_DATA); made up rules only.")
    else:
        for observatory, names in CONTEXTS.items():
            wrong += compare(observatory, cache, names, options)
    wrong += compare_made_up(options.made_up)
    print(f"\nAnswers that differ: {wrong}")
    return 1 if wrong else 0


def compare(observatory: str, cache: Path, names: tuple[str, ...], options) -> int:
    environment.prepare(observatory, cache)
    quiet()
    from crds.core import rmap

    from rules.headers import instruments

    wrong = 0
    for name in names:
        context = rmap.load_mapping(name)
        context.force_load()
        for instrument in instruments(context):
            wrong += compare_instrument(context, instrument, options)
    return wrong


def compare_instrument(context, instrument: str, options) -> int:
    from rules.explaining import explain_rule
    from rules.headers import generate
    from rules.selection import select
    from rules.tests.test_explaining import spoil

    rng = random.Random(options.seed)
    headers = list(generate(context, instrument, options.count, seed=options.seed))
    headers = [spoil(header, rng) if number % 100 < 30 else header
               for number, header in enumerate(headers)]
    started = time.perf_counter()
    for header in headers:
        select(context, header)
    selecting = time.perf_counter() - started
    wrong = answers = 0
    slowest = 0.0
    started = time.perf_counter()
    for header in headers:
        begun = time.perf_counter()
        explanation = explain_rule(context, header)
        slowest = max(slowest, time.perf_counter() - begun)
        answers += len(explanation.types)
        wrong += sum(not one.agrees for one in explanation.types) + (not explanation.agrees)
    explaining = time.perf_counter() - started
    print(f"{context.basename:15} {instrument:8} {answers:8} answers, {wrong} differ;"
          f" {explaining / len(headers) * 1000:6.1f} ms a header, slowest {slowest * 1000:5.0f} ms,"
          f" {explaining / selecting:4.1f} times a selection", flush=True)
    return wrong


def compare_made_up(count: int) -> int:
    from hypothesis import HealthCheck, given, settings

    from rules.explaining import explain_rule
    from rules.tests.random_rules import dataset_headers, rule_texts
    from rules.tests.test_explaining_rules import loaded

    causes: Counter[str] = Counter()
    wrong = []
    with tempfile.TemporaryDirectory() as folder:
        environment.prepare("hst", folder)
        quiet()

        @settings(max_examples=count, deadline=None, database=None,
                  suppress_health_check=list(HealthCheck))
        @given(rule_texts(), dataset_headers())
        def tried(text, header):
            rule = loaded(text)
            if rule is not None:
                explanation = explain_rule(rule, header)
                causes[explanation.types[0].cause] += 1
                if not explanation.agrees:
                    wrong.append((text, header))

        tried()
    print(f"made up rules: {sum(causes.values())} answers, {len(wrong)} differ;"
          f" {dict(causes.most_common())}")
    for text, header in wrong[:1]:
        print(text, header)
    return len(wrong)


def quiet() -> None:
    """The library's messages cost time and are of no use here."""
    from crds.core import log

    log.verbose = log.warning = lambda *args, **keys: None


if __name__ == "__main__":
    sys.exit(main())
