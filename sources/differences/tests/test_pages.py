"""Pages of differences: addresses, what they show, what is refused, that each is made once."""

from __future__ import annotations

import csv
import io
import json
import re
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.core.cache import cache
from django.db import connections
from django.test import Client
from django.urls import clear_script_prefix, set_script_prefix
from django.utils import timezone

from interactive.models import AffectedDatasets, CatalogFile
from interactive.services import rule_graph
from interactive.tests import catalogue
from jobs.models import Job, JobState

from .content import DARKS, A, C

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("instance")]

PAIR = "/diff/hst_0001.pmap/hst_0002.pmap/"

HOSTILE = ["<script>alert(1)</script>", "..%2f..%2fetc%2fpasswd", "%00", "'\"--", "a" * 300,
           "hst_0001.pmap%0d%0aX: y", "%ff%fe", "{{ 7 }}", "hst-9999-99-99", "hst--latest", "%20"]


def text(response) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", response.content.decode()))


# ---- addresses -----------------------------------------------------------------


@pytest.mark.parametrize("address", ["/diff/", "/diff", "/diff/?a=&b=", "/diff/?files="])
def test_without_names_there_is_a_form(client, address):
    response = client.get(address)
    assert response.status_code == 200
    assert b'name="a"' in response.content and b"error_message" not in response.content


@pytest.mark.parametrize("query, target", [
    ("a=hst_0001.pmap&b=hst_0003.pmap", "hst_0001.pmap/hst_0003.pmap"),
    ("a=hst_0003.pmap&b=hst_0001.pmap", "hst_0003.pmap/hst_0001.pmap"),
    ("a=hst-latest&b=hst-edit", "hst_0002.pmap/hst_0003.pmap"),
    ("a=%20hst-2019-06-01%20&b=hst_0003.pmap", "hst_0001.pmap/hst_0003.pmap"),
    ("files=hst_0003.pmap&files=hst_0001.pmap", "hst_0001.pmap/hst_0003.pmap"),
    ("files=hst_0001.pmap&files=hst_0003.pmap", "hst_0001.pmap/hst_0003.pmap"),
    ("a=hst-acs-latest&b=hst-acs-edit", "hst_acs_0002.imap/hst_acs_0003.imap"),
])
def test_names_and_roles_lead_to_the_stable_address(client, content, query, target):
    response = client.get(f"/diff/?{query}")
    assert (response.status_code, response.headers["Location"]) == (302, f"/diff/{target}/")


def test_ticked_references_are_ordered_by_delivery(client):
    for day, name in ((9, "older.fits"), (3, "newer.fits")):
        catalogue.file(name)
        CatalogFile.objects.filter(name=name).update(
            delivery_date=timezone.now() - timezone.timedelta(days=day))
    response = client.get("/diff/?files=newer.fits&files=older.fits")
    assert response.headers["Location"] == "/diff/older.fits/newer.fits/"


def test_roles_in_the_address_are_resolved(client, content):
    response = client.get("/diff/hst-latest/hst-edit/part/acs/?page=2")
    assert response.headers["Location"] == (
        "/diff/hst_0002.pmap/hst_0003.pmap/part/acs/?page=2")


@pytest.mark.parametrize("query, status, message", [
    ("files=hst_0001.pmap", 400, "1 files were ticked"),
    ("files=a.pmap&files=b.pmap&files=c.pmap", 400, "3 files were ticked"),
    ("a=hst_0001.pmap", 400, "Name two files"),
    ("a=jwst-latest&b=hst-latest", 404, "Bad observatory"),
    ("a=../x.pmap&b=hst-latest", 404, "cannot be names of files"),
])
def test_what_the_form_cannot_take_is_explained(client, content, query, status, message):
    response = client.get(f"/diff/?{query}")
    assert response.status_code == status
    assert message in text(response)
    assert b'id="error_message"' in response.content and b'name="a"' in response.content


@pytest.mark.parametrize("pair, status, message", [
    ("hst_0001.pmap/hst_0001.pmap", 400, "was named twice"),
    ("hst_0001.pmap/hst_acs_0001.imap", 400, "Only files of the same kind can be compared"),
    (f"hst_0001.pmap/{A}", 400, "Only files of the same kind"),
    (f"{A}/{DARKS[0]}", 400, "Only references of the same instrument and type"),
    ("hst_0001.pmap/hst_9999.pmap", 404, "no published file &#x27;hst_9999.pmap&#x27;"),
    ("HST_0001.PMAP/hst_0001.pmap", 404, "case-sensitive"),
])
def test_pairs_that_cannot_be_compared_are_explained(client, content, pair, status, message):
    response = client.get(f"/diff/{pair}/")
    assert response.status_code == status
    assert message in text(response)
    assert not Job.objects.exists()


def test_files_that_are_not_stored_are_explained(client):
    catalogue.file("a_idc.fits", instrument="acs", filekind="idctab")
    catalogue.file("b_idc.fits", instrument="acs", filekind="idctab", stored=False)
    response = client.get("/diff/a_idc.fits/b_idc.fits/")
    assert response.status_code == 404
    assert "&#x27;b_idc.fits&#x27; is in the catalogue but not stored here" in text(response)


def test_uploaded_files_are_unknown(client):
    catalogue.file("hst_0001.pmap")
    catalogue.file("hst_0002.pmap", state="uploaded")
    assert client.get("/diff/hst_0001.pmap/hst_0002.pmap/").status_code == 404


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_are_refused_and_escaped(client, name):
    catalogue.file("hst_0001.pmap")
    for address in (f"/diff/{name}/hst_0001.pmap/", f"/diff/hst_0001.pmap/{name}/",
                    f"/diff/?a={name}&b=hst_0001.pmap", f"/diff/?files={name}&files=x",
                    f"/diff/{name}/{name}/rows.csv", f"/diff/{name}/{name}/picture/{name}",
                    f"/diff/hst_0001.pmap/{name}/part/acs/", f"/api/v1/differences/{name}/{name}"):
        response = client.get(address)
        assert response.status_code in (302, 400, 404, 422), address
        if response.headers["Content-Type"].startswith("text/html"):
            assert b"<script>alert" not in response.content
        assert b"Traceback" not in response.content


def test_only_reading_is_allowed(client):
    assert client.post("/diff/").status_code in (403, 405)
    assert client.post(PAIR).status_code in (403, 405)


# ---- making --------------------------------------------------------------------


def test_a_difference_is_made_once_whoever_asks(client, content, work):
    for _ in range(3):
        response = client.get(PAIR)
        assert response.status_code == 200 and b'class="waiting"' in response.content
        assert f'hx-get="{PAIR}"'.encode() in response.content
        assert b"<noscript>" in response.content
    assert client.get("/api/v1/differences/hst_0001.pmap/hst_0002.pmap").status_code == 202
    assert Job.objects.count() == 1
    assert work().state == JobState.DONE
    assert "COS" in text(client.get(PAIR))
    assert Job.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_requests_at_the_same_time_get_one_job(content):
    start = threading.Barrier(4)

    def ask() -> int:
        start.wait()
        try:
            return Client().get(PAIR).status_code
        finally:
            connections.close_all()

    with ThreadPoolExecutor(4) as threads:
        statuses = [asked.result() for asked in [threads.submit(ask) for _ in range(4)]]
    assert statuses == [200] * 4
    assert Job.objects.count() == 1


def test_the_waiting_part_is_replaced_by_the_result(client, content, work):
    client.get(PAIR)
    part = client.get(PAIR, headers={"HX-Request": "true"}).content.decode()
    assert part.strip().startswith('<div class="waiting"') and "<html" not in part
    work()
    part = client.get(PAIR, headers={"HX-Request": "true"}).content.decode()
    assert part.strip().startswith('<div class="difference"') and "<html" not in part


def test_a_failure_is_shown_with_its_reason(client, content, instance, work):
    imap = instance.file_cache / "mappings" / "hst" / "hst_acs_0002.imap"
    client.get(PAIR)
    imap.unlink()
    assert work().state == JobState.FAILED
    response = client.get(PAIR)
    assert response.status_code == 200
    assert "hst_acs_0002.imap" in text(response)
    assert "is not stored here" in text(response)
    api = client.get("/api/v1/differences/hst_0001.pmap/hst_0002.pmap")
    assert api.status_code == 503 and "hst_acs_0002.imap" in api.json()["detail"]
    assert client.get(f"{PAIR}rows.csv").status_code == 503


def test_parts_lead_to_the_page_until_it_is_made(client, content):
    for part in ("part/acs-idctab/", "text/acs-idctab/"):
        assert client.get(f"{PAIR}{part}").headers["Location"] == PAIR
    assert client.get(f"{PAIR}rows.csv").status_code == 503


# ---- contexts ------------------------------------------------------------------


def test_the_page_says_what_changed(made, content):
    response = made(PAIR)
    page = text(response)
    assert "Difference hst_0001.pmap against hst_0002.pmap" in page
    assert "New references 2 not in the old context" in page
    assert "References no longer used 3 1 of them replaced" in page
    assert "a test 2020-01-01 00:00:00 second" in page
    assert "Logical Diff ('hst_acs_idctab_0001.rmap', 'hst_acs_idctab_0002.rmap')" in page
    assert "Text Diff ('hst_acs_idctab_0001.rmap', 'hst_acs_idctab_0002.rmap')" in page
    assert "hst_acs_darkfile_0001.rmap deleted" in page
    for words in (f"replaced '{A}' with '{C}'", f"deleted terminal '{DARKS[0]}'",
                  "added terminal 't7g1700gl_dead.fits'"):
        assert words.replace("'", "&#x27;") in page
    assert f'href="/diff/{A}/{C}/"'.encode() in response.content
    assert b"error_message" not in response.content


def agree(client, made, old: int, new: int) -> None:
    """The numbers of the difference are those of the rule graph."""
    names = [f"hst_{number:04d}.pmap" for number in (old, new)]
    made(f"/diff/{names[0]}/{names[1]}/")
    found = client.get(f"/api/v1/differences/{names[0]}/{names[1]}?limit=1000").json()
    before, after = (set(rule_graph.closure(name).references) for name in names)
    assert found["totals"]["references_new"] == len(after - before)
    assert found["totals"]["references_gone"] == len(before - after)
    rules = [set(rule_graph.closure(name).mappings) for name in names]
    assert {part["new"] for part in found["parts"]} - {""} == rules[1] - rules[0]
    assert {part["old"] for part in found["parts"]} - {""} == rules[0] - rules[1]
    assert found["total"] == len(found["items"])


def test_numbers_agree_with_the_rule_graph(client, made, content):
    for pair in ((1, 2), (2, 3), (1, 3), (3, 1)):
        agree(client, made, *pair)


def test_numbers_agree_in_the_demonstration_content(client, made, hst_demo):
    for pair in ((1, 2), (2, 3), (3, 4), (4, 5), (5, 6), (1, 6), (6, 1)):
        agree(client, made, *pair)


def test_rows_can_be_downloaded(client, made, content):
    made(PAIR)
    response = client.get(f"{PAIR}rows.csv")
    rows = list(csv.DictReader(io.StringIO(b"".join(response.streaming_content).decode())))
    assert "hst_0001.pmap-hst_0002.pmap.csv" in response.headers["Content-Disposition"]
    records = json.loads(b"".join(client.get(f"{PAIR}rows.json").streaming_content))
    assert len(rows) == len(records)
    replaced = [row for row in rows if row["action"] == "replaced" and row["type"] == "idctab"]
    assert [row["case"] for row in replaced] == ["DETECTOR=FUV"]
    assert all(row["difference"] == f"replaced '{row['old']}' with '{row['new']}'"
               for row in replaced)
    assert client.get(f"{PAIR}rows.xml").status_code == 404


def test_a_part_is_a_page_of_its_own(client, made, content):
    made(PAIR)
    whole = client.get(f"{PAIR}part/acs-idctab/")
    assert "<html" in whole.content.decode() and "compare" in text(whole)
    part = client.get(f"{PAIR}part/acs-idctab/", headers={"HX-Request": "true"})
    assert "<html" not in part.content.decode()
    assert client.get(f"{PAIR}part/nothing/").status_code == 404
    assert client.get(f"{PAIR}text/acs-darkfile/").status_code == 404


def test_parts_take_any_page_number(client, made, content):
    made(PAIR)
    for page in ("2", "0", "-1", "x", "9" * 400):
        assert client.get(f"{PAIR}part/acs-idctab/", {"page": page}).status_code == 200


def test_text_differences_show_numbered_lines(client, made, content, instance):
    made(PAIR)
    page = client.get(f"{PAIR}text/acs-idctab/").content.decode()
    folder = instance.file_cache / "mappings" / "hst"
    lines = (folder / "hst_acs_idctab_0002.rmap").read_text().splitlines()
    number = next(n for n, line in enumerate(lines, 1) if C in line)
    assert re.search(rf'<td class="no">{number}</td><td class="new">.*{C}', page)


def test_long_texts_are_paged(client, made, content, monkeypatch):
    monkeypatch.setattr("differences.views.pages.LINES", 5)
    made(PAIR)
    first, second = (client.get(f"{PAIR}text/acs-idctab/", {"page": page}).content.decode()
                     for page in (1, 2))
    assert f'hx-get="{PAIR}text/acs-idctab/?page=2"' in first
    lines = [re.findall(r'<td class="no">(\d+)</td><td class="new">', page)
             for page in (first, second)]
    assert lines[0] and lines[1] and int(lines[0][-1]) < int(lines[1][0])


def test_rules_of_one_type_can_be_compared(made, content):
    page = text(made("/diff/hst_acs_idctab_0001.rmap/hst_acs_idctab_0002.rmap/"))
    assert "Logical Diff ('hst_acs_idctab_0001.rmap', 'hst_acs_idctab_0002.rmap')" in page


def test_contexts_that_differ_in_their_header_alone_are_told_so(client, made, content, instance):
    folder = instance.file_cache / "mappings" / "hst"
    copy = catalogue.file("hst_0004.pmap")
    (folder / copy.name).write_text((folder / "hst_0003.pmap").read_text().replace(
        "hst_0003.pmap", "hst_0004.pmap"))
    page = text(made("/diff/hst_0003.pmap/hst_0004.pmap/"))
    assert "No instrument and no type changed" in page
    assert "New references 0" in page and "No entry differs; only header or layout." in page


def test_affected_datasets_are_shown_where_known(client, made, content):
    assert client.get(f"{PAIR}affected.txt").status_code == 404
    AffectedDatasets.objects.create(
        observatory="hst", old_context="hst_0001.pmap", new_context="hst_0002.pmap",
        affected_ids=["J1:J1", "J2:J2", "L3:L3"])
    page = made(PAIR)
    assert "Affected datasets 3 computed" in text(page)
    assert f'href="{PAIR}affected.txt"'.encode() in page.content
    assert client.get(f"{PAIR}affected.txt").content == b"J1:J1\nJ2:J2\nL3:L3\n"


def test_queries_do_not_grow(queries, made, content):
    big, small = "/diff/hst_0001.pmap/hst_0003.pmap/", "/diff/hst_0002.pmap/hst_0003.pmap/"
    made(big)
    made(small)
    cache.clear()
    few = queries(small)
    cache.clear()
    assert queries(big) == few <= 12
    assert queries(f"{big}part/acs-idctab/") <= 12
    assert queries(f"{big}text/acs-idctab/") <= 12


def test_links_keep_the_prefix(client, made, content):
    made(PAIR)
    set_script_prefix("/hst/")
    try:
        page = client.get(PAIR).content.decode()
    finally:
        clear_script_prefix()
    links = re.findall(r'(?:href|hx-get|action)="(/[^"]*)"', page)
    assert links and all(link.startswith(("/hst/", "/static/")) for link in links), links


# ---- REST ----------------------------------------------------------------------


def test_rest_answers_are_paged(client, made, content):
    made(PAIR)
    address = "/api/v1/differences/hst-2019-06-01/hst-edit"
    assert client.get(address).status_code == 202
    address = "/api/v1/differences/hst_0001.pmap/hst_0002.pmap"
    whole = client.get(address, {"limit": 1000}).json()
    assert whole["state"] == "ready" and whole["kind"] == "rules"
    page = client.get(address, {"limit": 5, "offset": 3}).json()
    assert page["items"] == whole["items"][3:8] and page["total"] == whole["total"]
    assert client.get(address, {"limit": 0}).status_code == 422
    tag = client.get(address).headers["ETag"]
    assert client.get(address, headers={"If-None-Match": tag}).status_code == 304
    assert client.get(address, {"limit": 5}, headers={"If-None-Match": tag}).status_code == 200
    assert client.get("/api/v1/differences/hst_0001.pmap/hst_0001.pmap").status_code == 400
