"""Match cases that other match cases include at equal weight, as the library judges it.

A dataset that fits both is given to either by chance, or to both merged: rules should not have
such pairs.  The library refuses them except in HST rules that merge overlaps.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass


@dataclass(frozen=True)
class Overlap:
    """``special`` is a special case of ``general``: keys as the library compares them."""

    special: tuple[str, ...]
    general: tuple[str, ...]


def forbidden(mapping) -> bool:
    """Whether the library takes overlaps in these rules for errors."""
    selector = mapping.selector
    return selector._observatory != "hst" or selector._merge_overlaps is False


def of_cases(selector, keys: Collection[tuple]) -> list[Overlap]:
    """Overlaps of the cases ``keys`` of a Match selector with its other cases.

    Both directions count: the library finds the one while it inserts, the other when it
    certifies the new rules.
    """
    from crds.core import utils

    if selector.short_name != "Match":
        return []
    wanted = set(keys)
    found: dict[Overlap, None] = {}
    # As the library does: what is checked is written out, what it is checked against is not.
    checked = [(raw, tuple(map(utils.condition_value, selector.condition_key(raw))))
               for raw, _ in selector._raw_selections]
    written = raw_keys(selector)
    others = [(key, written.get(key)) for key, _ in selector._selections]
    for raw, key in checked:
        for other, other_raw in others:
            if (raw in wanted or other_raw in wanted) and _overlap(key, other):
                found[Overlap(key, other)] = None
    return list(found)


def _overlap(key: tuple, other: tuple) -> bool:
    from crds.core.selectors import different_match_weight, match_superset

    return (key != other and len(key) == len(other) and match_superset(other, key)
            and not different_match_weight(key, other))


def raw_keys(selector) -> dict:
    """Keys of a Match selector after its substitutions → as they are written."""
    known = {}
    for raw, choice in selector._raw_selections:
        (substituted,) = selector.do_substitutions({raw: choice})
        known[selector.condition_key(substituted)] = raw
    return known
