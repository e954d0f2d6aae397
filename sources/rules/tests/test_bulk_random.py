"""The bulk engine equals the library on rules and headers that hypothesis makes up."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, Phase, assume, given, settings
from hypothesis import strategies as st

from rules.tests import comparing, made_up_rules

EXAMPLES = settings(
    max_examples=60, deadline=None, derandomize=True, database=None,
    # No shrinking: it takes minutes, and the rules are small.
    phases=[Phase.generate],
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much,
                           HealthCheck.data_too_large, HealthCheck.function_scoped_fixture])


@pytest.fixture
def quiet_library(library, tmp_path, monkeypatch):
    """The library for an observatory, without its warnings about odd rules."""
    from crds.core import log

    for name in ("verbose", "warning", "error"):
        monkeypatch.setattr(log, name, lambda *args, **keys: None)
    return lambda observatory: library(observatory, tmp_path)


def check(instrument: str, data, headers: int) -> None:
    """Make rules and headers up and compare."""
    from crds.core import utils

    from rules.bulk import Engine

    kinds = made_up_rules.KINDS[instrument]
    texts = {kind: data.draw(made_up_rules.rules(instrument, kind)) for kind in kinds}
    special = data.draw(st.dictionaries(
        st.sampled_from(("ONE", "TWO")), st.sampled_from(("N/A", "OMIT")), max_size=1))
    try:
        source = made_up_rules.MadeUp(instrument, texts, special)
    except Exception:  # rules that the library does not take
        assume(False)
    made = data.draw(st.lists(made_up_rules.headers(instrument), min_size=1, max_size=headers))
    engine = Engine(source)
    context = source.load("p.pmap")
    try:
        assert not comparing.differences(engine, context, made), texts
        assert not comparing.differences(
            engine, context, made, ["two", kinds[1].upper(), kinds[0], "nosuch"], single=False)
        assert not comparing.differences(engine, context, made, single=False, columns=True)
        for name in ("i.imap", f"{kinds[0]}.rmap"):
            part = source.load(name)
            assert not comparing.differences(engine, part, made), (name, texts)
    finally:
        utils.clear_function_caches()


@pytest.mark.parametrize("instrument", list(made_up_rules.PARAMETERS))
def test_made_up_rules(instrument, quiet_library):
    quiet_library(made_up_rules.observatory(instrument))

    @EXAMPLES
    @given(st.data())
    def run(data):
        check(instrument, data, headers=12)

    run()


@pytest.mark.exhaustive
@pytest.mark.parametrize("instrument", list(made_up_rules.PARAMETERS))
def test_many_made_up_rules(instrument, quiet_library):
    quiet_library(made_up_rules.observatory(instrument))

    @settings(EXAMPLES, max_examples=5000, derandomize=False)
    @given(st.data())
    def run(data):
        check(instrument, data, headers=30)

    run()
