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
def acs(datasets):
    """Headers of the datasets of ACS by id."""
    return {entry.key: entry.header for entry in archive.entries("ACS")}


def _published(kind: str) -> tuple[str, Path]:
    from crds.core import config

    rule = load("hst_0005.pmap").get_imap("acs").get_rmap(kind)
    return rule.basename, Path(config.locate_mapping(rule.basename))


def test_counts_what_a_selection_one_by_one_finds(acs):
    from crds.core import rmap

    name, path = _published("biasfile")
    answers = {
        key: rmap.get_best_references(
            load("hst_0005.pmap"), dict(header), include=["biasfile"])["biasfile"]
        for key, header in acs.items()}
    gone = next(name for name in answers.values() if name.endswith(".fits"))
    expected = {key for key, answer in answers.items() if answer == gone}
    text = path.read_text().replace(gone, "zzz00000j_bia.fits")
    found = preview(name, text, context="hst_0005.pmap", limit=3)
    assert (found.instrument, found.filekind) == ("acs", "biasfile")
    assert (found.datasets, found.complete) == (len(acs), True)
    assert found.affected == len(expected)
    assert found.changes == [(gone, "zzz00000j_bia.fits", len(expected))]
    assert {one.id for one in found.examples} <= expected
    assert len(found.examples) == min(3, len(expected))


def test_the_same_rule_touches_nothing(acs):
    name, path = _published("biasfile")
    found = preview(name, path)
    assert (found.datasets, found.affected, found.changes) == (len(acs), 0, [])


def test_time_that_is_up_is_told(acs):
    name, path = _published("biasfile")
    assert not preview(name, path, seconds=0).complete


def test_rules_that_cannot_be_read(acs):
    name, _ = _published("biasfile")
    with pytest.raises(BadRequest, match="cannot be read"):
        preview(name, "import os")
    with pytest.raises(BadRequest, match="for acs darkfile, but"):
        preview(name, _published("darkfile")[1])
