"""Certifying in processes of their own: outcomes, limits, hostile content."""

from __future__ import annotations

from pathlib import Path

import pytest

from rules.certifying import Candidate, CertifyingError, Workshop

CONTEXTS = {"hst": "hst_0001.pmap", "jwst": "jwst_0001.pmap", "roman": "roman_0001.pmap"}


@pytest.fixture(scope="module")
def workshop(demo_cache):
    """HST, with the demonstration rules."""
    cache = demo_cache("hst")
    context = max(path.name for path in (cache / "mappings" / "hst").glob("*.pmap"))
    with Workshop("hst", cache, context, processes=2, time_limit=60, memory_limit=700) as shop:
        yield shop


def a_file(folder: Path, name: str, content: bytes | str) -> Candidate:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return Candidate(path, name)


def codes(certified) -> set[str]:
    return {found.code for found in certified.findings}


def test_a_demonstration_reference_is_fine(workshop, demo_cache):
    path = next((demo_cache("hst") / "references" / "hst").rglob("*_drk.fits"))
    [outcome] = workshop.certify([Candidate(path, path.name)])
    assert (outcome.errors, outcome.instrument) == (0, "acs"), outcome.log
    [identified] = workshop.identify([Candidate(path, "of any name.fits")])
    assert identified.properties == (outcome.instrument, outcome.filekind)


def test_content_that_is_no_fits(workshop, tmp_path):
    [outcome] = workshop.certify([a_file(tmp_path, "wrong.fits", "not at all")])
    assert outcome.verdict == "errors"
    assert all(found.advice for found in outcome.findings if found.level == "error")
    [identified] = workshop.identify([a_file(tmp_path, "wrong.fits", "not at all")])
    assert identified.problem.level == "error"


def test_a_context_that_does_not_load(demo_cache):
    with pytest.raises(CertifyingError, match="hst_4711"), \
            Workshop("hst", demo_cache("hst"), "hst_4711.pmap"):
        pass
