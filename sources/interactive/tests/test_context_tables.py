"""Context tables: instruments, types and rows of any rule file, with what one must know of them."""

from __future__ import annotations

import csv
import io
import json
import re

import pytest
from django.utils import timezone

from interactive.models import (
    CatalogFile,
    ContextHistory,
    ContextPointer,
    FileState,
    FileType,
    RuleLink,
)
from interactive.services import (
    importing,
    latest_references,
    revision,
    rule_tables,
    standing,
    store,
    type_tables,
)
from rules.tests import texts

from . import catalogue
from .caches import Cache, sha1
from .test_pages import text

pytestmark = pytest.mark.django_db

TYPE = "/context_table/hst_0002.pmap/cos/deadtab"


@pytest.fixture
def small(instance, tmp_path):
    """Two contexts of one type; the second reference is marked bad, the second context latest."""
    cache = Cache(tmp_path / "cache")
    importing.import_catalog(importing.CacheSource(cache.root, "hst"))
    return cache


def rule(name: str, content: str, **fields) -> CatalogFile:
    """A published and stored rule file with ``content``."""
    folder = store.folder_for(name)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(content)
    return CatalogFile.objects.create(
        name=name, observatory="hst", extension=name[-5:], type=FileType.MAPPING, stored=True,
        state=FileState.LATEST, size=len(content), sha1sum=sha1(content.encode()), **fields)


@pytest.fixture
def special(instance):
    """A context with an instrument and a type that it declares N/A, and one that it omits."""
    pmap = rule("hst_0009.pmap", texts.pmap(
        "hst_0009.pmap", {"ACS": "hst_acs_0009.imap", "COS": "N/A"}))
    imap = rule("hst_acs_0009.imap", texts.imap("hst_acs_0009.imap", "ACS", {
        "biasfile": "hst_acs_biasfile_0009.rmap", "darkfile": "N/A", "idctab": "OMIT"}),
        instrument="acs")
    rmap = rule("hst_acs_biasfile_0009.rmap", texts.rmap(
        "hst_acs_biasfile_0009.rmap", "ACS", "BIASFILE", ["a_bia.fits", "<b>_bia.fits"]),
        instrument="acs", filekind="biasfile")
    catalogue.link(pmap, imap, "acs")
    catalogue.link(imap, rmap, "biasfile")
    catalogue.link(rmap, catalogue.file("a_bia.fits", instrument="acs", filekind="biasfile"))
    revision.bump()
    return pmap


# ---- the accordion ------------------------------------------------------------


def test_a_context_table_lists_instruments_and_types(client, small):
    page = client.get("/context_table/hst_0002.pmap")
    shown = text(page)
    assert "Latest References (under context hst_0002.pmap )" in shown
    assert "1 instrument, 1 type, 2 references" in shown
    assert "COS 1 type · 2 references Rules of the instrument: hst_cos_0002.imap" in shown
    assert f'hx-get="{TYPE}"' in page.content.decode()


def test_what_is_not_applicable_is_shown_without_rows(client, special):
    shown = text(client.get("/context_table/hst_0009.pmap"))
    assert "COS N/A no rules in this context" in shown
    assert "darkfile ---- Dark Frame N/A" in shown
    assert "idctab ---- Image Distortion Correction File OMIT" in shown
    assert "ACS 1 type · 1 reference Rules" in shown
    found = latest_references.overview("hst_0009.pmap")
    assert [(row["name"], row["special"]) for row in found] == [("acs", ""), ("cos", "N/A")]
    assert [(t["name"], t["special"]) for t in found[0]["types"]] == [
        ("biasfile", ""), ("darkfile", "N/A"), ("idctab", "OMIT")]


@pytest.mark.parametrize("address, words", [
    ("/context_table/hst_0009.pmap/acs/darkfile", "Not applicable (N/A)."),
    ("/context_table/hst_0009.pmap/acs/idctab", "leaves the type out (OMIT)."),
    ("/context_table/hst_0009.pmap/cos/deadtab", "Not applicable (N/A)."),
])
def test_a_type_that_does_not_apply_has_a_page_that_says_so(client, special, address, words):
    page = client.get(address)
    assert page.status_code == 200
    assert words in text(page)


@pytest.mark.parametrize("address", [
    "/context_table/hst_0002.pmap/", "/context_table/hst_cos_0002.imap",
    "/context_table/hst_cos_deadtab_0002.rmap", TYPE])
def test_any_rule_file_has_a_table(client, small, address):
    assert client.get(address).status_code == 200


@pytest.mark.parametrize("name", ["latest", "hst-latest", "hst", "hst-2020-06-01", "edit"])
def test_roles_and_dates_lead_to_the_context(client, small, name):
    response = client.get(f"/context_table/{name}")
    assert (response.status_code, response.url) == (302, "/context_table/hst_0002.pmap")


def test_an_instrument_s_address_leads_into_the_context_table(client, small):
    assert client.get("/context_table/hst_0002.pmap/COS").url == "/context_table/hst_0002.pmap#cos"
    assert client.get("/context_table/latest/COS/DEADTAB").url == TYPE


@pytest.mark.parametrize("address, words", [
    ("/context_table/hst_9999.pmap", "Unknown mapping"),
    ("/context_table/nonsense", "not a context"),
    ("/context_table/<script>alert(1)</script>", "not a context"),
    ("/context_table/%3Cscript%3E", "not a context"),
    ("/context_table/jwst-latest", "observatory"),
    (f"/context_table/{Cache.FIRST}", "not a context"),
    ("/context_table/hst_0002.pmap/acs/biasfile", "It has: cos."),
    ("/context_table/hst_0002.pmap/cos/biasfile", "It has: deadtab."),
    ("/context_table/hst_cos_0002.imap/cos/deadtab", "is no context"),
    ("/context_table/hst_0002.pmap/cos/%00", "It has: deadtab."),
])
def test_unknown_things_get_a_page_that_helps(client, small, address, words):
    page = client.get(address)
    assert page.status_code == 404
    assert words in text(page)
    assert b"<script>" not in page.content


def test_uploaded_contexts_are_unknown(client, small):
    catalogue.file("hst_0003.pmap", state=FileState.UPLOADED)
    assert client.get("/context_table/hst_0003.pmap").status_code == 404
    assert "hst_0003.pmap" not in text(client.get("/context_table/hst_0002.pmap"))


# ---- where it stands -----------------------------------------------------------


def test_the_latest_context_says_since_when(client, small):
    shown = text(client.get("/context_table/hst_0002.pmap"))
    assert "latest Pipelines use this context since 2020-01-01 00:00:00" in shown
    assert "Superseded" not in shown and "Not the latest" not in shown


def test_a_superseded_context_says_when_it_was_latest_and_links_the_latest(client, small):
    page = client.get("/context_table/hst_0001.pmap")
    shown = text(page)
    assert "Historical References" in shown
    assert ("Superseded. hst_0001.pmap was the latest context from 2019-01-01 00:00:00"
            " to 2020-01-01 00:00:00") in shown
    assert "hst_0002.pmap →" in shown
    assert 'href="/context_table/hst_0002.pmap"' in page.content.decode()


def test_a_bad_context_is_marked(client, small):
    CatalogFile.objects.filter(name="hst_0001.pmap").update(blacklisted=True)
    assert "hst_0001.pmap is marked bad" in text(client.get("/context_table/hst_0001.pmap"))


def test_a_context_that_was_never_latest_says_so(client, small):
    catalogue.file("hst_0003.pmap", state=FileState.ARCHIVED)
    assert "has never been the latest" in text(client.get("/context_table/hst_0003.pmap"))


def test_superseded_rules_link_to_those_in_their_place(client, small):
    page = client.get("/context_table/hst_cos_deadtab_0001.rmap")
    assert "Not part of the latest context. In use now: hst_cos_deadtab_0002.rmap" in text(page)


def test_periods_of_the_history():
    for day, name in enumerate(["a", "b", "b", "a"], 1):
        ContextHistory.objects.create(
            start_date=timezone.make_aware(timezone.datetime(2020, 1, day)), context=name)
    assert [(p.context, p.start.day, p.end and p.end.day) for p in standing.periods()] == [
        ("a", 1, 2), ("b", 2, 4), ("a", 4, None)]


def test_neighbours_go_by_serial_number():
    for name in ("hst.pmap", "hst_0002.pmap", "hst_9998.pmap", "hst_10001.pmap"):
        row = catalogue.file(name)
    assert standing.neighbours(row) == ("hst_9998.pmap", None)
    first = CatalogFile.objects.get(name="hst.pmap")
    assert standing.neighbours(first) == (None, "hst_0002.pmap")


# ---- the table of a type ---------------------------------------------------------


def test_a_type_has_the_columns_of_the_original(client, small):
    page = client.get(TYPE).content.decode()
    headers = re.findall(r'<th scope="col"[^>]*>\s*(?:<a[^>]*>)?([^<]*)', page)
    assert [h.strip() for h in headers] == [
        "DETECTOR", "USEAFTER", "ACTIVATION DATE", "REFERENCE", "diff"]
    assert 'title="DATE-OBS TIME-OBS"' in page
    assert f'<input type="checkbox" name="files" value="{Cache.FIRST}"' in page
    assert '<span class="tag bad">rejected</span>' in page


def test_htmx_gets_the_rows_alone(client, small):
    part = client.get(TYPE, headers={"HX-Request": "true"})
    assert "HX-Request" in part.headers["Vary"]
    assert b"<html" not in part.content
    assert Cache.FIRST in text(part) and f'href="{TYPE}"' in part.content.decode()


def test_rows_that_no_reference_fits_have_no_box(client, instance):
    rmap = rule("hst_cos_deadtab_0001.rmap", texts.with_checksum(texts.rmap(
        "hst_cos_deadtab_0001.rmap", "COS", "DEADTAB", ["a.fits"]).replace(
        "UseAfter({\n        '2000-01-01 00:00:00' : 'a.fits',\n    })", "'N/A'")),
        instrument="cos", filekind="deadtab")
    page = client.get(f"/context_table/{rmap.name}").content.decode()
    assert "FUV" in page and ">N/A</td>" in page
    assert 'type="checkbox"' not in page


def test_names_from_rules_are_escaped(client, special):
    page = client.get("/context_table/hst_0009.pmap/acs/biasfile").content.decode()
    assert "&lt;b&gt;_bia.fits" in page and "<b>_bia" not in page
    assert "not in the catalogue" in page


@pytest.mark.parametrize("query, number", [
    ("", 2), ("q=fuv", 2), ("q=2000-01", 1), ("q=FUV+t7g", 1), ("q=nothing", 0),
    ("detector=FUV", 2), ("q=*", 2), ("page=99", 2), ("page=x", 2), ("per_page=1", 1),
    ("sort=-useafter", 2), ("sort=nonsense", 2), ("sort=reference,-detector", 2),
    ("q=%3Cscript%3E", 0),
])
def test_rows_are_filtered_and_sorted_in_the_address(client, small, query, number):
    page = client.get(f"{TYPE}?{query}")
    assert page.status_code == 200
    assert len(re.findall(r'name="files"', page.content.decode())) == number
    assert b"<script>" not in page.content


def test_filters_offer_the_values_of_the_rules(client, instance):
    rows = texts.rmap("hst_cos_deadtab_0001.rmap", "COS", "DEADTAB", ["a.fits"])
    entry = rows[rows.index("    ('FUV',)"):rows.index("})\n", -4)]
    both = entry.replace("FUV", "NUV|BOTH").replace("a.fits", "b.fits")
    rmap = rule("hst_cos_deadtab_0001.rmap", rows.replace(entry, entry + both),
                instrument="cos", filekind="deadtab")
    address = f"/context_table/{rmap.name}"
    page = client.get(address).content.decode()
    assert re.findall(r'<option value="(\w+)"', page) == ["BOTH", "FUV", "NUV"]
    assert ">BOTH</td>" not in page and "NUV, BOTH" in page
    assert "b.fits" in text(client.get(f"{address}?detector=NUV"))
    assert "a.fits" not in text(client.get(f"{address}?detector=NUV"))
    wrong = client.get(f"{address}?detector=XUV")
    assert client.get(f"{address}?q=%00").status_code == 400
    assert wrong.status_code == 400 and "not one of the available choices" in text(wrong)


def test_downloads_have_every_row_as_the_rules_write_it(client, small):
    def download(form: str) -> bytes:
        response = client.get(f"{TYPE}?format={form}")
        assert "hst_cos_deadtab_0002" in response.headers["Content-Disposition"]
        return b"".join(response.streaming_content)

    rows = list(csv.DictReader(io.StringIO(download("csv").decode())))
    assert [(row["detector"], row["useafter"], row["reference"]) for row in rows] == [
        ("FUV", "2000-01-01 00:00:00", Cache.FIRST), ("FUV", "2001-01-01 00:00:00", Cache.SECOND)]
    assert json.loads(download("json"))[1]["activation_date"] == "2020-01-01T00:00:00Z"
    assert b"VOTABLE" in download("votable")


def test_rules_that_are_not_stored_say_so(client, small):
    CatalogFile.objects.filter(name="hst_cos_deadtab_0002.rmap").update(stored=False)
    page = client.get(TYPE)
    assert page.status_code == 404 and "not stored here" in text(page)
    # The catalogue still knows what the context contains.
    assert "deadtab" in text(client.get("/context_table/hst_0002.pmap"))


def test_damaged_rules_are_reported_and_not_a_fault(client, instance):
    rmap = rule("hst_cos_deadtab_0001.rmap", "header = {", instrument="cos", filekind="deadtab")
    page = client.get(f"/context_table/{rmap.name}")
    assert page.status_code == 503 and "cannot be read" in text(page)


def test_a_table_is_parsed_once(small, monkeypatch):
    rule_tables._held.cache_clear()
    first = rule_tables.table("hst_cos_deadtab_0002.rmap")
    rule_tables._held.cache_clear()
    monkeypatch.setattr(rule_tables.tables, "read", None)
    assert rule_tables.table("hst_cos_deadtab_0002.rmap") == first
    assert first.references == sorted([Cache.FIRST, Cache.SECOND])


# ---- costs -----------------------------------------------------------------------


@pytest.mark.parametrize("address", [
    "/context_table/hst_0006.pmap", "/context_table/hst_acs_0009.imap"])
def test_queries_of_context_tables(queries, special, address):
    catalogue.make(6, instruments=5, kinds=4, references=10)
    assert queries(address) <= 12


def test_queries_of_a_type_do_not_grow_with_its_rows(queries, special):
    address = "/context_table/hst_0009.pmap/acs/biasfile"
    few = queries(address)
    rmap = CatalogFile.objects.get(name="hst_acs_biasfile_0009.rmap")
    for number in range(50):
        catalogue.link(rmap, catalogue.file(f"x{number}_bia.fits"))
    revision.bump()
    assert queries(address) == few <= 12


def test_every_type_of_the_demonstration_opens(client, hst_demo):
    """Rows, links and pages agree for all types of the latest context."""
    latest = ContextPointer.objects.get(kind="latest").context.name
    types = [(i["name"], t) for i in latest_references.overview(latest) for t in i["types"]]
    assert len(types) > 20
    for instrument, kind in types:
        part = client.get(f"/context_table/{latest}/{instrument}/{kind['name']}",
                          headers={"HX-Request": "true"})
        assert part.status_code == 200
        if not kind["special"]:
            rmap = type_tables.rmap_of(latest, instrument, kind["name"])
            table, lines = type_tables.lines(rmap)
            assert set(table.references) == set(RuleLink.objects.filter(parent=rmap).values_list(
                "child__name", flat=True))
            assert all(file["state"] for line in lines for file in line.files)
