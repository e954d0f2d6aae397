"""Explanations of rules that hypothesis makes: they always equal the library's selection."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import HealthCheck, given, settings

from rules.tests.random_rules import dataset_headers, rule_texts

#: Rule files and headers that are tried; benchmarks/explain_equality.py tries many more.
EXAMPLES = 700

seen: Counter[str] = Counter()


@pytest.fixture(scope="module", autouse=True)
def quiet_library(tmp_path_factory):
    from rules import environment

    patch = pytest.MonkeyPatch()
    with patch.context() as patched:
        for name in environment.LIBRARY_VARIABLES:
            patched.delenv(name, raising=False)
        environment.prepare("hst", tmp_path_factory.mktemp("no-cache"))
        from crds.core import log

        patched.setattr(log, "verbose", lambda *args, **keys: None)
        patched.setattr(log, "warning", lambda *args, **keys: None)
        yield


def loaded(text: str):
    """The rule, or None where the library refuses the text."""
    from crds.core import rmap

    try:
        return rmap.ReferenceMapping.from_string(text, "hst_acs_test_0001.rmap",
                                                 ignore_checksum=True)
    except Exception:
        return None


def check(text: str, header: dict[str, str]) -> None:
    from rules.explaining import explain_rule

    rule = loaded(text)
    if rule is None:
        seen["refused"] += 1
        return
    explanation = explain_rule(rule, header)
    (one,) = explanation.types
    assert explanation.agrees, (one.cause, one.result, one.selected)
    assert one.reason
    assert explanation.as_dict()
    seen[one.cause] += 1
    for lookup in one.lookups:
        seen[lookup.trace.selector] += 1


@settings(max_examples=EXAMPLES, deadline=None, derandomize=True,
          suppress_health_check=list(HealthCheck))
@given(rule_texts(), dataset_headers())
def test_explanation_is_what_the_library_selects(text, header):
    check(text, header)


def test_the_rules_tried_are_of_every_kind():
    """Runs after the property above: it would prove nothing on one kind of rule."""
    if not seen:
        pytest.skip("The property has not run.")
    from rules.explaining import Cause

    assert seen["refused"] < sum(seen.values()) / 3
    wanted = {Cause.MATCHED, Cause.NO_CASE, Cause.TOO_EARLY, Cause.UNKNOWN_VALUE, Cause.OMIT,
              Cause.RELEVANCE, Cause.CASE_NOT_APPLICABLE, Cause.CASE_OMITTED, Cause.SEVERAL,
              Cause.UNMERGEABLE, Cause.BAD_DATE, Cause.MISSING_PARAMETER, Cause.NOT_REQUIRED}
    assert wanted <= set(seen), (wanted - set(seen), seen)
