"""The public pages: what they show, and that their queries do not grow with the catalogue."""

from __future__ import annotations

import re
import subprocess
import sys
from functools import cache as cache_results

import pytest
from django.core.cache import cache
from django.db import OperationalError
from django.urls import clear_script_prefix, set_script_prefix
from django.utils import timezone

from interactive.models import BuildContext, CatalogRevision, ContextPointer, RemoteContext
from interactive.services import server_status

from . import catalogue

pytestmark = pytest.mark.django_db

PAGES = ("/", "/status/", "/status/findings/", "/docs/cmdline_bestrefs/", "/login/",
         "/api/v1/docs")


def text(response) -> str:
    """The words of a page without its marks."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", response.content.decode()))


# ---- every page ----------------------------------------------------------


@pytest.mark.parametrize("filled", [False, True])
@pytest.mark.parametrize("address", PAGES)
def test_pages_open_and_show_no_error(client, address, filled):
    if filled:
        catalogue.make()
        catalogue.findings(3)
    response = client.get(address)
    assert response.status_code == 200
    # Clients take any such div, even an empty one, for an error (contract 4.4).
    assert b"error_message" not in response.content
    assert b"Calibration Reference Data System (CRDS)" in response.content


@pytest.mark.parametrize("usecase, badge", [("dev", True), ("test", True), ("ops", False)])
def test_badge_names_the_use_case_except_on_ops(client, settings, usecase, badge):
    settings.CRDS_USECASE = usecase
    assert (f'>{usecase}</span>' in client.get("/").content.decode()) is badge


@pytest.mark.parametrize("address", PAGES)
def test_pages_run_no_inline_scripts_and_name_no_other_host(client, address):
    page = client.get(address).content.decode()
    assert not re.findall(r"<script(?![^>]*\bsrc=)[^>]*>", page)
    assert not re.findall(r'\son\w+="', page)
    assert not re.findall(r'(?:src|href)="(?:https?:)?//', page.replace("http://testserver", ""))


def test_links_keep_the_prefix_of_the_observatory(client):
    catalogue.make()
    set_script_prefix("/hst/")
    try:
        page = client.get("/").content.decode()
    finally:
        clear_script_prefix()
    links = re.findall(r'(?:href|action)="(/[^"]*)"', page)
    assert links and all(link.startswith(("/hst/", "/static/")) for link in links), links


@pytest.mark.parametrize("address", [*PAGES[:4], "/api/v1/files", "/api/v1/contexts"])
def test_queries_do_not_grow_with_the_catalogue(queries, address):
    catalogue.make(1, instruments=1, kinds=1, references=1)
    catalogue.findings(3)
    cache.clear()
    few = queries(address)
    catalogue.make(2, instruments=5, kinds=4, references=10)
    cache.clear()
    assert queries(address) == few <= 12


# ---- home ----------------------------------------------------------------


def test_empty_home_says_how_to_fill_it(client):
    page = text(client.get("/"))
    assert "The catalogue is empty" in page
    assert "./init hst django --demo" in page


def test_home_lists_rules_and_numbers_of_references(client):
    catalogue.make(7, instruments=2, kinds=2, references=3)
    page = text(client.get("/"))
    assert "Latest References (under context hst_0007.pmap )" in page
    assert "ACS 2 types · 6 references" in page
    assert ("biasfile ---- Bias Frame 3 references"
            " Rules of the type: hst_acs_biasfile_0007.rmap") in page
    assert "Build Context" not in page


def test_home_shows_banner_history_and_pipelines(client, settings):
    settings.REMOTE_CONTEXT_KEYS = ["hst-ops-pipeline", "hst-test-pipeline"]
    for serial in range(1, 7):
        pmap = catalogue.make(serial, instruments=1, kinds=1, references=1)
    ContextPointer.objects.create(kind="banner", context=pmap, cal_ver="1.2.3")
    BuildContext.objects.create(cal_ver="1.2.3", context=pmap)
    RemoteContext.objects.create(key="hst-ops-pipeline", context=pmap.name,
                                 pushed_at=timezone.now())
    page = text(client.get("/"))
    assert "Build Context: hst_0006.pmap based on CAL Version: 1.2.3" in page
    assert [f"Delivery {n}" in page for n in (2, 3, 4, 5, 6)] == [False, True, True, True, True]
    assert "hst-ops-pipeline hst_0006.pmap latest" in page
    assert "hst-test-pipeline nothing reported yet" in page


def test_home_notices_a_new_context_at_once(client):
    catalogue.make(1, references=1)
    client.get("/")
    catalogue.make(2, references=4)
    assert ("biasfile ---- Bias Frame 4 references"
            " Rules of the type: hst_acs_biasfile_0002.rmap") in text(client.get("/"))


def test_second_look_at_home_asks_less(queries):
    catalogue.make()
    first = queries("/")
    assert queries("/") == first - 4


def test_uploaded_contexts_are_not_shown(client):
    pmap = catalogue.file("hst_0001.pmap")
    catalogue.link(pmap, catalogue.file("hst_acs_0001.imap", state="uploaded"), "acs")
    ContextPointer.objects.create(kind="latest", context=pmap)
    assert "hst_acs_0001.imap" not in text(client.get("/"))


# ---- status --------------------------------------------------------------


def test_status_counts_files_by_type_and_state(client):
    catalogue.make(1, instruments=1, kinds=1, references=4)
    page = text(client.get("/status/"))
    assert "mapping latest 3 3 0 2.9 KB" in page.replace("\xa0", " ")
    assert "reference latest 4 2 2 2.0 KB" in page.replace("\xa0", " ")
    assert "Django 5" in page


def test_status_opens_before_anything_was_counted(client):
    CatalogRevision.objects.all().delete()
    assert client.get("/status/").status_code == 200


def test_status_tells_no_secrets(client, settings):
    page = client.get("/status/").content.decode()
    for secret in (settings.SECRET_KEY, str(settings.INSTANCE.root), "database_dir"):
        assert secret not in page


def test_findings_are_paged_and_filtered(client):
    catalogue.findings(450)
    page = text(client.get("/status/findings/?code=closure&page=5"))
    assert "Showing 401 to 450 of 450" in page
    assert "Page 5 of 5" in page
    assert "No finding is called “nothing”" in text(client.get("/status/findings/?code=nothing"))


@pytest.mark.parametrize("number", ["0", "99999", "x", "-1", "", "1" * 5000])
def test_findings_take_any_page_number(client, number):
    catalogue.findings(3)
    assert "hst_0000.pmap" in text(client.get("/status/findings/", {"page": number}))


def test_findings_are_escaped(client):
    catalogue.findings(1)
    assert b"It contains &lt;nothing&gt;." in client.get("/status/findings/").content


@pytest.mark.django_db(databases=["default", "archive"])
def test_healthz_answers_for_databases_and_file_cache(client, instance):
    instance.file_cache.mkdir(parents=True, exist_ok=True)
    response = client.get("/healthz")
    assert (response.status_code, response.json()["status"]) == (200, "ok")
    instance.file_cache.rmdir()
    response = client.get("/healthz")
    assert response.status_code == 503
    assert response.json()["checks"]["file cache"] == "No such file or directory"


@pytest.mark.django_db(databases=["default", "archive"])
def test_healthz_names_the_database_that_is_down(client, instance, monkeypatch):
    class Down:
        def cursor(self):
            raise OperationalError("secret-host refused the connection")

    monkeypatch.setattr(server_status, "connections", {"default": Down(), "archive": Down()})
    response = client.get("/healthz")
    assert response.status_code == 503
    assert response.json()["checks"]["database default"] == "does not answer"
    assert b"secret" not in response.content


# ---- help ----------------------------------------------------------------


@pytest.mark.parametrize("observatory, package", [
    ("hst", "crds"), ("jwst", "crds[jwst]"), ("roman", "crds[roman]"), ("tobs", "crds")])
def test_command_line_help_fits_the_observatory(client, settings, observatory, package):
    settings.CRDS_OBSERVATORY = observatory
    page = client.get("/docs/cmdline_bestrefs/").content.decode()
    assert f'pip install &quot;{package}&quot;' in page or f'pip install "{package}"' in page
    assert f"export CRDS_OBSERVATORY={observatory}\n" in page
    assert "export CRDS_SERVER_URL=http://testserver\n" in page


def test_command_line_help_names_public_address_and_latest_context(client, settings):
    settings.PUBLIC_URL = "https://crds.example.invalid"
    catalogue.make(42)
    page = client.get("/docs/cmdline_bestrefs/").content.decode()
    assert "export CRDS_SERVER_URL=https://crds.example.invalid\n" in page
    assert "--contexts hst_0042.pmap" in page


@pytest.mark.parametrize("observatory", ["hst", "jwst", "roman"])
def test_commands_of_the_help_have_options_that_the_client_knows(client, settings, observatory):
    settings.CRDS_OBSERVATORY = observatory
    page = client.get("/docs/cmdline_bestrefs/").content.decode()
    commands = [line.split() for line in re.findall(r"<code>(crds [^<]*--[^<]*)</code>", page)]
    assert {command[1] for command in commands} == {"list", "bestrefs", "sync"}
    for _, script, *arguments in commands:
        known = client_options(script)
        unknown = {a.partition("=")[0] for a in arguments if a.startswith("--")} - known
        assert not unknown, f"crds {script} does not know {unknown}"


@cache_results
def client_options(script: str) -> set[str]:
    """Long options of a command of the real client."""
    shown = subprocess.run([sys.executable, "-m", f"crds.{script}", "--help"], check=True,
                           capture_output=True, text=True, timeout=60).stdout
    return set(re.findall(r"--[a-z0-9-]+", shown))


# ---- words of the observatory, place in the site -------------------------


@pytest.mark.parametrize("observatory, value", [
    ("hst", "F606W"), ("jwst", "F200W"), ("roman", "F158"), ("tobs", "flat")])
def test_search_is_explained_in_words_of_the_observatory(client, settings, observatory, value):
    settings.CRDS_OBSERVATORY = observatory
    page = client.get("/search/").content.decode()
    assert f"value such as {value}" in page and f"q={value}" in page
    assert ("F606W" in page) == (observatory == "hst")


@pytest.mark.parametrize("address, subject", [
    ("/timeline/", "Contexts"), ("/explain/", "Best references"),
    ("/bestrefs/many/", "Best references"), ("/display_build_contexts/", "Contexts")])
def test_bar_on_top_shows_where_a_page_belongs(client, address, subject):
    page = client.get(address).content.decode()
    marked = re.findall(r'aria-current="true">([^<]*)</a>', page.split("<main", 1)[0])
    assert marked == [subject]


def test_crawlers_are_asked_to_leave_alone_what_starts_jobs(client):
    text = client.get("/robots.txt").content.decode()
    assert text.startswith("User-agent: *\n")
    for place in ("/diff", "/contents/", "/bestrefs/", "/api/", "/*?"):
        assert f"\nDisallow: {place}\n" in text
    prefixed = client.get("/robots.txt", SCRIPT_NAME="/hst").content.decode()
    assert "\nDisallow: /hst/contents/\n" in prefixed
