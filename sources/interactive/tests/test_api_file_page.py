"""The REST API of one file: answers fit the schema, errors are told."""

from __future__ import annotations

import jsonschema
import pytest

from interactive.models import AuditRecord, CatalogFile, Delivery, DeliveryFile, RuleLink
from jobs import execution, leases

from . import catalogue

pytestmark = pytest.mark.django_db


@pytest.fixture
def get(client):
    """``get(name, subject)``: the answer, checked against the published schema."""
    def ask(name: str, subject: str, **query):
        response = client.get(f"/api/v1/files/{name}/{subject}", query)
        if response.status_code < 300:
            schema = client.get("/api/v1/openapi.json").json()
            known = schema["paths"][f"/api/v1/files/{{name}}/{subject}"]["get"]["responses"]
            answer = known[str(response.status_code)]["content"]["application/json"]["schema"]
            jsonschema.validate(
                response.json(), {**answer, "components": schema["components"]},
                cls=jsonschema.Draft202012Validator)
        return response

    return ask


def test_a_rule(get):
    for serial in (1, 2):
        catalogue.make(serial)
    name = "hst_0002.pmap"
    CatalogFile.objects.filter(name=name).update(derived_from="hst_0001.pmap")
    AuditRecord.objects.create(user="me", action="submit file", file=name, details={"a": [1]})
    delivery = Delivery.objects.create(number=1, catalog="hst_1.cat")
    DeliveryFile.objects.create(delivery=delivery, file=CatalogFile.objects.get(name=name))
    found = get(name, "lineage").json()
    assert [(m["name"], m["parents"]) for m in found["members"]] == [
        ("hst_0001.pmap", []), (name, ["hst_0001.pmap"])]
    first, second = (member["intervals"][0] for member in found["members"])
    assert first["end"] == second["start"]
    done = get(name, "actions").json()
    assert [record["action"] for record in done["records"]] == ["submit file"]
    assert [one["catalog"] for one in done["deliveries"]] == ["hst_1.cat"]
    assert len(done["history"]) == 1
    assert get("hst_acs_biasfile_0001.rmap", "constraints").json()["files"][0]["constraints"]
    assert get("hst_acs_0001.imap", "used_by").json()["levels"] == [
        {"extension": ".pmap", "direct": True, "count": 1,
         "ranges": [{"first": "hst_0001.pmap", "last": "hst_0001.pmap", "count": 1}]}]


def test_a_reference(get, hst_demo):
    link = RuleLink.objects.filter(parent__name__startswith="hst_cos_deadtab").first()
    name, rules = link.child.name, link.parent.name
    assert get(name, "lineage").status_code == 202
    execution.run(leases.claim("test"))
    found = get(name, "lineage").json()
    assert found["series"][0]["appeared"] and found["members"]
    patterns = get(name, "patterns", rules=rules).json()
    assert patterns["rules"][0]["rules"] == rules and rules in patterns["choices"]
    assert patterns["rules"][0]["patterns"][0]["dates"]
    assert get(name, "patterns").json()["context"]
    assert {role["role"] for role in get(name, "used_by").json()["roles"]} >= {"latest"}


@pytest.mark.parametrize("name, subject, status", [
    ("none.fits", "lineage", 404), ("none.fits", "used_by", 404), ("a%00b", "actions", 404),
    ("hst_0001.pmap", "patterns", 400), ("hst_0001.pmap", "constraints", 400),
    ("hst_0001.pmap", "nothing", 404), ("x" * 200, "lineage", 422),
])
def test_errors_are_json_with_a_reason(client, name, subject, status):
    catalogue.make(1)
    response = client.get(f"/api/v1/files/{name}/{subject}")
    assert response.status_code == status and response.json()["detail"]
