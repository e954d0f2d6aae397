"""Previews equal a selection one by one, and tell what cannot be previewed."""

from __future__ import annotations

from pathlib import Path

import pytest

from affected.services import preview
from archive import services as archive
from common.errors import BadRequest
from rules.loading import load

pytestmark = pytest.mark.django_db(databases=["default", "archive"])


@pytest.fixture
def datasets(hst_demo):
    from interactive.management.datasets import load_generated

    load_generated("hst_0005.pmap", 60)
    return {entry.key: entry.header for entry in archive.entries("ACS")}


def _published(kind: str) -> tuple[str, Path]:
    from crds.core import config

    rule = load("hst_0005.pmap").get_imap("acs").get_rmap(kind)
    return rule.basename, Path(config.locate_mapping(rule.basename))


def _without_files(path: Path) -> tuple[str, list[str]]:
    """The text of a rule with one file renamed everywhere, and that file."""
    rule = load("hst_0005.pmap").get_imap("acs").get_rmap("biasfile")
    gone = rule.reference_names()[0]
    return path.read_text().replace(gone, "zzz00000j_bia.fits"), gone


def test_counts_what_a_selection_one_by_one_finds(datasets):
    from crds.core import rmap

    name, path = _published("biasfile")
    text, gone = _without_files(path)
    expected = {
        key for key, header in datasets.items()
        if rmap.get_best_references(
            load("hst_0005.pmap"), dict(header), include=["biasfile"]).get("biasfile") == gone}
    assert expected
    found = preview(name, text, context="hst_0005.pmap", limit=3)
    assert (found.instrument, found.filekind) == ("acs", "biasfile")
    assert (found.datasets, found.complete) == (len(datasets), True)
    assert found.affected == len(expected)
    assert found.changes == [(gone, "zzz00000j_bia.fits", len(expected))]
    assert {one.id for one in found.examples} <= expected
    assert len(found.examples) == min(3, len(expected))


def test_the_same_rule_touches_nothing(datasets):
    name, path = _published("biasfile")
    found = preview(name, path)
    assert (found.datasets, found.affected, found.changes) == (len(datasets), 0, [])


def test_time_that_is_up_is_told(datasets):
    name, path = _published("biasfile")
    assert not preview(name, path, seconds=0).complete


def test_rules_that_cannot_be_read(datasets):
    name, _ = _published("biasfile")
    with pytest.raises(BadRequest, match="cannot be read"):
        preview(name, "import os")
    with pytest.raises(BadRequest, match="for acs darkfile, but"):
        preview(name, _published("darkfile")[1])
