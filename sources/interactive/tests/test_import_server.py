"""Import from a running server: a real one of ours, and one that misbehaves."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from config import CHECKOUT
from interactive.models import CatalogFile, ContextHistory, ContextPointer
from interactive.services import invariants, store
from interactive.services.importing import ImportFailed, ServerSource, import_catalog
from interactive.tests.caches import Cache, sha1
from tests.live import LiveServer


@pytest.fixture(scope="module")
def demo_server(make_instance):
    with LiveServer(make_instance("hst", "demo"), "hst") as server:
        yield server


@pytest.fixture
def empty(db, instance):
    return instance


def run(url: str, instance, **options):
    return import_catalog(ServerSource(url, "hst", instance.file_cache / ".staging", **options))


def test_rules_only(empty, demo_server):
    summary = run(demo_server.url, empty)
    assert (summary.rules, summary.references, summary.known) == (175, 0, 650)
    info = demo_server.rpc("get_server_info")
    assert summary.latest == info["latest_context"] and summary.edit == info["edit_context"]
    history = [[str(row.start_date), row.context, row.description]
               for row in ContextHistory.objects.order_by("-start_date")]
    assert history == [row[:3] for row in info["context_history"]]
    assert not (empty.file_cache / ".staging").exists()
    assert invariants.faults(invariants.check(sha1=True)) == []
    assert not run(demo_server.url, empty).changes


def test_catalogue_fields_come_over(empty, demo_server):
    run(demo_server.url, empty)
    there = demo_server.rpc("get_file_info_map", "hst", None, None)
    here = {file.name: file for file in CatalogFile.objects.all()}
    assert set(here) == set(there)
    for name, fields in there.items():
        file = here[name]
        assert (str(file.size), file.sha1sum, file.state, file.instrument or "none") == (
            fields["size"], fields["sha1sum"], fields["state"], fields["instrument"])
        assert (str(file.useafter_date).lower(), file.pedigree.lower() or "none") == (
            fields["useafter_date"], fields["pedigree"])


@pytest.mark.parametrize("references", ["latest", "all"])
def test_references_too(empty, demo_server, references):
    summary = run(demo_server.url, empty, references=references)
    if references == "all":
        assert summary.references == 650 and summary.known == 0
    else:
        wanted = demo_server.rpc("get_reference_names", summary.latest)
        assert summary.references == len(wanted) and store.path(wanted[0])
    assert invariants.faults(invariants.check(sha1=True)) == []


def test_command(make_instance, demo_server):
    root = make_instance("hst", "empty")
    environment = {
        **{name: value for name, value in os.environ.items()
           if not name.startswith(("CRDS_", "DJANGO_"))},
        "CRDS_ROOT": str(root), "DJANGO_SETTINGS_MODULE": "settings"}
    done = subprocess.run(
        [sys.executable, str(CHECKOUT / "sources" / "manage.py"), "server_init", "--server",
         demo_server.url], env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0 and "175 rules" in done.stdout, done.stderr


# ---- servers that misbehave -------------------------------------------------------


class Fake:
    """Answers RPCs from ``answers`` and files from the folders of a small cache."""

    def __init__(self, cache: Cache):
        self.cache = cache
        self.files = {name: cache.path(name).read_bytes() for name in cache.records
                      if cache.path(name).exists()}
        self.info = {**cache.info, "download_metadata": cache.records,
                     "mappings": [name for name in cache.records if name.endswith("map")]}
        self.answers = {"get_server_info": self.info, "get_file_info_map": {}}
        self.requests: list[str] = []
        fake = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                length = int(self.headers["Content-Length"])
                method = json.loads(self.rfile.read(length))["method"]
                answer = fake.answers.get(method)
                if isinstance(answer, bytes):
                    return self.reply(200, answer)
                envelope = {"error": None, "result": answer, "id": 1}
                if answer is None:
                    envelope["error"] = {"message": f"no {method}"}
                self.reply(200, json.dumps(envelope).encode())

            def do_GET(self):
                name = self.path.rpartition("/")[2]
                fake.requests.append(name)
                found = fake.files.get(name)
                self.reply(200 if found is not None else 404, found or b"")

            def reply(self, status, body):
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://localhost:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def fake(tmp_path):
    server = Fake(Cache(tmp_path / "cache"))
    yield server
    server.close()


def refused(fake_or_url, instance, part: str, **options) -> None:
    with pytest.raises(ImportFailed) as caught:
        run(getattr(fake_or_url, "url", fake_or_url), instance, **options)
    assert part in caught.value.message
    assert not CatalogFile.objects.exists() and not ContextPointer.objects.exists()


def test_a_small_server(empty, fake):
    summary = run(fake.url, empty, references="all")
    # The server knows the second reference by name and does not give it out.
    assert (summary.rules, summary.references, summary.known) == (6, 1, 1)
    assert store.path(Cache.FIRST).read_bytes() == fake.files[Cache.FIRST]


def test_wrong_bytes_are_refused(empty, fake):
    fake.files["hst_cos_0001.imap"] += b"#"
    refused(fake, empty, "the server records")
    assert fake.requests.count("hst_cos_0001.imap") == 3


def test_a_second_run_downloads_only_what_is_missing(empty, fake):
    good = fake.files["hst_cos_0001.imap"]
    fake.files["hst_cos_0001.imap"] = b"wrong"
    refused(fake, empty, "the server records")
    fake.files["hst_cos_0001.imap"] = good
    before = set(fake.requests) - {"hst_cos_0001.imap"}
    fake.requests.clear()
    run(fake.url, empty)
    assert not before & set(fake.requests)
    assert CatalogFile.objects.count() == 8


def test_rules_that_are_not_given_out(empty, fake):
    del fake.files["hst_cos_0001.imap"]
    summary = run(fake.url, empty)
    assert summary.rules == 4 and summary.latest == "hst_0002.pmap"
    assert not CatalogFile.objects.filter(name="hst_0001.pmap").exists()


@pytest.mark.parametrize("answer", [
    b"<html>", b"[]", b'{"error": {"message": "down"}}', b'{"error": null, "result": 7}',
    b'{"error": null, "result": {"observatory": "hst"}}', b'{"error": "no", "result": null}', b""])
def test_answers_that_make_no_sense(empty, fake, answer):
    fake.answers["get_server_info"] = answer
    refused(fake, empty, "othing was imported")


def test_another_observatory(empty, fake):
    fake.info["observatory"] = "jwst"
    refused(fake, empty, "is a server of JWST")


def test_nobody_answers(empty):
    refused("http://localhost:9", empty, "did not answer get_server_info")


@pytest.mark.parametrize("url", ["", "localhost", "ftp://localhost/", "file:///etc/passwd"])
def test_no_address_of_a_server(empty, url):
    refused(url, empty, "is not the address of a server")


def test_names_that_lead_elsewhere_are_not_asked_for(empty, fake):
    fake.info["mappings"] = [*fake.info["mappings"], "../../../etc/x.pmap", "/tmp/y.pmap"]
    fake.info["download_metadata"] = {
        **fake.cache.records, "../z.fits": {"size": "1", "sha1sum": sha1(b"z")}}
    run(fake.url, empty, references="all")
    assert not {"x.pmap", "y.pmap", "z.fits"} & set(fake.requests)
