"""Pages of one dataset or header: forms, addresses that last, what answers show."""

from __future__ import annotations

import gzip
import json
import re
from urllib.parse import parse_qs, urlsplit

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import clear_script_prefix, set_script_prefix

from bestrefs.services import uploads
from bestrefs.services.questions import Question
from rules import selection

from .conftest import publish
from .pages import parameters, results, words

pytestmark = pytest.mark.django_db(databases=["default", "archive"])

PAGES = ("/bestrefs/", "/bestrefs/many/", "/bestrefs_explore/")
EXPLORE_ACS = "/bestrefs_explore/?instrument=acs"


def header_of(content, instrument="acs") -> dict[str, str]:
    return next(header for name, header in content.headers(3) if name == instrument)


# ---- every page ----------------------------------------------------------


@pytest.mark.parametrize("address", [*PAGES, EXPLORE_ACS, "/bestrefs/?id=JCL403010",
                                     "/bestrefs/many/?ids=JCL403010,LCE31SW6Q"])
def test_pages_open_run_no_inline_script_and_ask_little(hst, client, queries, address):
    page = client.get(address).content.decode()
    assert "error_message" not in page
    assert not re.findall(r"<script(?![^>]*\bsrc=)[^>]*>", page)
    assert not re.findall(r'\son\w+="', page)
    assert queries(address) <= 12


def test_queries_do_not_grow_with_the_datasets(hst, queries):
    few = queries("/bestrefs/many/?ids=JBANJOF3Q")
    assert queries("/bestrefs/many/?ids=JCL403010,JBANJOF3Q,LCE31SW6Q,LB6M01030,I9ZF01010") == few


@pytest.mark.parametrize("address", [*PAGES, "/bestrefs/?id=JBANJOF3Q&context2=hst_0001.pmap"])
def test_links_keep_the_prefix_of_the_observatory(hst, client, address):
    set_script_prefix("/hst/")
    try:
        page = client.get(address).content.decode()
    finally:
        clear_script_prefix()
    links = re.findall(r'(?:href|action)="(/[^"]*)"', page)
    assert links and all(link.startswith(("/hst/", "/static/")) for link in links), links


def test_without_a_context_pages_say_so(db, client):
    assert client.get("/bestrefs/").status_code == 200
    assert "none set" in words(client.get("/bestrefs/"))
    assert "An operator imports content first" in words(client.get("/bestrefs_explore/"))
    refused = client.get("/bestrefs/?id=JBANJOF3Q")
    assert refused.status_code == 404
    assert "No latest context is set" in words(refused)


# ---- by dataset ----------------------------------------------------------


def test_the_form_leads_to_an_address_that_lasts(hst, client):
    chosen = client.get("/bestrefs/", {"id": " jbanjof3q ", "pmap_mode": "pmap_latest"})
    assert chosen.url == "/bestrefs/?id=jbanjof3q&context=hst_0005.pmap"
    page = client.get(chosen.url)
    assert "Best references of jbanjof3q" in words(page)
    assert "Context hst_0005.pmap" in words(page)


@pytest.mark.parametrize(("fields", "context"), [
    ({"pmap_mode": "pmap_edit"}, "hst_0005.pmap"),
    ({"pmap_mode": "pmap_operational"}, "hst_0005.pmap"),
    ({"pmap_mode": "pmap_menu", "pmap_menu": "hst_0001.pmap"}, "hst_0001.pmap"),
    ({"pmap_mode": "pmap_text", "pmap_text": "hst_0001.pmap"}, "hst_0001.pmap"),
    ({"pmap_mode": "pmap_text", "pmap_text": "hst-edit"}, "hst_0005.pmap"),
    ({"pmap_text": "hst_0001.pmap"}, "hst_0001.pmap"),
])
def test_the_chooser_takes_every_way_to_name_a_context(hst, client, fields, context):
    chosen = client.get("/bestrefs/", {"id": "JBANJOF3Q", **fields})
    assert parse_qs(urlsplit(chosen.url).query)["context"] == [context]


@pytest.mark.parametrize(("fields", "problem"), [
    ({"pmap_mode": "pmap_text", "pmap_text": "hst_4711.pmap"}, "Unknown mapping 'hst_4711.pmap'"),
    ({"pmap_mode": "pmap_text", "pmap_text": ""}, "Write the name of a context"),
    ({"pmap_mode": "pmap_menu"}, "Choose one of the recent contexts"),
    ({"pmap_mode": "pmap_text", "pmap_text": "hst_acs_0001.imap"}, "Unknown mapping"),
    ({"pmap_mode": "<script>"}, "is no way to choose a context"),
    ({"pmap_mode": "pmap_text", "pmap_text": "x" * 500}, "not the name of a context"),
    ({"pmap_mode": "pmap_latest", "context2": "hst_4711.pmap"}, "Compare with: Unknown mapping"),
    ({"pmap_mode": "pmap_latest", "id": ""}, "Dataset ID: This field is required"),
])
def test_bad_choices_are_shown_beside_the_form(hst, client, fields, problem):
    page = client.get("/bestrefs/", {"id": "JBANJOF3Q", **fields})
    assert page.status_code == 400 and problem in words(page)
    assert "<script>" not in page.content.decode().partition('role="alert"')[2]


def test_every_exposure_of_a_product_is_shown(hst, client):
    page = client.get("/bestrefs/?id=JCL403010")
    assert "The product has 4 exposures" in words(page)
    assert len(results(page)) == 4
    for exposure in ("JCL403ABQ", "JCL403AFQ", "JCL403AHQ", "JCL403AJQ"):
        assert f"JCL403010:{exposure}" in words(page)
        assert len(results(client.get(f"/bestrefs/?id=JCL403010:{exposure}"))) == 1


def test_parameters_show_what_is_missing_and_dates_last(hst, client):
    header = {"INSTRUME": "ACS", "DETECTOR": "WFC", "DATE-OBS": "2012-01-01", "NEVER": "asked"}
    shown = parameters(client.get(f"/bestrefs/?{Question(header=header).query()}"))
    assert next(iter(shown)) == "INSTRUME" and list(shown)[-2:] == ["DATE-OBS", "TIME-OBS"]
    assert shown["DETECTOR"] == "WFC" and shown["CCDAMP"] == "UNDEFINED"
    assert "NEVER" not in shown and "REFTYPE" not in shown


def test_a_reference_shows_what_is_wrong_with_it(hst, client):
    header = header_of(hst)
    found = sorted(
        (kind, name) for kind, name in selection.best_references(hst.latest, header).items()
        if not name.startswith("NOT FOUND"))
    (good, bad, gone, moving, unknown), names = zip(*found[:5], strict=True)
    publish(names[0])
    publish(names[1], rejected=True)
    publish(names[2], stored=False)
    publish(names[3], state="archiving")
    (rows,) = results(client.get(f"/bestrefs/?{Question(header=header).query()}"))
    assert rows[good][0] == names[0] and rows[good][1].startswith("download")
    assert rows[bad][0] == f"{names[1]} rejected"
    assert rows[gone][1] == "not stored here"
    assert rows[moving][0] == f"{names[3]} archiving"
    assert rows[unknown][:2] == [f"{names[4]} not in the catalogue", ""]


def test_why_leads_to_the_explanation_of_that_type(hst, client):
    page = client.get("/bestrefs/?id=JCL403010&context2=hst_0001.pmap").content.decode()
    address = re.search(r'href="(/explain/\?[^"]*type=darkfile)"', page)[1].replace("&amp;", "&")
    assert "id=JCL403010:JCL403ABQ" in address and "context2=hst_0001.pmap" in address
    answer = client.get(address)
    assert answer.status_code == 200 and "darkfile" in words(answer)


def test_two_contexts_are_side_by_side(hst, client):
    differing = 0
    for _, header in hst.headers(4):
        first, second = (selection.best_references(name, header) for name in hst.contexts)
        question = Question(header=header, context=hst.contexts[0], context2=hst.contexts[1])
        page = client.get(f"/bestrefs/?{question.query()}")
        (rows,) = results(page)
        differ = {kind for kind in {*first, *second} if first.get(kind) != second.get(kind)}
        assert {kind for kind, cells in rows.items() if cells[2] == "differs"} == differ
        differing += len(differ)
        assert page.content.decode().count('<tr class="differs">') == len(differ)
    assert differing > 5


def test_an_unknown_dataset_shows_what_was_tried_and_what_is_near(hst, client):
    page = client.get("/bestrefs/?id=JCL403AXQ")
    assert page.status_code == 404
    assert "dataset ID does not exist 'JCL403AXQ'" in words(page)
    assert "JCL403010:JCL403ABQ" in words(page)
    assert "let its header be read" in words(page)
    far = client.get("/bestrefs/?id=ZZZZZZZZZ")
    assert far.status_code == 404 and "similar" not in words(far)


@pytest.mark.parametrize("query", [
    "id=%3Cscript%3E", "id=a%00b", "id=" + "x" * 400, "id=a:b:c", "INSTRUME=NOSUCH",
    "DETECTOR=WFC", "INSTRUME=%3Cscript%3Ealert(1)%3C/script%3E", "id=X&context=../../etc",
    "id=JBANJOF3Q&context2=hst_4711.pmap", "INSTRUME=ACS&context=%3Cb%3E", "INSTRUME=A%0AB",
    "&".join(f"K{n}=1" for n in range(500)), "INSTRUME=" + "A" * 3000,
])
def test_hostile_addresses_get_an_error_page(hst, client, query):
    page = client.get(f"/bestrefs/?{query}")
    assert page.status_code in (400, 404)
    message = page.content.decode().partition("error_message")[2].partition("</div>")[0]
    assert message and "<script>" not in message and "<b>" not in message


def test_hostile_values_are_shown_as_text(hst, client):
    page = client.get("/bestrefs/?INSTRUME=ACS&DETECTOR=%3Cimg%20src=x%3E&name=%3Ci%3E.fits")
    assert page.status_code == 200
    assert parameters(page)["DETECTOR"] == "<img src=x>"
    assert "<img" not in page.content.decode() and "<i>" not in page.content.decode()


# ---- by header ---------------------------------------------------------------


def post(client, **fields):
    return client.post("/bestrefs/", {"pmap_mode": "pmap_latest", **fields})


def question_at(response) -> dict[str, str]:
    assert response.status_code == 302, words(response)[:900]
    return {key: values[0] for key, values in parse_qs(urlsplit(response.url).query).items()}


def test_a_pasted_header_keeps_only_what_the_rules_ask_for(hst, client):
    header = header_of(hst)
    text = "\n".join(f"{key} = '{value}'" for key, value in {**header, "OTHER": "x"}.items())
    asked = question_at(post(client, header=text, name="C:\\data\\mine.fits"))
    assert asked.pop("context") == hst.latest and asked.pop("name") == "mine.fits"
    assert asked.items() <= header.items() and "OTHER" not in asked
    assert selection.best_references(hst.latest, asked) == (
        selection.best_references(hst.latest, header))


def test_a_real_file_is_read_whole_or_packed_and_by_extension(hst, client, test_data):
    data = (test_data / "datasets/hst/j8bt06o6q_raw.fits").read_bytes()
    plain = question_at(post(client, file=SimpleUploadedFile("j8bt06o6q_raw.fits", data)))
    assert plain["INSTRUME"] == "ACS" and plain["name"] == "j8bt06o6q_raw.fits"
    packed = question_at(post(client, file=SimpleUploadedFile(
        "j8bt06o6q_raw.fits", gzip.compress(data, 1))))
    assert packed == plain
    assert client.get("/bestrefs/", plain).status_code == 200
    # NAXIS1 is in no primary header of a file with extensions.
    primary = question_at(post(
        client, file=SimpleUploadedFile("a.fits", data), extension="primary"))
    extension = question_at(post(
        client, file=SimpleUploadedFile("a.fits", data), extension="SCI,1"))
    assert "NAXIS1" not in primary and extension["NAXIS1"] == "1062"
    wrong = post(client, file=SimpleUploadedFile("a.fits", data), extension="SCI,9")
    assert wrong.status_code == 400 and "There is no extension 'SCI,9'" in words(wrong)


def test_json_and_asdf_files_are_read(content, client, test_data):
    made = content("jwst")
    tree = {"meta": {"instrument": {"name": "MIRI", "detector": "MIRIMAGE"},
                     "observation": {"date": "2023-01-01", "time": "00:00:00"}}}
    asked = question_at(post(client, file=SimpleUploadedFile("x.json", json.dumps(tree).encode())))
    assert asked["META.INSTRUMENT.DETECTOR"] == "MIRIMAGE" and asked["context"] == made.latest
    path = test_data / "references/jwst/jwst_miri_distortion_0022.asdf"
    asked = question_at(post(client, file=SimpleUploadedFile(path.name, path.read_bytes())))
    assert asked["META.INSTRUMENT.NAME"] == "MIRI" and asked["META.EXPOSURE.TYPE"] == "MIR_MRS"


def test_fits_keywords_of_jwst_become_those_of_the_rules(content, client):
    content("jwst")
    text = "INSTRUME= 'NIRCAM'\nDETECTOR= 'NRCA1'\nDATE-OBS= '2023-01-01'\nTIME-OBS= '01:00:00'"
    asked = question_at(post(client, header=text))
    assert asked["META.INSTRUMENT.NAME"] == "NIRCAM"
    assert asked["META.INSTRUMENT.DETECTOR"] == "NRCA1"
    assert asked["META.OBSERVATION.DATE"] == "2023-01-01"
    assert client.get("/bestrefs/", asked).status_code == 200


@pytest.mark.parametrize(("fields", "problem"), [
    ({}, "Choose a file, or paste a header"),
    ({"header": "nothing of the kind"}, "This is no header"),
    ({"header": "DETECTOR = WFC"}, "Missing 'INSTRUME' keyword"),
    ({"header": "INSTRUME = NOSUCH"}, "Unknown instrument 'nosuch'"),
    ({"file": SimpleUploadedFile("x.gz", b"\x1f\x8b\x08" + b"x" * 500)}, "cannot be unpacked"),
    ({"file": SimpleUploadedFile("x.bin", bytes(range(256)) * 50)}, "This is no header"),
    ({"file": SimpleUploadedFile("x.fits", b"SIMPLE  =" + b"\0" * 9000)}, "Missing"),
    ({"file": SimpleUploadedFile("x.yaml", b"---\n" + b"[" * 90000)}, "nested deeper"),
    ({"header": "INSTRUME = ACS", "pmap_mode": "pmap_text", "pmap_text": "hst_9.pmap"},
     "Unknown mapping"),
])
def test_bad_headers_are_refused_beside_the_form(hst, client, fields, problem):
    page = post(client, **fields)
    assert page.status_code == 400 and problem in words(page), words(page)[:1500]


def test_files_that_are_too_large_are_refused_before_they_come(hst, client):
    page = client.post("/bestrefs/", data=b"", content_type="multipart/form-data; boundary=x",
                       CONTENT_LENGTH=str(uploads.MAX_UPLOAD + 1))
    assert page.status_code == 400
    assert "Allow scripts for this site" in words(page)


def test_forms_are_guarded_against_forgery(hst):
    client = Client(enforce_csrf_checks=True)
    for address in ("/bestrefs/", "/bestrefs/many/"):
        assert client.post(address, {"header": "INSTRUME = ACS"}).status_code == 403
    token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"',
                      client.get("/bestrefs/").content.decode())[1]
    sent = client.post("/bestrefs/", {"csrfmiddlewaretoken": token,
                                      "header": "INSTRUME = ACS\nDETECTOR = WFC"})
    assert sent.status_code == 302


# ---- explored ------------------------------------------------------------------


def test_exploring_goes_from_instrument_to_answer(hst, client):
    first = client.get("/bestrefs_explore/", {"instrument": "wfc3", "pmap_mode": "pmap_text",
                                              "pmap_text": "hst_0001.pmap"})
    assert first.url == "/bestrefs_explore/?context=hst_0001.pmap&instrument=wfc3"
    page = client.get(first.url)
    assert "Explore best references (hst_0001.pmap : WFC3)" in words(page)
    text = page.content.decode()
    filters = text.partition('<select name="FILTER"')[2].partition("</select>")[0]
    assert "F606W</option>" in filters
    assert re.search(r'name="DATE-OBS.typed" value="20\d\d-\d\d-\d\d"', text)
    last = client.get("/bestrefs_explore/", {
        "look": "1", "context": "hst_0001.pmap", "INSTRUME": "WFC3", "FILTER": "F606W",
        "FILTER.typed": "", "DETECTOR": "IR", "DETECTOR.typed": "UVIS", "CCDAMP": "",
        "DATE-OBS.typed": "2012-01-01", "TIME-OBS.typed": "01:02:03"})
    assert question_at(last) == {
        "context": "hst_0001.pmap", "INSTRUME": "WFC3", "FILTER": "F606W", "DETECTOR": "UVIS",
        "DATE-OBS": "2012-01-01", "TIME-OBS": "01:02:03"}
    answer = client.get(last.url)
    assert results(answer)
    again = client.get(re.search(r'href="(/bestrefs_explore/[^"]+)"', answer.content.decode())[1]
                       .replace("&amp;", "&")).content.decode()
    assert '<option selected>F606W</option>' in again
    assert 'name="TIME-OBS.typed" value="01:02:03"' in again


@pytest.mark.parametrize("query", [
    "instrument=nosuch", "instrument=%3Cb%3E", "change=1", "instrument=acs&context=hst_9.pmap",
    "instrument=" + "a" * 400, "look=1&FILTER.typed=a%00",
])
def test_hostile_exploring_gets_an_error_page(hst, client, query):
    page = client.get(f"/bestrefs_explore/?{query}")
    assert page.status_code in (400, 404) and "error_message" in page.content.decode()


@pytest.mark.parametrize(("observatory", "instrument"), [("jwst", "miri"), ("roman", "wfi"),
                                                         ("tobs", "tinstr")])
def test_instruments_of_every_observatory_can_be_explored(
        content, client, observatory, instrument):
    content(observatory)
    page = client.get(f"/bestrefs_explore/?instrument={instrument}")
    assert page.status_code == 200 and page.content.count(b"<select") > 0
