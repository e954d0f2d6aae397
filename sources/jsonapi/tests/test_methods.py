"""Methods on the database of the test run, which may be MariaDB; and when it fails.

The same calls through a live server, and many more, are in tests/test_rpc.py.
"""

from __future__ import annotations

import io
import json

import pytest
from django.db import OperationalError, connections

from archive import services as archive
from jsonapi import views
from rules import loading

LATEST = "hst_0005.pmap"


@pytest.fixture
def rpc(client):
    """``rpc(method, *parameters)``: the envelope of the answer."""
    def call(method: str, *params) -> dict:
        body = {"jsonrpc": "1.0", "method": method, "params": params, "id": 1}
        response = client.post("/json/", json.dumps(body), content_type="text/plain")
        assert response.status_code == 200
        return json.loads(response.getvalue())

    return call


@pytest.fixture
def rules_of_test(monkeypatch):
    """Rules are loaded once per process; here each test has a store of its own."""
    from django.conf import settings

    from rules.environment import prepare

    prepare(settings.CRDS_OBSERVATORY, settings.INSTANCE.file_cache)
    loading.shared_cache.cache_clear()
    yield
    loading.shared_cache.cache_clear()


@pytest.mark.django_db(databases=["default", "archive"])
def test_every_kind_of_question(hst_demo, rules_of_test, rpc):
    """One test for many calls: importing the content takes longer than they do."""
    def result(method, *params):
        envelope = rpc(method, *params)
        assert envelope["error"] is None, envelope
        return envelope["result"]

    info = result("get_server_info")
    assert info["latest_context"] == LATEST and len(info["context_history"]) >= 4
    assert result("get_default_context", "hst", "edit") == "hst_0006.pmap"
    names = result("get_mapping_names", "hst-latest")
    assert names[0] == LATEST and names == sorted(names)
    references = result("get_reference_names", LATEST)
    assert len(references) > 500
    infos = result("get_file_info_map", "hst", [*references, "nosuch.fits"], ["size", "sha1sum"])
    assert infos.pop("nosuch.fits") == "NOT FOUND"
    assert all(set(entry) == {"size", "sha1sum"} for entry in infos.values())
    assert result("get_file_info", "hst", references[0])["type"] == "reference"
    assert result("list_mappings", "hst", "hst_0*.pmap")[-1] == "hst_0006.pmap"
    assert len(result("get_sqlite_db", "hst")) > 10_000
    for date, name, _ in result("get_context_history", "hst"):
        assert result("get_context_by_date", f"hst-{date[:10]}T{date[11:19]}") == name
    header = {"INSTRUME": "ACS", "DETECTOR": "WFC", "DATE-OBS": "2020-01-01",
              "TIME-OBS": "00:00:00"}
    archive.load([("JAAAAAAAQ", "JAAAAAAAQ", "ACS", header)])
    assert result("get_dataset_ids", LATEST, "acs") == ["JAAAAAAAQ:JAAAAAAAQ"]
    by_id = result("get_best_references_by_ids", LATEST, ["jaaaaaaaq"], ["idctab"])
    assert by_id == {"jaaaaaaaq": [True, result("get_best_references", LATEST, header, ["idctab"])]}
    assert result("push_remote_context", "hst", "latest", "hst-ops-pipeline", LATEST) is True
    assert result("get_remote_context", "hst", "hst-ops-pipeline") == LATEST


@pytest.mark.django_db
def test_reporting_the_same_context_again_leaves_one_audit_record(hst_demo, rules_of_test, rpc):
    from interactive.models import AuditRecord

    records = AuditRecord.objects.filter(action="push remote context")
    for _ in range(3):
        rpc("push_remote_context", "hst", "latest", "hst-ops-pipeline", LATEST)
    assert records.count() == 1
    rpc("push_remote_context", "hst", "latest", "hst-ops-pipeline", "hst_0006.pmap")
    assert records.count() == 2


@pytest.mark.django_db
def test_an_empty_catalogue_says_so(instance, rpc):
    assert rpc("get_server_info")["result"]["latest_context"] == ""
    for method, params in [("get_default_context", []), ("get_mapping_names", ["hst"]),
                           ("get_context_by_date", ["hst-latest"]),
                           ("get_system_versions", ["1.0"])]:
        assert "No" in rpc(method, *params)["error"]["message"]


@pytest.mark.django_db
def test_a_database_that_does_not_answer(instance, rpc, client):
    def fail(execute, sql, params, many, context):
        raise OperationalError("server has gone away")

    with connections["default"].execute_wrapper(fail):
        message = rpc("get_default_context")["error"]["message"]
        assert "database does not answer" in message and "gone away" not in message
        page = client.get("/unchecked_get/mappings/hst/hst_0001.pmap")
    assert page.status_code == 503
    assert page["Retry-After"] == "30"
    assert rpc("get_file_info_map", "hst", ["x"], None)["result"] == {"x": "NOT FOUND"}


def test_docstrings_on_the_page():
    from jsonapi.templatetags.docstrings import docstring

    assert docstring("A ``<b>`` of\ntwo.\n\nNext.") == (
        "<p>A <code>&lt;b&gt;</code> of two.</p><p>Next.</p>")


class Broken(io.BytesIO):
    """What a caller sent who went away in the middle of a chunk."""

    def read(self, *args):
        raise OSError("no more data")


@pytest.mark.django_db
@pytest.mark.parametrize("body, answer", [
    (io.BytesIO(b'{"method": "nothing", "id": 7}'), "There is no method"),
    (Broken(), "broke off"),
])
def test_bodies_sent_in_chunks(rf, body, answer):
    """Such a request announces no length; the web server knows where it ends."""
    request = rf.post("/json/")
    del request.META["CONTENT_LENGTH"]
    request.META.update({"wsgi.input": body, "wsgi.input_terminated": True})
    assert answer in json.loads(views.endpoint(request).getvalue())["error"]["message"]
