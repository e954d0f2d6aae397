"""Real reference files, good and broken, end as they must."""

from __future__ import annotations

import pytest

from rules.certifying import Candidate, Workshop

from .reference_outcomes import CONTEXTS, OUTCOMES, SAMPLE


def compare(test_data, real_cache, observatory, names):
    folder = test_data / "references" / observatory
    candidates = [Candidate(folder / name, name) for name in names]
    with Workshop(observatory, real_cache, CONTEXTS[observatory], processes=2) as workshop:
        outcomes = workshop.certify(candidates)
    for outcome in outcomes:
        expected = OUTCOMES[observatory][outcome.name]
        assert (outcome.errors, outcome.warnings) == (expected.errors, expected.warnings), \
            (outcome.name, outcome.log)
        assert (outcome.instrument, outcome.filekind) == (
            expected.instrument, expected.filekind), outcome.name
        found = {one.code for one in outcome.findings if one.level == "error"}
        assert found == expected.codes, outcome.name
        for one in outcome.findings:
            assert one.code not in ("other-error", "other-warning"), one
            assert one.advice


@pytest.mark.parametrize("observatory", SAMPLE)
def test_a_sample(test_data, real_cache, observatory):
    compare(test_data, real_cache, observatory, SAMPLE[observatory])


@pytest.mark.exhaustive
@pytest.mark.parametrize("observatory", OUTCOMES)
def test_all(test_data, real_cache, observatory):
    present = {path.name for path in (test_data / "references" / observatory).iterdir()}
    assert present == set(OUTCOMES[observatory])
    compare(test_data, real_cache, observatory, OUTCOMES[observatory])
