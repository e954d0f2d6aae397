"""Many datasets, headers and files at once: table, download script, CSV, JSON."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import os
import re
import subprocess
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from bestrefs.services import answers, batch, script, uploads
from bestrefs.services.answers import Subject
from bestrefs.views.many import MAX_ADDRESS
from rules import selection

from .conftest import publish
from .pages import words

pytestmark = pytest.mark.django_db(databases=["default", "archive"])

IDS = ["JCL403010", "JBANJOF3Q", "LCE31SW6Q"]


def post(client, **fields):
    return client.post("/bestrefs/many/", {"pmap_mode": "pmap_latest", **fields})


def rows_of(response) -> list[dict]:
    return list(csv.DictReader(io.StringIO(response.content.decode())))


# ---- lists of ids ----------------------------------------------------------


def test_ids_are_split_and_taken_once():
    text = "A:B, c;D  # comment, with E\n\n\tA:B\nF"
    assert batch.split_ids(text) == ["A:B", "c", "D", "F"]


def test_short_lists_get_an_address_that_lasts(hst, client):
    sent = post(client, ids="\n".join(IDS))
    assert sent.url == f"/bestrefs/many/?ids={','.join(IDS)}&context=hst_0005.pmap"
    page = words(client.get(sent.url))
    assert "Best references of 6 datasets" in page
    assert "ACS · 5 datasets" in page and "COS · 1 dataset" in page


def test_a_list_comes_as_a_file_too(hst, client):
    sent = post(client, ids="JBANJOF3Q", list=SimpleUploadedFile("ids.txt", b"LCE31SW6Q\n# no\n"))
    assert "ids=JBANJOF3Q,LCE31SW6Q&" in sent.url
    binary = post(client, list=SimpleUploadedFile("ids.txt", b"\x00\xff" * 50))
    assert binary.status_code == 400


def test_what_fails_stops_nothing(hst, client):
    page = client.get("/bestrefs/many/?ids=JBANJOF3Q,NOPE,%3Cb%3E,A:B:C,LCE31SW6Q")
    text = words(page)
    assert "dataset ID does not exist 'NOPE'" in text
    assert "Bad dataset id '<b>'" in text and "Bad dataset id 'A:B:C'" in text
    assert "ACS · 1 dataset" in text and "COS · 1 dataset" in text
    assert "<b>" not in page.content.decode().partition("Not answered")[2].partition("</table>")[0]


def test_more_than_one_call_takes_says_what_to_do(hst, client, settings):
    settings.MAX_IDS_PER_RPC = 3
    page = post(client, ids="A B C D")
    assert page.status_code == 400
    assert "at most 3 are taken at once" in words(page) and "crds bestrefs" in words(page)
    product = post(client, ids="JCL403010 JBANJOF3Q")
    assert product.status_code == 400 and "These are 5 datasets" in words(product)


def test_long_lists_are_answered_without_an_address(hst, client):
    ids = [f"J{n:08d}" for n in range(MAX_ADDRESS // 9)] + ["JBANJOF3Q"]
    page = post(client, ids=" ".join(ids))
    assert page.status_code == 200 and "Link to this answer" not in words(page)
    assert "ACS · 1 dataset" in words(page)


@pytest.mark.parametrize(("fields", "problem"), [
    ({}, "Give ids of datasets, or choose files"), ({"ids": " # none"}, "Give ids"),
    ({"headers": "{"}, "cannot be read"), ({"headers": "[1]"}, "cannot be read"),
    ({"headers": "[" * 100_000}, "cannot be read"),
    ({"ids": "x", "pmap_mode": "pmap_text", "pmap_text": "y"}, "'y' is not a context"),
    ({"ids": "JBANJOF3Q", "format": "exe"}, "There is no format 'exe'"),
    ({"headers": '[{"name": "a", "parameters": {"INSTRUME": "A\\u0000"}}]'}, "cannot be printed"),
])
def test_what_makes_no_sense_is_refused(hst, client, fields, problem):
    page = post(client, **fields)
    assert page.status_code == 400 and problem in words(page)


# ---- headers and files -------------------------------------------------------


def test_files_of_every_kind_are_answered_together(hst, client, test_data):
    fits = (test_data / "datasets/hst/j8bt06o6q_raw.fits").read_bytes()
    one = {"INSTRUME": "ACS", "DETECTOR": "HRC", "DATE-OBS": "2004-01-01", "TIME-OBS": "00:00:00"}
    page = post(client, files=[
        SimpleUploadedFile("a_raw.fits", fits), SimpleUploadedFile("a_raw.fits", fits),
        SimpleUploadedFile("saved.json", json.dumps({"ONE:ONE": one, "TWO:TWO": one}).encode()),
        SimpleUploadedFile("broken.fits", b"nothing")], format="json").json()
    assert page["context"] == hst.latest and page["context2"] is None
    by_id = {result["id"]: result for result in page["results"]}
    assert list(by_id) == ["a_raw.fits", "a_raw.fits (2)", "ONE:ONE", "TWO:TWO", "broken.fits"]
    assert by_id["a_raw.fits"]["references"] == by_id["a_raw.fits (2)"]["references"]
    assert by_id["ONE:ONE"]["references"] == selection.best_references(hst.latest, one)
    assert not by_id["broken.fits"]["ok"] and "no header" in by_id["broken.fits"]["error"]


def test_more_files_than_a_request_may_hold_are_refused(hst, client, settings):
    settings.DATA_UPLOAD_MAX_NUMBER_FILES = 3
    page = post(client, files=[SimpleUploadedFile(f"{n}.json", b"{}") for n in range(4)])
    assert page.status_code == 400 and "Send at most 3 files at once" in words(page)


def test_headers_of_all_files_together_are_limited(hst, client, monkeypatch):
    monkeypatch.setattr(uploads, "MAX_KEPT", 3000)
    header = b'{"INSTRUME": "ACS", "DETECTOR": "WFC", "x": "' + b"y" * 900 + b'"}'
    results = post(client, format="json", files=[
        SimpleUploadedFile(f"{n}.json", header) for n in range(5)]).json()["results"]
    assert [result["ok"] for result in results] == [True, True, True, False, False]
    assert "too large together" in results[-1]["error"]


def test_headers_that_a_browser_read_are_answered_and_asked_about_again(hst, client):
    text = "SIMPLE  =                    T\nINSTRUME= 'ACS'\nDETECTOR= 'WFC'\nEND"
    page = post(client, headers=json.dumps([{"name": "x.fits", "text": text}]),
                context2="hst_0001.pmap")
    assert page.status_code == 200 and "x.fits" in words(page)
    hidden = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"',
                             page.content.decode()))
    again = client.post("/bestrefs/many/", {
        key: value.replace("&quot;", '"') for key, value in hidden.items()} | {"format": "csv"})
    rows = rows_of(again)
    expected = selection.best_references(hst.latest, {"INSTRUME": "ACS", "DETECTOR": "WFC"})
    assert {row["type"]: row[hst.latest] for row in rows} == expected
    assert {row["dataset"] for row in rows} == {"x.fits"}


def test_two_contexts_and_only_differences(hst, client):
    ids = ["JCL403010", "JBANJOF3Q", "LCE31SW6Q", "LB6M01030", "I9ZF01010"]
    address = f"/bestrefs/many/?ids={','.join(ids)}&context2=hst_0001.pmap"
    rows = rows_of(client.get(address + "&format=csv"))
    differing = {row["dataset"] for row in rows if row["differs"] == "yes"}
    assert differing
    page = words(client.get(address))
    assert f"{len(differing)} of {len({row['dataset'] for row in rows})} datasets differ" in page
    only = client.get(address + "&differences=1").content.decode()
    assert set(re.findall(r"\?id=([A-Z0-9:]+)&amp;", only)) == differing


def test_tables_are_sorted_by_a_column(hst, client):
    def datasets(sort):
        page = client.get(f"/bestrefs/many/?ids=JCL403010,JBANJOF3Q&sort={sort}").content.decode()
        return re.findall(r'\?id=([A-Z0-9:]+)&amp;', page)

    assert datasets("acs:") == sorted(datasets("acs:")) != datasets("-acs:")
    assert datasets("-acs:") == sorted(datasets("acs:"), reverse=True)
    assert set(datasets("acs:biasfile")) == set(datasets("nosuch:%3Cb%3E")) == set(datasets(""))


def test_types_that_are_the_same_for_all_are_told_once(hst):
    rows = [header for name, header in hst.headers(4) if name == "wfc3"]
    subjects = [Subject(f"x{n}", header) for n, header in enumerate(rows)]
    (table,) = batch.tables(answers.answer(subjects, hst.latest))
    expected = [selection.best_references(hst.latest, header) for header in rows]
    for row in table.same:
        assert {references.get(row.type, "") for references in expected} == {row.choice.text}
    for at, column in enumerate(table.columns):
        values = [references.get(column.type) for references in expected]
        assert len(set(values)) == column.distinct > 1
        assert [line[1][at].choice.text if line[1][at] else None
                for line in table.lines] == values
    assert len(table.same) + len(table.columns) == len({k for e in expected for k in e})


def test_uses_count_datasets_of_each_reference(hst):
    rows = [header for _, header in hst.headers(3)]
    found = answers.answer([Subject(f"x{n}", header) for n, header in enumerate(rows)], hst.latest)
    names = [name for header in rows
             for name in selection.best_references(hst.latest, header).values()
             if not name.startswith("NOT FOUND")]
    assert {use.choice.text: use.number for use in batch.uses(found)} == {
        name: names.count(name) for name in names}


def test_cells_of_csv_are_no_formulas():
    subject = Subject("=cmd()", error="-1+1")
    assert rows_of_text(batch.as_csv([answers.Answer(subject)], "hst_0001.pmap")) == [
        {"dataset": "'=cmd()", "instrument": "", "type": "", "hst_0001.pmap": "'-1+1"}]


def rows_of_text(text: str) -> list[dict]:
    return list(csv.DictReader(io.StringIO(text)))


# ---- the download script -------------------------------------------------------


@pytest.fixture
def downloads(tmp_path):
    """A server of files at the addresses of downloads, and what it was asked for."""
    root = tmp_path / "served"
    asked: list[str] = []

    class Handler(SimpleHTTPRequestHandler):
        def log_message(self, *_):
            asked.append(self.path)

    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=str(root)))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    folder = root / "unchecked_get/references/hst"
    folder.mkdir(parents=True)
    yield folder, f"http://127.0.0.1:{server.server_port}", asked
    server.shutdown()
    thread.join()


def make_script(hst, downloads):
    """A script for one header; the catalogue knows four of its references."""
    folder, address, _ = downloads
    header = next(header for name, header in hst.headers(3) if name == "acs")
    names = sorted({name for name in selection.best_references(hst.latest, header).values()
                    if not name.startswith("NOT FOUND")})
    for number, name in enumerate(names):
        content = name.encode() * 500
        (folder / name).write_bytes(content)
        publish(name, sha1sum=hashlib.sha1(content).hexdigest(), instrument="acs",
                stored=number > 0)
    found = answers.answer([Subject("x", header)], hst.latest)
    return names, script.download_script(found, hst.latest, address)


def run(text, folder, **environment):
    path = folder / "fetch.sh"
    path.write_text(text)
    return subprocess.run(["bash", str(path)], cwd=folder, capture_output=True, text=True,
                          timeout=60, env={"PATH": os.environ["PATH"], **environment})


def test_the_script_fetches_checks_and_keeps(hst, downloads, tmp_path):
    (missing, *names), text = make_script(hst, downloads)
    place = tmp_path / "here"
    place.mkdir()
    done = run(text, place)
    assert done.returncode == 1, done.stderr
    assert f"MISSING  {missing} is not stored on this server" in done.stderr
    assert sorted(path.name for path in place.glob("*.fits")) == names
    assert f"{len(names)} references in place, 1 failed." in done.stdout
    asked = len(downloads[2])
    assert "fetched" not in run(text, place).stdout and len(downloads[2]) == asked


@pytest.mark.parametrize(("layout", "below"), [
    ({}, "references/hst/acs"), ({"REFERENCE_LAYOUT": "flat"}, "references/hst")])
def test_the_script_fills_a_cache_as_the_client_keeps_it(hst, downloads, tmp_path, layout, below):
    (_, *names), text = make_script(hst, downloads)
    cache = tmp_path / "my cache"
    run(text, tmp_path, CRDS_PATH=str(cache), **layout)
    assert sorted(path.name for path in (cache / below).iterdir()) == names
    if not layout:
        config = cache / "config/hst"
        config.mkdir(parents=True)
        (config / "ref_cache_subdir_mode").write_text("flat")
        run(text, tmp_path, CRDS_PATH=str(cache))
        assert (cache / "references/hst" / names[0]).is_file()


def test_the_script_takes_no_wrong_bytes(hst, downloads, tmp_path):
    (_, spoilt, *names), text = make_script(hst, downloads)
    (downloads[0] / spoilt).write_bytes(b"other bytes")
    done = run(text, tmp_path)
    assert done.returncode == 1 and f"{spoilt} came with another sha1sum" in done.stderr
    assert not list(tmp_path.glob(f"{spoilt}*"))
    assert (tmp_path / names[0]).is_file()


def test_the_script_goes_on_where_it_was_stopped(hst, downloads, tmp_path):
    (_, name, *_), text = make_script(hst, downloads)
    whole = (downloads[0] / name).read_bytes()
    (tmp_path / f"{name}.part").write_bytes(whole[:1000])
    run(text, tmp_path)
    # This server of the test knows no ranges; whatever happens, only right bytes stay.
    assert not (tmp_path / name).exists() or (tmp_path / name).read_bytes() == whole


def test_nothing_of_a_name_is_run(hst, tmp_path):
    evil = "x$(touch pwned);`touch pwned`'\n touch pwned #"
    row = answers.Row("biasfile", "", answers.Choice(evil, answers.Kind.FILE))
    found = [answers.Answer(Subject("x"), rows=[row])]
    done = run(script.download_script(found, "a\ntouch pwned", "http://127.0.0.1:9/$(touch pwned)"),
               tmp_path)
    assert done.returncode == 1 and not (tmp_path / "pwned").exists()


def test_the_script_of_a_page_names_this_server(hst, client):
    response = client.get("/bestrefs/many/?ids=JBANJOF3Q&format=script")
    assert response["Content-Disposition"] == 'attachment; filename="fetch_references.sh"'
    assert "server=http://testserver/unchecked_get/references/hst\n" in response.content.decode()
