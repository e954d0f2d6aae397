"""Explanations equal the library's selection, on generated headers of every instrument."""

from __future__ import annotations

import random

import pytest

from rules import headers
from rules.tests.loaded import load

#: Headers of each instrument, and parts of a hundred of them that are spoilt.
DEMO_COUNT = 40
REAL_COUNT = 60
SPOILT = 30

DEMO = {"hst": ("hst_0001.pmap", "hst_0005.pmap"), "jwst": ("jwst_0001.pmap", "jwst_0005.pmap"),
        "roman": ("roman_0005.pmap",), "tobs": ("tobs_0003.pmap",)}
REAL = {"hst": ("hst_0500.pmap", "hst_0300.pmap"), "jwst": ("jwst_0300.pmap", "jwst_0150.pmap"),
        "roman": ("roman_0004.pmap",)}

#: Values that no careful header has.
HOSTILE = ("UNDEFINED", "", "*", "N/A", "ANY", "NOT FOUND", "nan", "1e999", "<script>", "é\x00",
           "{X}", "(A|", "#>1 AND <2#", "BETWEEN 1 2", "2001-02-30", "99:99:99", "-999", "' or 1")


@pytest.fixture
def quiet(monkeypatch):
    from crds.core import log

    monkeypatch.setattr(log, "verbose", lambda *args, **keys: None)
    monkeypatch.setattr(log, "warning", lambda *args, **keys: None)


def spoil(header: dict[str, str], rng: random.Random) -> dict[str, str]:
    """Take some parameters away and give others odd values; the instrument stays."""
    changed = dict(header)
    names = [name for name in header if not name.endswith(("INSTRUME", "INSTRUMENT.NAME"))]
    for name in rng.sample(names, min(len(names), rng.randrange(1, 4))):
        if rng.random() < 0.4:
            del changed[name]
        else:
            changed[name] = rng.choice(HOSTILE)
    return changed


def compare(context, count: int) -> int:
    """Answers that were compared, all equal."""
    from rules.explaining import Extent, explain_rule

    rng = random.Random(7)
    compared = files = 0
    for instrument in headers.instruments(context):
        for number, header in enumerate(headers.generate(context, instrument, count, seed=17)):
            if number % 100 < SPOILT:
                header = spoil(header, rng)
            explanation = explain_rule(context, header, extent=Extent(entries=2))
            wrong = [(one.filekind, one.cause, one.result, one.selected)
                     for one in explanation.types if not one.agrees]
            assert explanation.agrees and not wrong, (context.basename, header, wrong[:2])
            assert all(one.reason for one in explanation.types)
            compared += len(explanation.types)
            files += sum(one.outcome == "file" for one in explanation.types)
    # A comparison of misses alone would prove little.
    assert files > compared * 0.1
    return compared


@pytest.mark.parametrize(("observatory", "name"),
                         [(one, name) for one, names in DEMO.items() for name in names])
def test_equals_selection_on_demonstration_rules(library, demo_cache, quiet, observatory, name):
    library(observatory, demo_cache(observatory))
    assert compare(load(name), DEMO_COUNT) >= DEMO_COUNT


@pytest.mark.parametrize(("observatory", "name"),
                         [(one, name) for one, names in REAL.items() for name in names])
def test_equals_selection_on_real_rules(library, real_cache, quiet, observatory, name):
    library(observatory, real_cache)
    assert compare(load(name), REAL_COUNT) >= REAL_COUNT
