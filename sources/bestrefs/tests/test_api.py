"""Best references over the REST API."""

from __future__ import annotations

import json

import jsonschema
import pytest
from django.test import Client

from common.api_documentation import operations
from rules import selection

pytestmark = pytest.mark.django_db(databases=["default", "archive"])

HEADER = {"INSTRUME": "ACS", "DETECTOR": "WFC", "DATE-OBS": "2012-01-01", "TIME-OBS": "00:00:00"}


def post(client, **asked):
    return client.post("/api/v1/bestrefs", json.dumps(asked), content_type="application/json")


def test_answers_fit_the_schema(hst, client):
    schema = client.get("/api/v1/openapi.json").json()
    for response, method in [
            (post(client, headers={"x": HEADER}, ids=["JBANJOF3Q", "NOPE"],
                  context2="hst_0001.pmap"), "post"),
            (client.get("/api/v1/bestrefs?ids=JBANJOF3Q,NOPE"), "get")]:
        operation = schema["paths"]["/api/v1/bestrefs"][method]
        answer = operation["responses"]["200"]["content"]["application/json"]["schema"]
        jsonschema.validate(response.json(), {**answer, "components": schema["components"]},
                            cls=jsonschema.Draft202012Validator)


def test_the_schema_of_a_question_is_its_own_and_its_example_works(hst, client):
    """Schemas of one name hide each other, and with them their examples."""
    schema = client.get("/api/v1/openapi.json").json()
    body = next(one["body"] for one in operations(schema)
                if (one["method"], one["path"]) == ("POST", "/api/v1/bestrefs"))
    answer = client.post("/api/v1/bestrefs", body, content_type="application/json")
    assert answer.status_code == 200
    assert [result["id"] for result in answer.json()["results"]] == [
        "JBANJOF3Q:JBANJOF3Q", "mine"]


def test_ids_are_answered_and_unknown_ones_named(hst, client):
    answer = client.get("/api/v1/bestrefs?ids=JCL403010,NOPE,a:b:c&context=hst-latest").json()
    assert answer["context"] == hst.latest and answer["context2"] is None
    by_id = {result["id"]: result for result in answer["results"]}
    assert len(by_id) == 6
    assert by_id["NOPE"]["error"] == "dataset ID does not exist 'NOPE'"
    assert not by_id["a:b:c"]["ok"] and by_id["a:b:c"]["references"] == []
    assert by_id["JCL403010:JCL403ABQ"]["ok"]


def test_headers_take_what_json_has(hst, client):
    header = {**HEADER, "CCDGAIN": 2.0, "NAXIS1": 4144, "FLAG": True, "LTV1": None}
    (result,) = post(client, headers={"x": header}).json()["results"]
    texts = {**HEADER, "CCDGAIN": "2.0", "NAXIS1": "4144", "FLAG": "T", "LTV1": "UNDEFINED"}
    expected = selection.best_references(hst.latest, texts)
    assert {row["type"]: row["reference"] for row in result["references"]} == {
        kind: None if name.startswith("NOT FOUND") else name for kind, name in expected.items()}


def test_types_and_contexts_are_chosen(hst, client):
    asked = {"headers": {"x": HEADER}, "context": "hst_0001.pmap", "context2": hst.latest,
             "types": ["BIASFILE", "darkfile"]}
    (result,) = post(client, **asked).json()["results"]
    assert [row["type"] for row in result["references"]] == ["biasfile", "darkfile"]
    assert all(isinstance(row["differs"], bool) for row in result["references"])


def test_posting_needs_no_token(hst):
    client = Client(enforce_csrf_checks=True)
    response = post(client, headers={"x": HEADER})
    assert response.status_code == 200 and "csrftoken" not in response.cookies


@pytest.mark.parametrize(("asked", "status"), [
    ({"headers": {"x": []}}, 422), ({"headers": {"x": {"a": {}}}}, 422), ({"ids": "x"}, 422),
    ({"types": ["<b>"], "ids": ["x"]}, 422), ({"headers": {"x": {"\u0000": "y"}}}, 400),
    ({"headers": {"x": {"INSTRUME": "y" * 9000}}}, 400), ({"context": "../x", "ids": ["x"]}, 404),
    ({"context": "hst_4711.pmap", "ids": ["x"]}, 404), ({"ids": ["x"] * 1001}, 400),
    ([], 400), ("x", 400), ({}, 400),
])
def test_bad_questions_name_what_is_wrong(hst, client, asked, status):
    response = client.post("/api/v1/bestrefs", json.dumps(asked), content_type="application/json")
    assert response.status_code == status and response.json()["detail"]


@pytest.mark.parametrize("query", [
    "ids=X&types=..%2f", f"ids={'x' * 400}", "ids=X&types=" + ",".join(map(str, range(300)))])
def test_bad_parts_of_lists_in_addresses_are_named(hst, client, query):
    answer = client.get(f"/api/v1/bestrefs?{query}")
    assert answer.status_code == 422
    assert answer.json()["detail"].partition(":")[0] in ("ids", "types")


def test_an_error_of_one_header_is_in_its_result(hst, client):
    one, two = post(client, headers={"bad": {"DETECTOR": "WFC"}, "x": HEADER}).json()["results"]
    assert not one["ok"] and "Missing 'INSTRUME' keyword" in one["error"]
    assert two["ok"] and two["references"]
