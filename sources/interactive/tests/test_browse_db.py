"""The list of all files: filters in the address, sorting, downloads; the same in the REST API."""

from __future__ import annotations

import csv
import io
import re
from datetime import UTC, datetime

import pytest

from interactive.models import CatalogFile
from interactive.services import revision

from . import catalogue

pytestmark = pytest.mark.django_db

DAY = datetime(2020, 5, 17, 22, 30, tzinfo=UTC)

HOSTILE = (
    "filename=%25", "filename=" + "*" * 250, "filename=" + "x" * 999, "filename=%00",
    "start_date=yesterday", "start_date=9999-99-99", "stop_date=9999-12-31",
    "stop_date=0001-01-01", "start_date=" + "1" * 400, "instrument=nothing", "instrument=%27--",
    "status=uploaded", "extension=..", "sort=nothing", "sort=-", "sort=blob", "page=99999999",
    "page=x", "per_page=0", "per_page=9999999", "bad=perhaps", "stored=%F0%9F%98%80",
    "uploaded_as=%5B%5D", "filename=%3Cscript%3Ealert(1)%3C/script%3E", "format=exe")


@pytest.fixture
def files(instance):
    catalogue.file("hst_0001.pmap", delivery_date=DAY, description="First <b>context</b>")
    catalogue.file("hst_0002.pmap", state="archived", blacklisted=True, delivery_date=None)
    catalogue.file("hst_acs_biasfile_0001.rmap", instrument="acs", filekind="biasfile")
    catalogue.file("q1_bia.fits", instrument="acs", filekind="biasfile", rejected=True,
                   uploaded_as="mine.fits", stored=False, size=5)
    catalogue.file("q2_bia.fits", instrument="stis", filekind="biasfile", size=7, aperture="FULL",
                   useafter_date=DAY, activation_date=DAY)
    catalogue.file("secret_bia.fits", instrument="acs", state="uploaded")
    revision.bump()


def names(response) -> list[str]:
    return re.findall(r'<a class="file" href="/browse/[^"]*">([^<]*)</a>',
                      response.content.decode())


def test_contexts_alone_are_shown_until_a_filter_is_set(files, client):
    page = client.get("/browse_db/")
    assert names(page) == ["hst_0001.pmap", "hst_0002.pmap"]
    assert '<option value=".pmap" selected>' in page.content.decode()
    assert len(names(client.get("/browse_db/?extension=*"))) == 5


@pytest.mark.parametrize("query, expected", [
    ("instrument=acs", {"hst_acs_biasfile_0001.rmap", "q1_bia.fits"}),
    ("instrument=ACS&extension=fits", {"q1_bia.fits"}),
    ("filekind=biasfile&instrument=*", {"hst_acs_biasfile_0001.rmap", "q1_bia.fits",
                                        "q2_bia.fits"}),
    ("filename=*_bia.fits", {"q1_bia.fits", "q2_bia.fits"}),
    ("filename=q?_*", {"q1_bia.fits", "q2_bia.fits"}),
    ("status=archived", {"hst_0002.pmap"}),
    ("start_date=2020-05-17&stop_date=2020-05-17", {"hst_0001.pmap"}),
    ("start_date=2020-05-17T22:30:00Z&stop_date=2020-05-17T22:30:00Z", {"hst_0001.pmap"}),
    ("stop_date=2020-05-16", set()),
    ("bad=yes", {"hst_0002.pmap", "q1_bia.fits"}),
    ("bad=rejected", {"q1_bia.fits"}),
    ("bad=blacklisted", {"hst_0002.pmap"}),
    ("bad=no&extension=.fits", {"q2_bia.fits"}),
    ("stored=no", {"q1_bia.fits"}),
    ("uploaded_as=mine*", {"q1_bia.fits"}),
    # Other spellings, as forms and scripts elsewhere have them.
    ("reference_type=biasfile&state=latest&name=q*", {"q1_bia.fits", "q2_bia.fits"}),
    ("start=2020-05-17&end=2020-05-18", {"hst_0001.pmap"}),
    ("filename=nothing", set()),
])
def test_filters_narrow(files, client, query, expected):
    response = client.get(f"/browse_db/?{query}")
    assert response.status_code == 200
    assert set(names(response)) == expected


def test_filters_may_be_posted(files, client):
    response = client.post("/browse_db/", {"instrument": "acs", "csrfmiddlewaretoken": "x"})
    assert (response.status_code, response["Location"]) == (303, "/browse_db/?instrument=acs")


@pytest.mark.parametrize("query", HOSTILE)
def test_hostile_addresses_are_answered(files, client, query):
    response = client.get(f"/browse_db/?{query}")
    assert response.status_code in (200, 400)
    assert b"<script>alert" not in response.content
    assert b"secret_bia" not in response.content
    if "yesterday" in query:
        assert "This is not a date" in response.content.decode()


def test_columns_sort_by_the_address(files, client):
    assert names(client.get("/browse_db/?extension=.fits&sort=-size")) == [
        "q2_bia.fits", "q1_bia.fits"]
    assert names(client.get("/browse_db/?extension=.fits&sort=size")) == [
        "q1_bia.fits", "q2_bia.fits"]
    assert names(client.get("/browse_db/?extension=.fits&sort=-useafter_date"))[0] == "q2_bia.fits"


def test_downloads_have_every_row_and_column(files, client):
    response = client.get("/browse_db/?extension=*&format=csv&sort=name")
    rows = list(csv.DictReader(io.StringIO(b"".join(response.streaming_content).decode())))
    assert [row["name"] for row in rows] == [
        "hst_0001.pmap", "hst_0002.pmap", "hst_acs_biasfile_0001.rmap", "q1_bia.fits",
        "q2_bia.fits"]
    assert rows[0]["delivery_date"] == "2020-05-17T22:30:00Z"
    assert rows[0]["description"] == "First <b>context</b>" and rows[4]["aperture"] == "FULL"
    table = client.get("/browse_db/?extension=*&format=votable")
    assert b"<VOTABLE" in b"".join(table.streaming_content)


def test_queries_do_not_grow(files, queries):
    addresses = ("/browse_db/", "/browse_db/?filename=*_bia*&sort=name", "/api/v1/files")
    for address in addresses:
        queries(address)
    few = [queries(address) for address in addresses]
    for number in range(120):
        catalogue.file(f"r{number:03d}_bia.fits", instrument="acs")
    revision.bump()
    queries("/browse_db/")
    assert [queries(address) for address in addresses] == few
    assert max(few) <= 12


@pytest.mark.parametrize("query, expected", [
    ("extension=fits", {"q1_bia.fits", "q2_bia.fits"}),
    ("rejected=true", {"q1_bia.fits"}),
    ("blacklisted=true", {"hst_0002.pmap"}),
    ("stored=false", {"q1_bia.fits"}),
    ("uploaded_as=mine.*", {"q1_bia.fits"}),
    ("delivered_before=2020-05-18", {"hst_0001.pmap"}),
    ("delivered_since=2020-05-17T22:30:00&type=mapping&delivered_before=2020-05-17T22:30:01Z",
     {"hst_0001.pmap"}),
])
def test_rest_files_take_the_same_filters(files, client, query, expected):
    body = client.get(f"/api/v1/files?{query}").json()
    assert {item["name"] for item in body["items"]} == expected
    assert body["total"] == len(expected)


def test_rest_files_are_sorted_on_request(files, client):
    body = client.get("/api/v1/files?sort=-size&limit=2&type=reference").json()
    assert [item["size"] for item in body["items"]] == [7, 5]
    assert client.get("/api/v1/files?sort=blob").status_code == 422


def test_what_changes_is_seen_at_once(files, client):
    assert names(client.get("/browse_db/?status=archived")) == ["hst_0002.pmap"]
    CatalogFile.objects.filter(name="hst_0001.pmap").update(state="archived")
    revision.bump()
    assert len(names(client.get("/browse_db/?status=archived"))) == 2
