"""Rules in memory: shared, within the budget, and equal to the library's."""

from __future__ import annotations

import pytest

from rules import environment


@pytest.fixture(scope="module")
def rules(demo_cache):
    """Module under test, on the demonstration rules of HST."""
    environment.prepare("hst", demo_cache("hst"))
    from rules import loading

    return loading


CONTEXTS = [f"hst_000{n}.pmap" for n in range(1, 7)]


def test_contexts_share_the_rules_that_they_have_in_common(rules):
    cache = rules.RuleCache(10**9)
    one, other = cache.get(CONTEXTS[0]), cache.get(CONTEXTS[1])
    both = set(one.mapping_names()) & set(other.mapping_names())
    assert len(both) > 20
    imaps = [(a, b) for a, b in zip(one.selections.normal_values(),
                                    other.selections.normal_values(), strict=False)
             if a.basename == b.basename]
    assert imaps and all(a is b for a, b in imaps)


def test_the_same_object_each_time(rules):
    cache = rules.RuleCache(10**9)
    assert cache.get(CONTEXTS[0]) is cache.get(CONTEXTS[0])


def test_the_budget_drops_what_was_used_longest_ago(rules):
    roomy = rules.RuleCache(10**9)
    for name in CONTEXTS:
        roomy.get(name)
    alone = rules.RuleCache(10**9)
    alone.get(CONTEXTS[-1])
    tight = rules.RuleCache((roomy.resident() + alone.resident()) // 2)
    for name in CONTEXTS:
        tight.get(name)
        tight.get(CONTEXTS[0])
    assert tight.resident() <= tight.budget
    assert CONTEXTS[0] in tight.names() and CONTEXTS[1] not in tight.names()


def test_a_context_larger_than_the_budget_is_kept_all_the_same(rules):
    cache = rules.RuleCache(1)
    cache.get(CONTEXTS[0])
    assert cache.names() == [CONTEXTS[0]]
    cache.get(CONTEXTS[1])
    assert cache.names() == [CONTEXTS[1]]


def test_dropped_rules_answer_the_same_when_loaded_again(rules):
    from rules.headers import generate
    from rules.selection import select

    cache = rules.RuleCache(1)
    headers = list(generate(cache.get(CONTEXTS[0]), "acs", 20, seed=3))
    first = [select(cache.get(CONTEXTS[0]), header) for header in headers]
    cache.get(CONTEXTS[5])
    assert [select(cache.get(CONTEXTS[0]), header) for header in headers] == first


def test_an_unknown_rule_is_the_library_s_error(rules):
    with pytest.raises(OSError, match=r"hst_4711\.pmap"):
        rules.RuleCache(10**9).get("hst_4711.pmap")
