"""The JSON-RPC of a live server: every method, its forms, its errors, and hostile input."""

from __future__ import annotations

import ast
import base64
import gzip
import html
import http.client
import json
import sqlite3
import urllib.error
import urllib.request
import zlib
from concurrent.futures import ThreadPoolExecutor

import pytest

from rules.environment import client_environment
from tests.live import LiveServer

LATEST, EDIT = "hst_0005.pmap", "hst_0006.pmap"


@pytest.fixture(scope="module")
def server(live_instance):
    with LiveServer(live_instance("hst", "demo"), "hst") as live:
        yield live


def error_of(server, method, *params) -> str:
    envelope = server.rpc_envelope(method, *params)
    assert envelope["result"] is None
    return html.unescape(envelope["error"]["message"])


def decoded(value: dict):
    return json.loads(gzip.decompress(base64.b64decode(value["crds_payload"])))


def raw(server, body: bytes, path="/json/", method="POST", **headers):
    connection = http.client.HTTPConnection("localhost", server.port, timeout=60)
    connection.request(method, path, body, headers)
    response = connection.getresponse()
    return response, response.read()


# ---- what the server is --------------------------------------------------


def test_server_info(server):
    info = server.rpc("get_server_info")
    assert info["latest_context"] == info["operational_context"] == LATEST
    assert info["edit_context"] == EDIT
    assert info["observatory"] == "hst"
    assert info["force_remote_mode"] == 0
    assert info["max_headers_per_rpc"] == 1000
    assert info["mappings"] == sorted(info["mappings"])
    addresses = info["reference_url"]["unchecked"]
    assert addresses == {"hst": f"{server.url}/unchecked_get/references/hst/"}
    metadata = decoded(info["download_metadata"])
    assert set(info["mappings"]) < set(metadata)
    assert all(isinstance(entry["size"], str) and len(entry["sha1sum"]) == 40
               for entry in metadata.values())
    assert len(info["bad_files_list"]) == 2
    # Clients keep it as a Python literal.
    assert ast.literal_eval(repr(info)) == info


def test_addresses_follow_the_prefix(server):
    body = json.dumps({"method": "get_server_info", "params": []}).encode()
    info = json.loads(server.post("/hst/json/", body))["result"]
    addresses = info["mapping_url"]["unchecked"]
    assert addresses == {"hst": f"{server.url}/hst/unchecked_get/mappings/hst/"}


def test_server_config_is_a_literal(server):
    with urllib.request.urlopen(server.url + "/unchecked_get/config/hst/server_config") as answer:
        assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
        config = ast.literal_eval(answer.read().decode())
    assert config["latest_context"] == LATEST
    assert set(config) == set(server.rpc("get_server_info"))


def test_sqlite_snapshot(server, tmp_path):
    path = tmp_path / "db"
    path.write_bytes(zlib.decompress(base64.b64decode(server.rpc("get_sqlite_db", "hst"))))
    with sqlite3.connect(path) as database:
        columns = [row[1] for row in database.execute("pragma table_info(crds_hst_catalog)")]
        (count,) = database.execute("select count(*) from crds_hst_catalog").fetchone()
        history = database.execute("select * from crds_hst_context_history").fetchall()
    assert columns[:6] == ["id", "name", "blob", "state", "blacklisted", "rejected"]
    assert len(columns) == 28
    assert count == len(server.rpc("get_file_info_map", "hst", None, ["name"]))
    assert len(history) == len(server.rpc("get_context_history", "hst"))


# ---- contexts ------------------------------------------------------------


@pytest.mark.parametrize(("params", "name"), [
    ([], LATEST), (["hst"], LATEST), (["hst", None], LATEST), (["hst", "latest"], LATEST),
    (["hst", "operational"], LATEST), (["hst", "edit"], EDIT), ([None, "edit"], EDIT),
])
def test_default_context(server, params, name):
    assert server.rpc("get_default_context", *params) == name


def test_context_errors(server):
    assert "only" in error_of(server, "get_default_context", "jwst")
    assert "Unknown context state" in error_of(server, "get_default_context", "hst", "x")
    assert error_of(server, "get_context_by_date", "hst-foo-2030-01-01") == (
        "InvalidDateBasedContext: Bad instrument 'foo' in CRDS date based context specification.")
    assert error_of(server, "get_context_by_date", "hst-1970-01-01").startswith(
        "InvalidDateBasedContext: No context was in use")
    assert "not a context" in error_of(server, "get_context_by_date", "rubbish")
    for method in ("get_mapping_names", "get_reference_names", "get_required_parkeys"):
        assert "Unknown mapping 'hst_4711.pmap'" in error_of(server, method, "hst_4711.pmap")


@pytest.mark.parametrize(("spec", "name"), [
    ("hst-latest", LATEST), ("latest", LATEST), ("hst-edit", EDIT), ("2030-01-01", LATEST),
    ("hst-2030-01-01T00:00:00.5", LATEST), ("hst-build", "hst_"), ("hst-acs-latest", "hst_acs_"),
    ("hst-acs-biasfile-edit", "hst_acs_biasfile_"),
])
def test_specs(server, spec, name):
    assert server.rpc("get_context_by_date", spec, "hst").startswith(name)


def test_context_history(server):
    history = server.rpc("get_context_history", "hst")
    assert all(len(row) == 3 and all(isinstance(x, str) for x in row) for row in history)
    assert history == sorted(history, reverse=True)
    assert history[0][1] == LATEST and history[0][0].endswith("+00:00")
    for date, name, _ in history:
        assert server.rpc("get_context_by_date", "hst-" + date[:10] + "T" + date[11:19]) == name


def test_names_of_a_context(server):
    names = server.rpc("get_mapping_names", LATEST)
    assert names == sorted(names) and names[0] == LATEST and names[1].endswith(".imap")
    imap = names[1]
    assert set(server.rpc("get_mapping_names", imap)) < set(names)
    rmap = next(name for name in names if name.endswith(".rmap"))
    assert server.rpc("get_mapping_names", rmap) == [rmap]
    references = server.rpc("get_reference_names", LATEST)
    assert references and not any("/" in name or name.upper() in ("N/A", "OMIT")
                                  for name in references)
    assert server.rpc("get_mapping_names", "hst") == names
    assert server.rpc("get_mapping_names", "hst-latest") == names


def test_required_parkeys(server):
    parkeys = server.rpc("get_required_parkeys", LATEST)
    assert parkeys["acs"][0] == "INSTRUME" and "DETECTOR" in parkeys["acs"]


def test_build_context(server):
    assert "No build context is known" in error_of(server, "get_build_context", "hst", "99.0.0")
    assert "not a calibration version" in error_of(server, "get_build_context", "hst", "new")


# ---- files ---------------------------------------------------------------


def test_file_info(server):
    info = server.rpc("get_file_info", "hst", LATEST)
    assert info["name"] == LATEST and info["type"] == "mapping" and info["state"] == "latest"
    assert info["rejected"] == "false" and info["size"].isdigit()
    assert all(isinstance(value, str) for value in info.values())
    assert "deliverer_email" not in info
    assert "not in this server's catalogue" in error_of(server, "get_file_info", LATEST, "no.fits")


def test_file_info_map(server):
    found = server.rpc("get_file_info_map", "hst", [LATEST, "no_such.fits", LATEST], ["size"])
    assert set(found) == {LATEST, "no_such.fits"}
    assert found["no_such.fits"] == "NOT FOUND"
    assert list(found[LATEST]) == ["size"]
    everything = server.rpc("get_file_info_map", "hst", None, ["sha1sum"])
    assert len(everything) > 800 and all(list(v) == ["sha1sum"] for v in everything.values())
    assert "Unknown fields" in error_of(server, "get_file_info_map", "hst", [LATEST], ["colour"])
    bad = [n for n, v in server.rpc("get_file_info_map", "hst", None, ["rejected"]).items()
           if v["rejected"] != "false"]
    assert sorted(bad) == server.rpc("get_server_info")["bad_files_list"]


def test_lists(server):
    assert server.rpc("list_mappings", "hst", "*.pmap") == [f"hst_000{n}.pmap" for n in range(1, 7)]
    assert server.rpc("list_references", None, "*_idc.fits")
    assert server.rpc("list_references", "hst", "[!a]*.pmap") == []
    assert server.rpc("file_exists", LATEST, LATEST) is True


def test_addresses(server):
    assert server.rpc("get_mapping_url", LATEST, LATEST) == (
        f"{server.url}/unchecked_get/mappings/hst/{LATEST}")
    reference = server.rpc("list_references", "hst", "*_idc.fits")[0]
    assert server.rpc("get_url", LATEST, reference).endswith("/references/hst/" + reference)
    assert "Unknown mapping" in error_of(server, "get_mapping_url", LATEST, reference)


# ---- best references and datasets ----------------------------------------


def test_best_references_of_datasets(server):
    headers = server.rpc("get_dataset_headers_by_id", LATEST, ["lce31sw6q"])
    assert list(headers) == ["LCE31SW6Q:LCE31SW6Q"]
    header = headers["LCE31SW6Q:LCE31SW6Q"]
    single = server.rpc("get_best_references", LATEST, header, None)
    assert any(not name.startswith("NOT FOUND") for name in single.values())
    some = server.rpc("get_best_references", LATEST, header, ["flatfile", "nosuch"])
    assert some["flatfile"] == single["flatfile"] and some["nosuch"].startswith("NOT FOUND")
    by_map = server.rpc("get_best_references_by_header_map", LATEST, {"a:b": header})
    assert by_map == {"a:b": single}
    by_id = server.rpc("get_best_references_by_ids", LATEST, ["LCE31SW6Q", "XXXXXXXXX"], None, True)
    assert by_id["LCE31SW6Q"] == [True, single]
    assert by_id["XXXXXXXXX"] == [False, "NOT FOUND dataset ID does not exist 'XXXXXXXXX'"]
    assert by_id["headers"]["LCE31SW6Q"]["INSTRUME"] == "COS"
    assert by_id["headers"]["LCE31SW6Q"]["PARAMS_CTX"] == LATEST
    files = server.rpc("get_aui_best_references", "2030-01-01", ["LCE31SW6Q"])["LCE31SW6Q"]
    assert files == [True, sorted({n for n in single.values() if not n.startswith("NOT FOUND")})]


def test_a_product_answers_with_its_exposures(server):
    headers = server.rpc("get_dataset_headers_by_id", LATEST, ["JCL403010"])
    assert len(headers) > 1 and all(key.startswith("JCL403010:") for key in headers)
    answers = server.rpc("get_best_references_by_ids", LATEST, ["JCL403010"])
    assert set(answers) == {"JCL403010", *headers}


def test_dataset_ids(server):
    ids = server.rpc("get_dataset_ids", LATEST, "acs")
    assert ids == sorted(set(ids)) and all(i.count(":") == 1 for i in ids)
    assert server.rpc("get_dataset_ids", LATEST, "ACS", "2999-01-01") == []
    assert "Unknown instrument 'miri'" in error_of(server, "get_dataset_ids", LATEST, "miri")
    assert "is not a date" in error_of(server, "get_dataset_ids", LATEST, "acs", "yesterday")


def test_errors_of_best_references(server):
    message = error_of(server, "get_best_references", LATEST, {"A": "B"}, None)
    assert message == ("OtherError: Missing 'INSTRUME' keyword in header"
                       " for determining instrument.")
    assert "Unknown instrument" in error_of(
        server, "get_best_references", LATEST, {"INSTRUME": "NOPE"}, None)
    assert "must be an object" in error_of(server, "get_best_references", LATEST, [], None)
    assert "Can't determine instrument for dataset 'BAR'" in error_of(
        server, "get_dataset_headers_by_id", LATEST, ["BAR:BAR"])
    assert "at most 1000" in error_of(
        server, "get_dataset_headers_by_id", LATEST, ["X"] * 1001)
    assert "Invalid dataset id" in error_of(
        server, "get_dataset_headers_by_id", LATEST, ["a'; drop table"])
    assert "No precomputed affected datasets results exist" in error_of(
        server, "get_affected_datasets", "hst", EDIT, LATEST)


# ---- pipelines and progress ----------------------------------------------


def test_remote_contexts(server):
    assert "has not reported" in error_of(server, "get_remote_context", "hst", "hst-test-pipeline")
    server.rpc("push_remote_context", "hst", "operational", "hst-ops-pipeline", EDIT)
    assert server.rpc("get_remote_context", "hst", "hst-ops-pipeline") == EDIT
    assert "Unknown pipeline" in error_of(server, "get_remote_context", "hst", "nobody")
    assert "Unknown pipeline" in error_of(
        server, "push_remote_context", "hst", "latest", "nobody", EDIT)
    assert "Unknown mapping" in error_of(
        server, "push_remote_context", "hst", "latest", "hst-ops-pipeline", "hst_9999.pmap")


def test_unknown_channels_are_told_in_the_words_that_clients_know(server):
    message = error_of(server, "jpoll_pull_messages", "no-such-channel", "0")
    assert "Channel" in message and "not found" in message


# ---- the protocol --------------------------------------------------------


@pytest.mark.parametrize("path", [
    "/json/", "/json", "//json/", "/hst/json/", "/hst//json/", "/json/get_default_context/",
    "/json/get_default_context/-c-14.0.3-x-00000001/", "/json/anything/%20odd id%2F/",
])
def test_the_body_decides_whatever_the_address(server, path):
    body = json.dumps({"jsonrpc": "1.0", "method": "get_default_context", "params": [], "id": "x"})
    response, content = raw(server, body.encode(), path.replace(" ", "%20"),
                            **{"Content-Type": "application/x-www-form-urlencoded"})
    assert response.status == 200
    assert json.loads(content) == {
        "error": None, "jsonrpc": "1.0", "id": "x", "result": LATEST}


def test_named_parameters_and_version_2(server):
    body = {"jsonrpc": "2.0", "method": "get_default_context", "params": {"state": "edit"}, "id": 3}
    answer = json.loads(server.post("/json/", json.dumps(body).encode()))
    assert answer == {"error": None, "jsonrpc": "2.0", "id": 3, "result": EDIT}


HOSTILE = [
    b"", b"null", b"[]", b"{}", b"\x00\xff", b'{"method": "__class__"}',
    b'{"method": "get_file_info", "params": ["hst", "../../etc/passwd"]}',
    b'{"method": "get_file_info", "params": ["hst", "a\\u0000b"]}',
    b'{"method": "get_file_info", "params": ["hst", "\\ud800"]}',
    b'{"method": "get_file_info", "params": ["hst", {"a": 1}]}',
    b'{"method": "get_file_info", "params": ["hst"]}',
    b'{"method": "get_file_info", "params": ["hst", "x", "y"]}',
    b'{"method": "get_file_info", "params": {"nosuch": 1}}',
    b'{"method": "get_mapping_names", "params": ["/etc/passwd.pmap"]}',
    b'{"method": "get_mapping_names", "params": ["' + b"x" * 100_000 + b'.pmap"]}',
    b'{"method": "list_references", "params": ["hst", "' + b"*a" * 200 + b'"]}',
    b'{"method": "get_best_references", "params": ["hst-latest", {"INSTRUME": "ACS", "A": NaN}]}',
    b'{"method": "get_best_references", "params": ["hst-latest", {"INSTRUME": ["ACS"]}]}',
    b'{"method": "get_best_references_by_header_map", "params": ["hst-latest", {"a b": {}}]}',
    b'{"method": "get_dataset_ids", "params": ["hst-latest", "acs\\n"]}',
    b'{"method": "get_affected_datasets", "params": ["hst", 5, 6]}',
    b'{"method": "jpoll_pull_messages", "params": ["a/b", "-1"]}',
    b'{"method": "get_system_versions", "params": ["' + b"1" * 200 + b'", "null"]}',
    b'{"params": ' + b"[" * 50_000 + b"]" * 50_000 + b', "method": "get_server_info"}',
]


@pytest.mark.parametrize("body", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_calls_get_an_error_for_people(server, body):
    response, content = raw(server, body)
    answer = json.loads(content)
    assert response.status == 200
    assert answer["result"] is None
    message = answer["error"]["message"]
    assert len(message) > 20
    assert "Traceback" not in message and "did not foresee" not in message


def test_a_body_beyond_the_limit(server):
    response, content = raw(server, b" " * (65 * 1024 * 1024))
    assert response.status == 200
    assert "too large" in json.loads(content)["error"]["message"]


def test_get_is_answered_politely(server):
    response, content = raw(server, b"", method="GET")
    assert response.status == 200
    assert "POST" in json.loads(content)["error"]["message"]


def test_former_methods_say_what_to_do(server):
    assert "Update the client" in error_of(server, "get_file_chunk", "a", "b", 0)
    assert "Did you mean 'get_server_info'" in error_of(server, "get_server_inf")


def test_many_callers_at_once(server):
    def call(number: int) -> str:
        method = ("get_default_context", "get_mapping_names", "get_server_info")[number % 3]
        server.rpc(method, *(["hst"] if number % 3 == 1 else []))
        return method

    with ThreadPoolExecutor(16) as pool:
        assert len(list(pool.map(call, range(150)))) == 150


# ---- files ---------------------------------------------------------------


def fetch(server, path, method="GET", **headers):
    request = urllib.request.Request(server.url + path, method=method, headers=headers)
    try:
        with urllib.request.urlopen(request) as answer:
            return answer.status, answer.headers, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.headers, error.read()


def test_downloads_carry_their_checksum(server):
    info = server.rpc("get_file_info", "hst", LATEST)
    for way in ("unchecked_get", "checked_get"):
        status, headers, body = fetch(server, f"/{way}/mappings/hst/{LATEST}")
        assert status == 200 and len(body) == int(info["size"])
        assert headers["ETag"] == f'"{info["sha1sum"]}"'
        assert "Content-Encoding" not in headers
    status, headers, body = fetch(server, f"/unchecked_get/mappings/hst/{LATEST}", "HEAD")
    assert status == 200 and headers["Content-Length"] == info["size"] and body == b""
    status, _, body = fetch(server, f"/unchecked_get/mappings/hst/{LATEST}", Range="bytes=0-5")
    assert (status, body) == (206, b"header")


@pytest.mark.parametrize("path", [
    "/unchecked_get/mappings/hst/nosuch.pmap",
    "/unchecked_get/references/hst/" + LATEST,
    "/unchecked_get/mappings/jwst/" + LATEST,
    "/unchecked_get/mappings/hst/../../../database/secret_key",
    "/unchecked_get/mappings/hst/..%2f..%2f..%2fdatabase%2fsecret_key",
    "/unchecked_get/references/hst/%2e%2e/%2e%2e/config/hst/server_config",
    "/unchecked_get/references/hst/x%00.fits",
    "/unchecked_get/pickles/hst/hst_0001.pkl",
    "/unchecked_get/config/jwst/server_config",
    "/unchecked_get/secrets/hst/x",
])
def test_nothing_else_is_given_out(server, path):
    status, _, body = fetch(server, path)
    assert status == 404
    assert b"Traceback" not in body


def test_a_changed_context_is_seen_by_every_process_at_once(server):
    """Another process moves the latest context; every worker knows it with its next answer."""
    program = (
        "from interactive.models import ContextPointer, CatalogFile\n"
        "from interactive.services import revision\n"
        "from django.db import transaction\n"
        "with transaction.atomic():\n"
        "    ContextPointer.objects.filter(kind='latest').update(\n"
        "        context=CatalogFile.objects.get(name='{name}'))\n"
        "    revision.bump()\n"
    )

    def move(name: str) -> None:
        server.shell(program.format(name=name))

    server.rpc("get_server_info")
    try:
        move(EDIT)
        seen = {server.rpc("get_server_info")["latest_context"] for _ in range(30)}
        assert seen == {EDIT}
        assert {server.rpc("get_default_context") for _ in range(30)} == {EDIT}
    finally:
        move(LATEST)
    assert {server.rpc("get_server_info")["latest_context"] for _ in range(30)} == {LATEST}


def test_the_library_sees_no_server(server):
    """The environment of a client never leaks this process's own settings."""
    env = client_environment("hst", server.url, server.root / "cache")
    assert env["CRDS_SERVER_URL"] == server.url
    assert "CRDS_ROOT" not in env
