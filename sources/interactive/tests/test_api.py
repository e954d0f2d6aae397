"""The REST API: filters, pages, ETags, errors, and that answers fit the published schema."""

from __future__ import annotations

import time

import jsonschema
import pytest

from interactive.models import BuildContext

from . import catalogue

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def content():
    return catalogue.make(1, instruments=2, kinds=2, references=4)


@pytest.fixture
def api(client):
    return lambda path, **query: client.get(f"/api/v1/{path}", query)


def names(response) -> list[str]:
    return [item["name"] for item in response.json()["items"]]


# ---- schema --------------------------------------------------------------


@pytest.mark.parametrize("path, operation", [
    ("server", "/api/v1/server"),
    ("contexts", "/api/v1/contexts"),
    ("contexts/hst-latest", "/api/v1/contexts/{name}"),
    ("files", "/api/v1/files"),
    ("files/hst_0001.pmap", "/api/v1/files/{name}"),
    ("files/r0001001a_acs_biasfile.fits", "/api/v1/files/{name}"),
])
def test_answers_fit_the_schema(api, content, path, operation):
    BuildContext.objects.create(cal_ver="1.2.3", context=content)
    schema = api("openapi.json").json()
    answer = schema["paths"][operation]["get"]["responses"]["200"]["content"]["application/json"]
    jsonschema.validate(
        api(path).json(), {**answer["schema"], "components": schema["components"]},
        cls=jsonschema.Draft202012Validator)


def test_every_operation_is_documented_and_on_the_page(api):
    schema = api("openapi.json").json()
    page = api("docs").content.decode()
    for path, methods in schema["paths"].items():
        # Headers do not fit into an address, so they are posted; nothing is changed by it.
        posted = path in ("/api/v1/bestrefs", "/api/v1/explain")
        for method, operation in methods.items():
            # Whatever may change something needs an account.
            assert method == "get" or operation.get("security") or (posted and method == "post")
            assert operation["description"] and path in page
            for parameter in operation.get("parameters", ()):
                assert f'name="{parameter["name"]}"' in page


def test_choices_of_the_page_are_those_of_the_schema(api):
    assert "<option>archiving-failed</option>" in api("docs").content.decode()


# ---- files ---------------------------------------------------------------


@pytest.mark.parametrize("query, expected", [
    ({"type": "mapping", "instrument": "acs"}, 3),
    ({"type": "mapping", "instrument": "ACS"}, 3),
    ({"filekind": "biasfile", "type": "reference"}, 8),
    ({"state": "latest"}, 23),
    ({"state": "archived"}, 0),
    ({"name": "hst_0001.pmap"}, 1),
    ({"name": "hst_*"}, 7),
    ({"name": "*.imap"}, 2),
    ({"name": "hst_???_0001.imap"}, 2),
    ({"name": "r0001001a?acs?biasfile.fits"}, 1),
    ({"name": "hst_0001xpmap"}, 0),
    ({"name": "HST_0001.pmap"}, 0),
    ({"name": "*.*map"}, 7),
    ({"name": "*"}, 23),
])
def test_filters(api, query, expected):
    answer = api("files", **query)
    assert answer.json()["total"] == len(names(answer)) == expected


def test_pages_cover_everything_once(api):
    whole = names(api("files"))
    parts = [name for offset in range(0, 25, 5)
             for name in names(api("files", limit=5, offset=offset))]
    assert parts == whole == sorted(whole)


@pytest.mark.parametrize("query, word", [
    ({"limit": 0}, "limit"), ({"limit": 1001}, "limit"), ({"limit": "x"}, "limit"),
    ({"offset": -1}, "offset"), ({"offset": 2**70}, "offset"), ({"type": "table"}, "type"),
    ({"state": "gone"}, "state"), ({"name": "a" * 200}, "name"), ({"name": "(a+)+$"}, "name"),
    ({"name": "hst\0"}, "name"),
])
def test_bad_parameters_are_named(api, query, word):
    response = api("files", **query)
    assert response.status_code == 422
    assert word in response.json()["detail"]


def test_uploaded_files_are_unknown(api):
    catalogue.file("hst_0002.pmap", state="uploaded")
    assert api("files/hst_0002.pmap").status_code == 404
    assert names(api("files", name="hst_0002.pmap")) == []


def test_file_details(api):
    answer = api("files/r0001000a_acs_biasfile.fits").json()
    assert answer["used_by"] == ["hst_acs_biasfile_0001.rmap"]
    assert answer["download_url"] == (
        "http://testserver/unchecked_get/references/hst/r0001000a_acs_biasfile.fits")
    assert "deliverer_email" not in answer
    assert api("files/r0001001a_acs_biasfile.fits").json()["download_url"] is None


# ---- contexts ------------------------------------------------------------


def test_contexts(api, content):
    BuildContext.objects.create(cal_ver="1.2.3", context=content)
    answer = api("contexts").json()
    assert answer["pointers"] == {"latest": "hst_0001.pmap", "edit": "hst_0001.pmap"}
    assert answer["builds"] == [{"cal_ver": "1.2.3", "context": "hst_0001.pmap"}]
    assert answer["history"][0]["context"] == "hst_0001.pmap"


@pytest.mark.parametrize("name", ["hst_0001.pmap", "hst-latest", "hst-edit", "hst"])
def test_closure_of_a_context(api, name):
    answer = api(f"contexts/{name}").json()
    assert answer["name"] == "hst_0001.pmap"
    assert (len(answer["mappings"]), len(answer["references"])) == (7, 16)


@pytest.mark.parametrize("path", [
    "contexts/hst_9999.pmap", "contexts/nonsense", "contexts/jwst-latest", "files/none.fits",
    "files/..%2f..%2fetc%2fpasswd", "nothing"])
def test_unknown_things_are_404_in_json(api, path):
    response = api(path)
    assert response.status_code in (400, 404)
    assert response.headers["Content-Type"].startswith("application/json")
    assert response.json()["detail"]


# ---- ETags ---------------------------------------------------------------


@pytest.mark.parametrize("path", ["server", "contexts", "contexts/hst-latest", "files"])
def test_unchanged_answers_are_304_until_the_catalogue_changes(client, path):
    tag = client.get(f"/api/v1/{path}").headers["ETag"]
    again = client.get(f"/api/v1/{path}", headers={"If-None-Match": tag})
    assert (again.status_code, again.content) == (304, b"")
    catalogue.make(2)
    assert client.get(f"/api/v1/{path}", headers={"If-None-Match": tag}).status_code == 200


def test_an_etag_is_good_for_one_address(client):
    tag = client.get("/api/v1/files?limit=1").headers["ETag"]
    other = client.get("/api/v1/files?limit=2", headers={"If-None-Match": tag})
    assert other.status_code == 200


def test_a_pattern_of_many_stars_is_answered_at_once(api):
    start = time.process_time()
    for count in (8, 60):
        assert names(api("files", name="*?" * count + "*Z")) == []
        assert time.process_time() - start < 1
