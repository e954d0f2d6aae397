"""REST API of contexts: answers fit the schema, pages, errors, ETags."""

from __future__ import annotations

from datetime import UTC, datetime

import jsonschema
import pytest

from interactive.models import BuildContext, CatalogFile, ContextHistory
from interactive.services import importing, revision

from .caches import Cache

pytestmark = pytest.mark.django_db

TYPE = "contexts/hst_0002.pmap/instruments/cos/types/deadtab"


@pytest.fixture(autouse=True)
def content(instance, tmp_path):
    cache = Cache(tmp_path / "cache")
    importing.import_catalog(importing.CacheSource(cache.root, "hst"))
    for version in ("1.9.0", "1.10.0"):
        BuildContext.objects.create(
            cal_ver=version, context=CatalogFile.objects.get(name="hst_0001.pmap"), reason="so")
    ContextHistory.objects.create(
        start_date=datetime(2018, 1, 1, tzinfo=UTC), context="hst_0000.pmap")
    revision.bump()


@pytest.fixture
def api(client):
    return lambda path, **query: client.get(f"/api/v1/{path}", query)


@pytest.mark.parametrize("path, operation", [
    ("contexts/history", "/api/v1/contexts/history"),
    ("contexts/builds", "/api/v1/contexts/builds"),
    ("contexts/hst-latest/instruments", "/api/v1/contexts/{name}/instruments"),
    ("contexts/hst_cos_0002.imap/instruments", "/api/v1/contexts/{name}/instruments"),
    ("contexts/hst_0002.pmap/instruments/COS", "/api/v1/contexts/{name}/instruments/{instrument}"),
    (TYPE, "/api/v1/contexts/{name}/instruments/{instrument}/types/{filekind}"),
    ("contexts/hst-cos-deadtab-latest/table", "/api/v1/contexts/{name}/table"),
])
def test_answers_fit_the_schema_and_are_304_until_something_changes(api, client, path, operation):
    schema = api("openapi.json").json()
    answer = schema["paths"][operation]["get"]["responses"]["200"]["content"]["application/json"]
    response = api(path)
    assert response.status_code == 200
    jsonschema.validate(
        response.json(), {**answer["schema"], "components": schema["components"]},
        cls=jsonschema.Draft202012Validator)
    tag = response.headers["ETag"]
    assert client.get(f"/api/v1/{path}", headers={"If-None-Match": tag}).status_code == 304
    revision.bump()
    assert client.get(f"/api/v1/{path}", headers={"If-None-Match": tag}).status_code == 200


def test_history_has_ends_and_what_is_not_published(api):
    answer = api("contexts/history").json()
    assert [(i["context"], i["end"], i["published"]) for i in answer["items"]] == [
        ("hst_0002.pmap", None, True), ("hst_0001.pmap", "2020-01-01T00:00:00Z", True),
        ("hst_0000.pmap", "2019-01-01T00:00:00Z", False)]
    assert [i["context"] for i in api("contexts/history", limit=1, offset=1).json()["items"]] == [
        "hst_0001.pmap"]


def test_builds_are_sorted_by_version(api):
    assert [i["cal_ver"] for i in api("contexts/builds").json()["items"]] == ["1.10.0", "1.9.0"]


def test_instruments_and_types(api):
    answer = api("contexts/hst_0002.pmap/instruments").json()
    assert answer["context"] == "hst_0002.pmap"
    (cos,) = answer["instruments"]
    assert (cos["name"], cos["rules"], cos["references"]) == ("cos", "hst_cos_0002.imap", 2)
    assert cos == api("contexts/hst_0002.pmap/instruments/cos").json()
    assert [(t["name"], t["rules"], t["special"]) for t in cos["types"]] == [
        ("deadtab", "hst_cos_deadtab_0002.rmap", "")]


def test_rows_of_a_type(api):
    answer = api(TYPE).json()
    assert [column["title"] for column in answer["columns"]] == ["DETECTOR", "USEAFTER"]
    assert (answer["rules"], answer["total"]) == ("hst_cos_deadtab_0002.rmap", 2)
    assert [row["values"] for row in answer["items"]] == [
        ["FUV", "2000-01-01 00:00:00"], ["FUV", "2001-01-01 00:00:00"]]
    first, second = (row["references"][0] for row in answer["items"])
    assert (first["name"], first["stored"], first["rejected"]) == (Cache.FIRST, True, False)
    assert (second["name"], second["stored"], second["rejected"]) == (Cache.SECOND, False, True)
    assert api(TYPE, limit=1, offset=1).json()["items"] == answer["items"][1:]
    assert api("contexts/hst_cos_deadtab_0002.rmap/table").json() == answer


@pytest.mark.parametrize("path, words", [
    ("contexts/hst_9999.pmap/instruments", "Unknown mapping"),
    ("contexts/hst_0002.pmap/instruments/acs", "It has: cos."),
    ("contexts/hst_0002.pmap/instruments/cos/types/x", "no rules for type 'x'"),
    ("contexts/hst_cos_deadtab_0002.rmap/instruments", "ask for its table"),
    ("contexts/hst_0002.pmap/table", "is no rmap"),
    ("contexts/nonsense/table", "not a context"),
    ("contexts/hst_0002.pmap/instruments/%00", "no instrument"),
])
def test_unknown_things_are_404_with_a_reason(api, path, words):
    response = api(path)
    assert response.status_code == 404
    assert words in response.json()["detail"]


@pytest.mark.parametrize("query", [{"limit": 0}, {"limit": 10**6}, {"offset": -1}])
def test_pages_are_checked(api, query):
    for path in ("contexts/history", "contexts/builds", TYPE):
        assert api(path, **query).status_code == 422


@pytest.mark.parametrize("path", ["contexts/history", "contexts/builds", TYPE,
                                  "contexts/hst-latest/instruments"])
def test_queries_are_few(queries, path):
    assert queries(f"/api/v1/{path}") <= 12
