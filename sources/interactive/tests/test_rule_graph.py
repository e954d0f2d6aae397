"""What contains what: answers and the number of queries they take."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from common.errors import NotFound
from interactive.models import BadFile, CatalogFile, ContextPointer, RuleLink
from interactive.services import rule_graph

pytestmark = pytest.mark.django_db

#: Parent and children.
TREE = {
    "hst_0001.pmap": ["hst_acs_0001.imap", "hst_cos_0001.imap"],
    "hst_0002.pmap": ["hst_acs_0001.imap", "hst_cos_0002.imap"],
    "hst_acs_0001.imap": ["hst_acs_bias_0001.rmap"],
    "hst_cos_0001.imap": ["hst_cos_dead_0001.rmap"],
    "hst_cos_0002.imap": ["hst_cos_dead_0002.rmap"],
    "hst_acs_bias_0001.rmap": ["a.fits", "b.fits"],
    "hst_cos_dead_0001.rmap": ["b.fits", "c.fits"],
    "hst_cos_dead_0002.rmap": ["c.fits"],
}


@pytest.fixture(autouse=True)
def files() -> dict[str, CatalogFile]:
    names = {*TREE, *(child for children in TREE.values() for child in children),
             "hst_0009.pmap"}
    made = {}
    for name in sorted(names):
        made[name] = CatalogFile.objects.create(
            name=name, observatory="hst", extension="." + name.rpartition(".")[2],
            type="mapping" if name.endswith("map") else "reference",
            state="uploaded" if name == "hst_0009.pmap" else "archived", stored=True)
    for parent, children in {**TREE, "hst_0009.pmap": ["hst_acs_0001.imap"]}.items():
        for child in children:
            RuleLink.objects.create(parent=made[parent], child=made[child])
    return made


def names(ids) -> set[str]:
    return set(CatalogFile.objects.filter(pk__in=ids).values_list("name", flat=True))


def test_closure_of_a_context():
    found = rule_graph.closure("hst_0001.pmap")
    assert found.mappings == [
        "hst_0001.pmap", "hst_acs_0001.imap", "hst_acs_bias_0001.rmap", "hst_cos_0001.imap",
        "hst_cos_dead_0001.rmap"]
    assert found.references == ["a.fits", "b.fits", "c.fits"]


def test_closure_of_single_rules():
    assert rule_graph.closure("hst_cos_dead_0002.rmap") == (["hst_cos_dead_0002.rmap"], ["c.fits"])
    assert rule_graph.closure("hst_cos_0002.imap").references == ["c.fits"]


@pytest.mark.parametrize("name", ["hst_0007.pmap", "hst_0009.pmap", "a.fits", "", "hst"])
def test_closure_of_what_is_no_published_rule(name):
    with pytest.raises(NotFound):
        rule_graph.closure(name)


def test_closure_takes_a_constant_number_of_queries():
    with CaptureQueriesContext(connection) as captured:
        rule_graph.closure("hst_0001.pmap")
    assert len(captured) == 4


def test_used_by():
    assert rule_graph.used_by("b.fits") == ["hst_acs_bias_0001.rmap", "hst_cos_dead_0001.rmap"]
    assert rule_graph.used_by("c.fits", transitive=True) == [
        "hst_0001.pmap", "hst_0002.pmap", "hst_cos_0001.imap", "hst_cos_0002.imap",
        "hst_cos_dead_0001.rmap", "hst_cos_dead_0002.rmap"]
    assert rule_graph.used_by("hst_0001.pmap") == []


def test_provisional_rules_use_nothing_as_seen_from_outside():
    assert rule_graph.used_by("hst_acs_0001.imap") == ["hst_0001.pmap", "hst_0002.pmap"]
    assert "hst_0009.pmap" not in rule_graph.used_by("a.fits", transitive=True)


def test_used_by_of_unknown_files():
    for name in ("z.fits", "hst_0009.pmap"):
        with pytest.raises(NotFound):
            rule_graph.used_by(name)


def test_ancestors(files):
    found = rule_graph.ancestors([files["hst_cos_dead_0002.rmap"].pk])
    assert names(found) == {"hst_cos_0002.imap", "hst_0002.pmap"}
    assert rule_graph.ancestors([]) == set()
    both = [files["hst_cos_0002.imap"].pk, files["hst_cos_dead_0002.rmap"].pk]
    assert names(rule_graph.ancestors(both)) == {"hst_cos_0002.imap", "hst_0002.pmap"}


def test_blacklist_of_a_bad_rule_but_not_of_a_bad_reference(files):
    BadFile.objects.create(file=files["hst_cos_dead_0001.rmap"])
    BadFile.objects.create(file=files["a.fits"])
    assert names(rule_graph.blacklisted_ids()) == {
        "hst_cos_dead_0001.rmap", "hst_cos_0001.imap", "hst_0001.pmap"}


def test_latest(files):
    assert rule_graph.latest_ids() == set()
    ContextPointer.objects.create(kind="latest", context=files["hst_0002.pmap"])
    assert names(rule_graph.latest_ids()) == {
        "hst_0002.pmap", "hst_acs_0001.imap", "hst_cos_0002.imap", "hst_acs_bias_0001.rmap",
        "hst_cos_dead_0002.rmap", "a.fits", "b.fits", "c.fits"}


def test_more_ids_than_one_query_takes(files, monkeypatch):
    monkeypatch.setattr(rule_graph, "CHUNK", 2)
    found = rule_graph.closure_ids([files["hst_0001.pmap"].pk, files["hst_0002.pmap"].pk])
    assert names(found.references) == {"a.fits", "b.fits", "c.fits"}
    assert len(found.mappings) == 8
    assert len(rule_graph.closure("hst_0001.pmap").mappings) == 5


def test_demonstration_content_agrees_with_the_library(hst_demo):
    from crds.core import rmap

    from interactive.services import store
    from rules import environment

    environment.prepare("hst", store.root())
    context = rmap.load_mapping(hst_demo.latest)
    found = rule_graph.closure(hst_demo.latest)
    assert found.mappings == context.mapping_names()
    assert found.references == context.reference_names()
