"""Lists of contexts, timeline, feeds and versions: what they say, and what they cost."""

from __future__ import annotations

import csv
import io
import re
import xml.etree.ElementTree as ET
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from statistics import median

import pytest
from django.core.cache import cache
from django.urls import clear_script_prefix, set_script_prefix
from django.utils import timezone

from interactive.models import BuildContext, CatalogFile, ContextHistory, ContextPointer, FileState
from interactive.services import (
    context_history,
    contexts,
    latest_references,
    news,
    revision,
    standing,
    timeline,
)

from . import catalogue
from .test_pages import text

# The page of versions asks each database for its own.
pytestmark = pytest.mark.django_db(databases=["default", "archive"])

ATOM = "{http://www.w3.org/2005/Atom}"
PAGES = ("/display_context_history/", "/display_all_contexts/", "/display_build_contexts/",
         "/timeline/", "/timeline/?year=2020", "/versions/")
FEEDS = ("/feeds/contexts.atom", "/feeds/files.atom", "/feeds/acs.atom")


def moment(year: int, month: int = 1, day: int = 1) -> datetime:
    return datetime(year, month, day, tzinfo=UTC)


def turn(context: str, start: datetime, description: str = "", **fields) -> None:
    ContextHistory.objects.create(
        start_date=start, context=context, description=description, **fields)


@pytest.fixture
def history():
    """Three contexts; the first of them is not published here, the last is the latest."""
    second = catalogue.file("hst_0002.pmap", state=FileState.ARCHIVED, description="Delivered so")
    third = catalogue.file("hst_0003.pmap")
    turn("hst_0001.pmap", moment(2019, 6), "The <first> one")
    turn("hst_0002.pmap", moment(2020, 3), "New darks\nfor everybody\n\nand more " + "x " * 200)
    turn("hst_0003.pmap", moment(2021, 2), "New biases")
    ContextPointer.objects.create(kind="latest", context=third)
    revision.bump()
    return second, third


# ---- every page ----------------------------------------------------------------


@pytest.mark.parametrize("address", PAGES)
def test_pages_open_with_and_without_content(client, address):
    if "year" not in address:
        assert client.get(address).status_code == 200
    catalogue.make()
    turn("hst_0001.pmap", moment(2020))
    revision.bump()
    page = client.get(address)
    assert page.status_code == 200
    assert b"error_message" not in page.content
    # Releases of calibration software are the only links to other hosts.
    outside = re.findall(r'(?:src|href)="(https?://[^"]*)', page.content.decode())
    assert all(link.startswith("https://github.com/spacetelescope/") for link in outside)


@pytest.mark.parametrize("address", [*PAGES, *FEEDS])
def test_queries_do_not_grow(queries, address):
    catalogue.make(1, instruments=1, kinds=1, references=1)
    turn("hst_0001.pmap", moment(2020))
    BuildContext.objects.create(cal_ver="1.0.0", context=CatalogFile.objects.get(
        name="hst_0001.pmap"))
    revision.bump()
    cache.clear()
    few = queries(address)
    for serial in range(2, 9):
        pmap = catalogue.make(serial, instruments=3, kinds=2, references=2)
        BuildContext.objects.create(cal_ver=f"1.{serial}.0", context=pmap)
    cache.clear()
    assert queries(address) == few <= 12


@pytest.mark.parametrize("address", [*PAGES[:4], "/"])
def test_pages_name_their_feeds(client, history, address):
    page = client.get(address).content.decode()
    for feed in FEEDS[:2]:
        assert re.search(
            rf'<link rel="alternate" type="application/atom\+xml" [^>]*href="{feed}"', page)


# ---- history, all, builds ---------------------------------------------------------


def test_history_is_newest_first_and_coloured(client, history):
    page = client.get("/display_context_history/").content.decode()
    assert re.findall(r"hst_\d{4}\.pmap(?=<)", page) == [
        "hst_0003.pmap", "hst_0002.pmap", "hst_0001.pmap"]
    assert '<span class="tag latest">latest</span>' in page
    assert '<span class="tag good">archived</span>' in page
    assert 'href="/context_table/hst_0003.pmap"' in page


def test_history_says_what_is_not_published_and_does_not_compare_it(client, history):
    page = client.get("/display_context_history/").content.decode()
    assert "not published</span>" in page
    assert 'href="/context_table/hst_0001.pmap"' not in page
    assert re.findall(r'name="files" value="([^"]*)"', page) == ["hst_0003.pmap", "hst_0002.pmap"]


def test_long_descriptions_show_their_first_line(client, history):
    page = client.get("/display_context_history/").content.decode()
    assert "<summary>New darks</summary>" in page
    assert "for everybody" in page
    assert "The &lt;first&gt; one" in page


@pytest.mark.parametrize("query, expected", [
    ("context=hst_0002.pmap", ["hst_0002.pmap"]), ("context=*3.pmap", ["hst_0003.pmap"]),
    ("description=BIAS", ["hst_0003.pmap"]), ("description=everybody+new", ["hst_0002.pmap"]),
    ("start=2020-01-01&stop=2021-01-01", ["hst_0002.pmap"]),
    ("context=*", ["hst_0003.pmap", "hst_0002.pmap", "hst_0001.pmap"]),
    ("sort=start_date", ["hst_0001.pmap", "hst_0002.pmap", "hst_0003.pmap"]),
])
def test_history_is_filtered_in_the_address(client, history, query, expected):
    answer = client.get(f"/display_context_history/?format=csv&{query}")
    rows = csv.DictReader(io.StringIO(b"".join(answer.streaming_content).decode()))
    assert [row["context"] for row in rows] == expected


@pytest.mark.parametrize("query", ["start=yesterday", "context=%00"])
def test_wrong_filters_are_explained(client, history, query):
    page = client.get(f"/display_context_history/?{query}")
    assert page.status_code == 400 and b"field-error" in page.content


def test_downloads_of_history_have_the_status(client, history):
    answer = client.get("/display_context_history/?format=csv")
    rows = list(csv.DictReader(io.StringIO(b"".join(answer.streaming_content).decode())))
    assert [row["status"] for row in rows] == ["latest", "archived", "not published"]
    assert rows[1]["description"].startswith("New darks\nfor everybody")


def test_all_contexts_include_those_that_never_were_latest(client, history):
    for name in ("hst_10001.pmap", "hst.pmap", "hst_0099.pmap"):
        catalogue.file(name, state=FileState.DELIVERED)
    catalogue.file("hst_0100.pmap", state=FileState.UPLOADED)
    page = client.get("/display_all_contexts/").content.decode()
    assert re.findall(r"hst[_\d]*\.pmap(?=</a>)", page) == [
        "hst_10001.pmap", "hst_0099.pmap", "hst_0003.pmap", "hst_0002.pmap", "hst.pmap"]
    # The submission's own reason; where there is none, that of the history.
    assert "Delivered so" in page and "New biases" in page and "New darks" not in page


@pytest.mark.parametrize("query, expected", [
    ("description=delivered", ["hst_0002.pmap"]), ("description=biases", ["hst_0003.pmap"]),
    ("state=latest", ["hst_0003.pmap"]), ("start=2000-01-01&stop=2000-01-02", []),
])
def test_all_contexts_are_filtered(client, history, query, expected):
    page = client.get(f"/display_all_contexts/?{query}").content.decode()
    assert re.findall(r"hst[_\d]*\.pmap(?=</a>)", page) == expected


def test_builds_are_sorted_by_version_and_linked_to_releases(client, settings, history):
    settings.CRDS_OBSERVATORY = "jwst"
    for version in ("1.9.0", "1.16.0", "1.10.1", "<x>"):
        BuildContext.objects.create(cal_ver=version, context=history[0], reason="for <it>")
    page = client.get("/display_build_contexts/").content.decode()
    assert re.findall(r"releases/tag/([^\"]*)", page) == ["1.16.0", "1.10.1", "1.9.0"]
    assert "&lt;x&gt;" in page and "<x>" not in page and "for <it>" not in page
    assert 'href="/context_table/hst_0002.pmap"' in page


@pytest.mark.parametrize("observatory, package", [
    ("hst", "hstcal"), ("jwst", "jwst"), ("roman", "romancal"), ("tobs", "")])
def test_releases_are_those_of_the_observatory_s_software(settings, observatory, package):
    settings.CRDS_OBSERVATORY = observatory
    address = context_history.release_address("1.2.3")
    assert (f"/{package}/releases/tag/1.2.3" in address) if package else address == ""


@pytest.mark.parametrize("version", ["", "../x", "1/2", "1.2.3?x", 'a"b'])
def test_odd_versions_have_no_release(settings, version):
    settings.CRDS_OBSERVATORY = "jwst"
    assert context_history.release_address(version) == ""


# ---- home --------------------------------------------------------------------------


def test_home_shows_the_newest_history_with_links(client, history):
    page = client.get("/")
    shown = text(page)
    assert "2021-02-01 00:00:00 hst_0003.pmap latest New biases" in shown
    assert "hst_0001.pmap not published" in shown
    for address in ("/display_context_history/", "/display_all_contexts/",
                    "/display_build_contexts/", "/versions/", "/timeline/"):
        assert f'href="{address}"' in page.content.decode()


# ---- timeline ------------------------------------------------------------------------


def test_what_other_software_left_in_the_cache_is_not_taken(client, history, monkeypatch):
    """An upgrade keeps the cache and the catalogue's state: another form was once a KeyError."""
    latest = contexts.pointer("latest")
    cache.set(f"timeline-old:{revision.state()}", ["another form"])
    cache.set(f"overview-old:{latest}:{revision.state()}", ["another form"])
    assert client.get("/timeline/").status_code == client.get("/").status_code == 200
    monkeypatch.setattr(timeline, "FINGERPRINT", "old")
    monkeypatch.setattr(latest_references, "FINGERPRINT", "old")
    assert timeline.read() == latest_references.overview(latest) == ["another form"]


def test_the_timeline_shows_each_time_a_context_was_latest(client, history):
    page = client.get("/timeline/").content.decode()
    assert "hst_0002.pmap: latest from 2020-03-01 00:00 to 2021-02-01 00:00" in page
    assert "hst_0003.pmap: latest from 2021-02-01 00:00 until now" in page
    assert "hst_0001.pmap: latest from 2019-06-01 00:00 to 2020-03-01 00:00 (not published" in page
    assert '<a href="/context_table/hst_0002.pmap" tabindex="-1"' in page
    assert '<a href="/context_table/hst_0001.pmap"' not in page
    assert re.search(r'<svg [^>]*aria-labelledby="contexts-title contexts-text"', page)


def test_parts_of_a_row_meet_and_fill_it(history):
    known = timeline.read()
    picture = timeline.contexts_picture(known, None, now=moment(2021, 12, 31))
    assert [row["label"] for row in picture.rows] == ["2021", "2020", "2019"]
    by_row = {row["y"]: sorted((p for p in picture.parts if p["y"] == row["y"]),
                               key=lambda p: p["x"]) for row in picture.rows}
    assert [len(parts) for parts in by_row.values()] == [2, 2, 1]
    for parts in by_row.values():
        for left, right in pairwise(parts):
            assert left["x"] + left["width"] == pytest.approx(right["x"], abs=0.05)
        assert parts[-1]["x"] + parts[-1]["width"] <= picture.right + 0.1


def test_a_year_has_a_row_for_each_month(history):
    picture = timeline.contexts_picture(timeline.read(), 2020, now=moment(2022))
    assert [row["label"] for row in picture.rows][::11] == ["Dec", "Jan"]
    assert {part["context"] for part in picture.parts} == {"hst_0001.pmap", "hst_0002.pmap"}
    january = [part for part in picture.parts if part["y"] == picture.rows[-1]["y"]]
    assert [part["context"] for part in january] == ["hst_0001.pmap"]
    assert january[0]["width"] == pytest.approx(picture.right - picture.left, abs=0.05)


def test_files_are_counted_by_month_and_instrument(client):
    for day in (1, 2, 3):
        catalogue.file(f"a{day}_bia.fits", instrument="acs")
        CatalogFile.objects.filter(name=f"a{day}_bia.fits").update(
            delivery_date=moment(2020, 1 + day // 3, day))
    catalogue.file("b_bia.fits", instrument="cos")
    CatalogFile.objects.filter(name="b_bia.fits").update(
        delivery_date=None, activation_date=moment(2021, 5, 5))
    revision.bump()
    known = timeline.read()
    assert known.months == {"acs": {moment(2020, 1): 2, moment(2020, 2): 1},
                            "cos": {moment(2021, 5): 1}}
    assert timeline.delivery_rows(known, None) == (["acs", "cos"], [
        {"label": "2021", "numbers": [0, 1], "total": 1},
        {"label": "2020", "numbers": [3, 0], "total": 3}])
    assert [row["label"] for row in timeline.delivery_rows(known, 2020)[1]] == [
        "2020-02", "2020-01"]
    bars = timeline.deliveries_picture(known, 2020).parts
    assert [(bar["title"], bar["label"]) for bar in bars] == [
        ("ACS, 2020-01: 2 files", "2"), ("ACS, 2020-02: 1 files", "1")]
    assert bars[0]["height"] == pytest.approx(2 * bars[1]["height"])
    assert known.undated == {("cos", moment(2021, 5))}
    page = client.get("/timeline/", {"year": 2020}).content.decode()
    assert "ACS, 2020-01: 2 files" in page
    listed = re.search(r'href="(/browse_db/\?instrument=acs[^"]*start_date=2020-01[^"]*)"', page)[1]
    assert set(re.findall(r"a\d_bia\.fits(?=</a>)", client.get(
        listed.replace("&amp;", "&")).content.decode())) == {"a1_bia.fits", "a2_bia.fits"}
    assert "/browse_db/?instrument=cos" not in client.get(
        "/timeline/", {"year": 2021}).content.decode()


@pytest.mark.parametrize("year", ["1800", "x", "99999", "-1", "\uff12\uff10", "%00", "1" * 5000])
def test_years_without_anything_are_404(client, history, year):
    page = client.get("/timeline/", {"year": year})
    assert page.status_code == 404 and "Choose one from 2019" in text(page)


def test_a_timeline_of_500_contexts_stays_small(client):
    start = moment(2010)
    ContextHistory.objects.bulk_create(
        ContextHistory(start_date=start + timedelta(days=9 * n), context=f"hst_{n:04d}.pmap")
        for n in range(500))
    revision.bump()
    picture = timeline.contexts_picture(timeline.read(), None)
    assert len(picture.rows) == 13 and len(picture.parts) >= 500
    # Wide enough to be seen and pointed at.
    assert median(part["width"] for part in picture.parts) > 20
    assert len(client.get("/timeline/").content) < 1_000_000


def test_standing_and_timeline_agree_on_periods(history):
    assert timeline.read().periods == standing.periods()


# ---- feeds ------------------------------------------------------------------------------


def entries(response) -> list[dict]:
    root = ET.fromstring(response.content)
    assert root.tag == f"{ATOM}feed" and root.find(f"{ATOM}author/{ATOM}name").text
    return [{
        "id": each.find(f"{ATOM}id").text, "title": each.find(f"{ATOM}title").text,
        "updated": each.find(f"{ATOM}updated").text,
        "link": each.find(f"{ATOM}link").get("href"),
        "summary": each.find(f"{ATOM}summary").text,
    } for each in root.iter(f"{ATOM}entry")]


def test_the_feed_of_contexts(client, history):
    response = client.get("/feeds/contexts.atom")
    assert response.headers["Content-Type"].startswith("application/atom+xml")
    found = entries(response)
    assert [entry["title"] for entry in found][2:] == [
        "hst_0003.pmap is the latest context", "hst_0002.pmap is the latest context",
        "hst_0001.pmap is the latest context"]
    assert {entry["title"] for entry in found[:2]} == {
        "hst_0002.pmap was delivered", "hst_0003.pmap was delivered"}
    assert len({entry["id"] for entry in found}) == 5
    assert found[2]["updated"] == "2021-02-01T00:00:00+00:00"
    assert found[2]["link"] == "http://testserver/context_table/hst_0003.pmap"
    # Readers take the text for HTML; a context that is not here has no page.
    assert found[4]["summary"] == "<p>The &lt;first&gt; one</p>"
    assert found[4]["link"] == "http://testserver/display_context_history/"


def test_ids_are_the_same_under_every_address(client, settings, history):
    here = {entry["id"] for entry in entries(client.get("/feeds/contexts.atom"))}
    settings.PUBLIC_URL = "https://crds.example.invalid"
    set_script_prefix("/hst/")
    try:
        there = entries(client.get("/feeds/contexts.atom", SCRIPT_NAME="/hst"))
    finally:
        clear_script_prefix()
    assert {entry["id"] for entry in there} == here
    assert all(entry["link"].startswith("https://crds.example.invalid/hst/") for entry in there)


def test_feeds_of_files_are_those_of_the_instrument(client):
    catalogue.make(1, instruments=2, kinds=1, references=2)
    everything = entries(client.get("/feeds/files.atom"))
    acs = entries(client.get("/feeds/acs.atom"))
    assert {entry["title"].partition(" ")[0] for entry in acs} == set(
        CatalogFile.objects.filter(instrument="acs").values_list("name", flat=True))
    assert {e["id"] for e in acs} < {e["id"] for e in everything}


def test_files_without_a_delivery_date_appear_when_they_come_into_use():
    for name, delivered, activated in (
            ("a.fits", moment(2020), moment(2024)), ("b.fits", None, moment(2021)),
            ("c.fits", None, None)):
        catalogue.file(name)
        CatalogFile.objects.filter(name=name).update(
            delivery_date=delivered, activation_date=activated)
    assert [entry.name for entry in news.files()] == ["b.fits", "a.fits"]


def test_uploaded_files_are_no_news(client):
    catalogue.make()
    catalogue.file("secret_bia.fits", instrument="acs", state=FileState.UPLOADED)
    assert b"secret" not in client.get("/feeds/files.atom").content
    catalogue.file("x_bia.fits", instrument="wfi", state=FileState.UPLOADED)
    assert client.get("/feeds/wfi.atom").status_code == 404


@pytest.mark.parametrize("address", [
    "/feeds/nothing.atom", "/feeds/ACS.atom", "/feeds/%00.atom", "/feeds/<i>.atom"])
def test_unknown_instruments_are_404(client, address):
    catalogue.make()
    response = client.get(address)
    assert response.status_code == 404 and b"<i>" not in response.content


def test_texts_that_xml_cannot_hold_are_mended(client):
    pmap = catalogue.file("hst_0001.pmap", description="a\x00b\x0bc ]]> <script>&amp;\ufffe")
    turn(pmap.name, timezone.now(), pmap.description)
    found = entries(client.get("/feeds/contexts.atom"))
    assert found[0]["summary"] == "<p>a b c ]]&gt; &lt;script&gt;&amp;amp; </p>"


@pytest.mark.parametrize("address", FEEDS)
def test_unchanged_feeds_are_304(client, address):
    catalogue.make()
    first = client.get(address)
    again = client.get(address, headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.content) == (304, b"")
    catalogue.make(2)
    assert client.get(address, headers={
        "If-None-Match": first.headers["ETag"]}).status_code == 200
    assert client.post(address).status_code == 405


def test_an_empty_feed_is_a_feed(client):
    assert entries(client.get("/feeds/contexts.atom")) == []


# ---- versions -------------------------------------------------------------------------


def test_versions_say_what_packages_do(client, history):
    shown = text(client.get("/versions/"))
    assert re.search(r"crds 1\d\.\S+ the rules: parsing", shown)
    assert "Database default" in shown and "No context is set that names versions" in shown
    ContextPointer.objects.create(kind="versions", context=history[0])
    assert "named by the context hst_0002.pmap" in text(client.get("/versions/"))
