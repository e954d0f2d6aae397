"""Headers that match rules, of the demonstration and of a real cache."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from rules import environment, headers
from rules.demo import build_demo_cache
from rules.tests.loaded import load

CHECKOUT = Path(__file__).resolve().parents[3]
REAL_CACHE = Path(os.environ.get("CRDS_TEST_DATA", CHECKOUT.parent / "shared/data")) / "crds-cache"


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    """Folders of demonstration caches, and their summaries."""
    root = tmp_path_factory.mktemp("headers")
    return {name: (root / name, build_demo_cache(name, root / name)) for name in ("hst", "jwst")}


@pytest.fixture
def hst(demo, library):
    folder, summary = demo["hst"]
    library("hst", folder)
    return load(summary.latest_context)


@pytest.fixture
def jwst(demo, library):
    folder, summary = demo["jwst"]
    library("jwst", folder)
    return load(summary.latest_context)


def real_context(observatory: str, library, choice: int = -1):
    if not REAL_CACHE.is_dir():
        pytest.skip(f"No real CRDS cache at {REAL_CACHE}; set CRDS_TEST_DATA to the test data.")
    library(observatory, REAL_CACHE)
    numbered = sorted((REAL_CACHE / "mappings" / observatory).glob(f"{observatory}_0*.pmap"))
    return load(numbered[choice].name)


def shares(context, instrument: str, count: int, **options) -> tuple[float, float]:
    """Share of datasets with a reference, and of answers that are files among the relevant."""
    from crds.core import utils

    imap = context.get_imap(instrument)
    with_reference = found = missing = 0
    for header in headers.generate(context, instrument, count, seed=11, **options):
        answers = imap.get_best_references(utils.condition_header(header)).values()
        files = [a for a in answers if not (isinstance(a, str) and a.startswith("NOT FOUND"))]
        with_reference += bool(files)
        found += len(files)
        missing += sum(
            isinstance(a, str) and a.startswith("NOT FOUND") and a != "NOT FOUND n/a"
            for a in answers
        )
    return with_reference / count, found / max(1, found + missing)


def test_values_are_concrete(hst):
    values = headers.parameter_values(hst, "acs")
    assert values["DETECTOR"] == ["HRC", "SBC", "WFC"]
    assert not {"DATE-OBS", "TIME-OBS"} & set(values)
    for name, found in values.items():
        for value in found:
            assert not set("|*{}#") & set(value) and value != "N/A", (name, value)


def test_dates_of_rules(hst):
    dates = headers.useafter_dates(hst, "acs")
    assert "1991-01-01 00:00:00" in dates and "2019-12-12 03:21:44" in dates
    assert dates == sorted(dates)


def test_headers_repeat_with_the_seed_only(hst):
    first = list(headers.generate(hst, "cos", 50, seed=1))
    assert first == list(headers.generate(hst, "cos", 50, seed=1))
    assert first != list(headers.generate(hst, "cos", 50, seed=2))


def test_headers_have_what_selection_needs(hst):
    # REFTYPE is how an imap selects its rmap, not a parameter of datasets.
    needed = set(hst.get_imap("stis").get_required_parkeys()) - {"REFTYPE"}
    for header in headers.generate(hst, "stis", 100, seed=5):
        assert needed <= set(header), needed - set(header)
        assert header["INSTRUME"] == "STIS"
        assert all(isinstance(value, str) for value in header.values())


def test_some_dates_lie_exactly_on_rules(jwst):
    dates = set(headers.useafter_dates(jwst, "miri"))
    moments = [
        f"{header['META.OBSERVATION.DATE']} {header['META.OBSERVATION.TIME']}"
        for header in headers.generate(jwst, "miri", 400, seed=5)
    ]
    exact = sum(moment in dates for moment in moments)
    assert 20 < exact < 200
    assert len(set(moments)) > 200


def test_match_share_is_felt(hst):
    _, orderly = shares(hst, "wfc3", 200, match_share=1.0)
    _, random = shares(hst, "wfc3", 200, match_share=0.0)
    assert orderly > 0.95
    assert random < orderly - 0.05


@pytest.mark.parametrize(
    "instrument", ["acs", "cos", "nicmos", "stis", "wfc3", "wfpc2"]
)
def test_real_hst_rules_match(library, instrument):
    context = real_context("hst", library)
    datasets, answers = shares(context, instrument, 100)
    assert datasets > 0.95
    assert answers > 0.8


@pytest.mark.parametrize("instrument", ["fgs", "miri", "nircam", "niriss", "nirspec"])
def test_real_jwst_rules_match(library, instrument):
    context = real_context("jwst", library)
    datasets, answers = shares(context, instrument, 60)
    assert datasets > 0.9
    assert answers > 0.6


def test_fast_enough(library):
    context = real_context("hst", library)
    started = time.monotonic()
    assert sum(1 for _ in headers.generate(context, "acs", 10_000, seed=1)) == 10_000
    assert time.monotonic() - started < 6


def test_unknown_instrument(hst):
    with pytest.raises(ValueError, match="no rules for instrument 'FOC'"):
        list(headers.generate(hst, "FOC", 1, seed=1))


def test_patterns_become_values_they_accept():
    from crds.core import selectors

    for expression in ("BETWEEN 3000 4200", "# >3000 and <=4200 #", "NOT FR*", "(F[0-9]+W)",
                       "F6*", "{F606W}", ">=1.5"):
        value = headers._accepted(expression, ["F606W", "FR656N"])
        assert selectors.matcher(expression).match(value) == 1, (expression, value)


def test_hst_archive(demo, library):
    folder, summary = demo["hst"]
    library("hst", folder)
    latest, old = load(summary.latest_context), load(summary.contexts[0])
    datasets = list(headers.generate_archive(latest, "hst", 60, 1, historical_context=old))
    identifiers = [f"{product}:{exposure}" for product, exposure, _, _ in datasets]
    assert len(identifiers) == len(set(identifiers))
    exposures = [exposure for _, exposure, _, _ in datasets]
    assert len(exposures) == len(set(exposures))
    for known in ("LCE31SW6Q:LCE31SW6Q", "U20L0U01T:U20L0U01T", "I9ZF01010:I9ZF01DZQ",
                  "JBANJOF3Q:JBANJOF3Q", "LA9K03CBQ:LA9K03CBQ"):
        assert known in identifiers
    assert len([name for name in identifiers if name.startswith("JCL403010:")]) > 1
    letters = headers.HST_LETTERS
    for product, exposure, instrument, header in datasets:
        assert product[0] == exposure[0] == letters[instrument]
        assert len(product) == len(exposure) == 9
        assert header["INSTRUME"] == instrument.upper()
        assert header["DATE-OBS"] and header["TIME-OBS"]
    acs = next(header for _, _, instrument, header in datasets if instrument == "acs")
    assert acs["BPIXTAB"] == "N/A" or acs["BPIXTAB"].endswith("_BPX.FITS")
    assert {"DARKFILE", "IDCTAB", "BIASFILE"} <= set(acs)


def test_jwst_archive(jwst):
    datasets = list(headers.generate_archive(jwst, "jwst", 30, 1))
    assert {instrument for _, _, instrument, _ in datasets} == {
        "fgs", "miri", "nircam", "niriss", "nirspec"
    }
    names = [product for product, _, _, _ in datasets]
    assert len(names) == len(set(names)) == 150
    assert all(product == exposure for product, exposure, _, _ in datasets)
    assert all(name.startswith("JW94") and "." in name for name in names)


def test_prepare_keeps_the_library_off_servers(library, tmp_path, monkeypatch):
    monkeypatch.setenv("CRDS_ROOT", "/kept")
    os.environ.update(CRDS_CONTEXT="hst_0001.pmap", CRDS_MAPPATH="/nowhere")
    library("roman", tmp_path)
    assert "serverless" in os.environ["CRDS_SERVER_URL"]
    assert os.environ["CRDS_OBSERVATORY"] == "roman"
    assert os.environ["CRDS_ROOT"] == "/kept"
    assert not {"CRDS_CONTEXT", "CRDS_MAPPATH"} & set(os.environ)
    from crds.client import api

    assert api.get_crds_server() == environment.SERVERLESS_URL
    with pytest.raises(ValueError, match="Unknown observatory"):
        library("kepler", tmp_path)


def test_client_environment_is_clean(monkeypatch, tmp_path):
    monkeypatch.setenv("CRDS_CONTEXT", "hst_0001.pmap")
    monkeypatch.setenv("DJANGO_SETTINGS_MODULE", "settings")
    env = environment.client_environment("hst", "http://localhost:8000", tmp_path)
    assert env["CRDS_SERVER_URL"] == "http://localhost:8000"
    assert env["CRDS_PATH"] == str(tmp_path)
    assert env["CRDS_OBSERVATORY"] == "hst"
    assert "CRDS_CONTEXT" not in env and "DJANGO_SETTINGS_MODULE" not in env
    assert "PATH" in env
    assert "CRDS_OBSERVATORY" not in environment.client_environment(None, "http://x", tmp_path)
