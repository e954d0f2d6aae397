"""Explanations on pages and in the REST API."""

from __future__ import annotations

import json
import re
from urllib.parse import quote

import pytest
from django.db import connections
from django.test.utils import CaptureQueriesContext

from bestrefs.services import explain as service
from bestrefs.services import stories
from bestrefs.services.date_line import draw
from rules.explaining.model import Entry, Trace

pytestmark = pytest.mark.django_db(databases=["default", "archive"])

HEADER = ("INSTRUME=ACS&DETECTOR=WFC&CCDAMP=ABCD&CCDGAIN=2.0&APERTURE=WFC&NAXIS1=4144"
          "&NAXIS2=2068&LTV1=24.0&LTV2=0.0&FILTER1=F606W&FILTER2=CLEAR2L&OBSTYPE=IMAGING"
          "&FLASHCUR=OFF&DATE-OBS=2010-05-01&TIME-OBS=12:00:00")


def text(response) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", response.content.decode()))


# ---- pages ---------------------------------------------------------------------


def test_without_a_question_the_form_offers_instruments(client, hst):
    page = client.get("/explain/")
    assert page.status_code == 200
    assert "A dataset of the archive" in text(page)
    assert 'href="?instrument=acs#by-parameters"' in page.content.decode()
    fields = client.get("/explain/?instrument=acs").content.decode()
    assert 'name="FILTER1"' in fields and '<option value="F606W">' in fields
    assert '<input type="hidden" name="INSTRUME" value="ACS">' in fields


def test_an_empty_catalogue_says_what_to_do(client):
    page = client.get("/explain/")
    assert page.status_code == 200
    assert "No context is in use yet" in text(page)


def test_every_type_has_an_answer_and_a_reason(client, hst):
    page = client.get(f"/explain/?{HEADER}")
    assert page.status_code == 200
    words = text(page)
    assert "With a reference" in words and "Not applicable" in words
    assert "biasfile" in words and "DETECTOR=WFC" in words
    assert "error_message" not in page.content.decode()
    # The whole parts are loaded when they are opened; without scripts a link leads there.
    assert 'type=biasfile">Full explanation of biasfile' in page.content.decode()


def test_a_type_shows_cases_dates_and_misses(client, hst):
    page = client.get(f"/explain/?{HEADER}&type=biasfile")
    words = text(page)
    assert "Why this biasfile ?" in words
    assert "gave the answer" in words and "✓ matches: WFC" in words
    assert "USEAFTER date" in words and "chosen" in words
    assert "Nearest cases that do not match" in words and "✗ fails:" in words
    assert 'role="img"' in page.content.decode()


def test_htmx_gets_the_part_alone(client, hst):
    part = client.get(f"/explain/?{HEADER}&type=biasfile", HTTP_HX_REQUEST="true")
    assert part.status_code == 200 and "<html" not in part.content.decode()
    assert "HX-Request" in part["Vary"]
    assert "on a page of its own" in text(part)


def test_two_contexts_side_by_side(client, hst):
    page = client.get(f"/explain/?{HEADER}&context=hst_0005.pmap&context2=hst_0001.pmap")
    words = text(page)
    assert "Different under the second context" in words
    assert words.index("Different under") < words.index("The same under both contexts")
    one = client.get(f"/explain/?{HEADER}&context=hst_0005.pmap&context2=hst_0001.pmap"
                     "&type=darkfile")
    assert text(one).count("Match cases") >= 2


def test_a_dataset_of_the_archive(client, hst, archived):
    page = client.get(f"/explain/?id={archived}")
    assert page.status_code == 200
    assert f"Dataset {archived}" in text(page)
    changed = client.get(f"/explain/?id={archived}&DETECTOR=HRC&type=biasfile")
    assert "HRC" in text(changed)


@pytest.fixture
def archived() -> str:
    """One dataset in the archive's catalogue."""
    from archive import services as archive

    header = dict(pair.split("=") for pair in HEADER.split("&"))
    archive.load([("JXXX01010", "JXXX01AAQ", "acs", header)], source="tests")
    return "JXXX01010:JXXX01AAQ"


@pytest.mark.parametrize(("query", "status", "says"), [
    ("id=NOSUCHIDQ", 404, "no dataset"),
    ("id=" + "x" * 300, 400, "longer than"),
    ("DETECTOR=WFC", 400, "INSTRUME"),
    ("INSTRUME=NOTHING", 400, "Unknown instrument"),
    (HEADER + "&context=hst_9999.pmap", 404, "Unknown mapping"),
    (HEADER + "&context2=nonsense", 404, "is not a context"),
    (HEADER + "&type=%00", 400, "name of the type"),
    ("INSTRUME=ACS&DETECTOR=%00", 400, "cannot be printed"),
])
def test_questions_that_cannot_be_answered_say_why(client, hst, query, status, says):
    page = client.get(f"/explain/?{query}")
    assert page.status_code == status
    assert says in text(page)
    assert "Traceback" not in text(page)


def test_an_unknown_type_is_explained(client, hst):
    page = client.get(f"/explain/?{HEADER}&type=nonsense")
    assert page.status_code == 200
    assert "The context has no rules for a type nonsense" in text(page)


@pytest.mark.parametrize("evil", ["<script>alert(1)</script>", "\"'><img src=x>", "{{ 7*7 }}"])
def test_what_is_asked_is_never_taken_for_page(client, hst, evil):
    asked = quote(evil)
    for address in (f"/explain/?INSTRUME=ACS&DETECTOR={asked}&type=biasfile",
                    f"/explain/?INSTRUME=ACS&DETECTOR={asked}&name={asked}",
                    f"/explain/?id={asked}&context={asked}&instrument={asked}",
                    f"/explain/?{HEADER}&type={asked}"):
        page = client.get(address)
        assert page.status_code in (200, 400, 404)
        assert evil not in page.content.decode() or "<" not in evil


@pytest.mark.parametrize("query", ["", "instrument=acs", HEADER, HEADER + "&type=biasfile",
                                   HEADER + "&context2=hst_0001.pmap"])
def test_few_queries(client, hst, query):
    client.get(f"/explain/?{query}")
    with CaptureQueriesContext(connections["default"]) as captured:
        client.get(f"/explain/?{query}")
    assert len(captured) <= 12, [one["sql"][:80] for one in captured]


# ---- REST ----------------------------------------------------------------------


def test_rest_tells_all_of_one_type(client, hst):
    answer = client.get(f"/api/v1/explain?{HEADER}&type=biasfile").json()
    assert answer["agrees"] is True
    (side,) = answer["contexts"]
    (one,) = side["explanation"]["types"]
    assert one["filekind"] == "biasfile" and one["outcome"] == "file"
    assert one["result"] == one["selected"] and one["files"] == [one["result"]]
    trace = one["lookups"][-1]["trace"]
    group = next(group for group in trace["groups"] if group["chosen"])
    assert {cell["mark"] for cell in group["cases"][0]["cells"]} <= {"matched", "neutral"}
    assert [entry["choice"] for entry in group["below"]["entries"] if entry["chosen"]] == [
        one["result"]]
    assert all(case["failed"] for case in trace["misses"])


def test_rest_takes_a_header_in_the_body(client, hst):
    header = dict(pair.split("=") for pair in HEADER.split("&"))
    body = {"header": header, "types": ["biasfile", "darkfile"], "context": "hst_0005.pmap",
            "context2": "hst_0001.pmap", "misses": 1}
    response = client.post("/api/v1/explain", json.dumps(body), content_type="application/json")
    assert response.status_code == 200
    answer = response.json()
    assert [side["context"] for side in answer["contexts"]] == ["hst_0005.pmap", "hst_0001.pmap"]
    kinds = [one["filekind"] for one in answer["contexts"][0]["explanation"]["types"]]
    assert kinds == ["biasfile", "darkfile"]
    assert {row["type"] for row in answer["differences"]} <= set(kinds)


@pytest.mark.parametrize(("query", "status"), [
    ("", 400), ("id=NOSUCHIDQ", 404), ("INSTRUME=NOTHING", 400), (HEADER + "&misses=9999", 422),
    (HEADER + "&context=hst_9999.pmap", 404),
])
def test_rest_errors_are_answers(client, hst, query, status):
    response = client.get(f"/api/v1/explain?{query}")
    assert response.status_code == status
    assert response.json()["detail"]


def test_rest_answers_about_a_header_have_an_etag(client, hst, archived):
    answer = client.get(f"/api/v1/explain?{HEADER}")
    again = client.get(f"/api/v1/explain?{HEADER}", HTTP_IF_NONE_MATCH=answer["ETag"])
    assert again.status_code == 304
    # The archive's headers may change at any time.
    assert "ETag" not in client.get(f"/api/v1/explain?id={archived}")


def test_a_disagreement_is_said_openly(client, hst, monkeypatch):
    """It never happens; if it did, nobody should be told a wrong reason."""
    from rules import selection

    select = selection.select

    def other(*args, **keys):
        return {**select(*args, **keys), "biasfile": "another_bia.fits"}

    monkeypatch.setattr(selection, "select", other)
    answer = client.get(f"/api/v1/explain?{HEADER}&type=biasfile").json()
    assert answer["agrees"] is False
    (one,) = answer["contexts"][0]["explanation"]["types"]
    assert one["agrees"] is False and one["selected"] == "another_bia.fits"
    page = text(client.get(f"/explain/?{HEADER}&type=biasfile"))
    assert "This explanation is not complete" in page
    assert "The library itself selects another_bia.fits" in page


def test_rest_documentation_has_it(client, hst):
    page = text(client.get("/api/v1/docs"))
    assert "Why these references" in page


# ---- what a page is made of ------------------------------------------------------


def test_lines_have_a_picture_of_the_neighbourhood_when_long():
    entries = [Entry(f"20{year:02}-{month:02}-01 00:00:00", f"f{year}{month}.fits",
                     (year, month) == (10, 6)) for year in range(5, 15) for month in range(1, 13)]
    trace = Trace("UseAfter", ["DATE-OBS", "TIME-OBS"], "2010-06-20 00:00:00", len(entries),
                  entries=entries)
    whole, near = draw(trace)
    assert whole.dates == 120 and near.dates == 8
    for picture in (whole, near):
        assert all(0 <= point.x <= 100 for point in picture.points)
        assert picture.span[0] <= picture.exposure <= picture.span[0] + picture.span[1]
        assert sum(point.chosen for point in picture.points) == 1
        assert 2 <= len(picture.ticks) <= 9


@pytest.mark.parametrize("value", ["", "not a date", "1.2.3"])
def test_no_picture_without_dates(value):
    assert draw(Trace("VersionAfter", ["V"], value, 1, entries=[Entry("1.0.0", "f", True)])) == []


def test_stories_number_cases_as_the_matrix_does(hst):
    header = dict(pair.split("=") for pair in HEADER.split("&"))
    comparison = service.compare(service.Subject("a header", header), ["hst_0005.pmap"])
    for row in comparison.rows:
        for each in stories.tell(row.first).passes:
            for line in each.lines:
                numbers = [number + line.first_case for entry in line.entries
                           for number in entry.cases]
                assert not numbers or max(numbers) <= len(each.matrix.rows)


def test_changes_are_told():
    from rules.explaining.model import Cause, Outcome, TypeExplanation

    one = TypeExplanation("biasfile", "a.rmap", Outcome.FILE, Cause.MATCHED, "a.fits", "a.fits",
                          True, reason="It matches.")
    other = TypeExplanation("biasfile", "b.rmap", Outcome.ERROR, Cause.NO_CASE, "NOT FOUND", "",
                            True, reason="None matches.")
    assert service.change(one, one) == "Both contexts have the same rules."
    assert "First: It matches. Then: None matches." in service.change(one, other)
    assert "no rules" in service.change(one, None) or "Only one" in service.change(one, None)


# ---- links ---------------------------------------------------------------------


def test_lines_of_rules_lead_to_their_text():
    from bestrefs.templatetags.explaining import rule_line

    link = rule_line("hst_acs_biasfile_0001.rmap", 1300)
    assert 'href="/browse/hst_acs_biasfile_0001.rmap/contents/?page=3#L1300"' in link
    assert rule_line("hst_acs_biasfile_0001.rmap", None) == ""


def test_similar_datasets_are_offered_for_an_unknown_one(client, hst, archived):
    page = client.get("/explain/?id=JXXX01AAA&type=biasfile")
    assert page.status_code == 404
    assert archived in text(page) and "Similar ones" in text(page)


def test_the_search_box_stays_empty(client, hst):
    page = client.get(f"/explain/?{HEADER}").content.decode()
    assert not re.search(r'name="q" value="[^"]', page)


@pytest.mark.parametrize("observatory", ["jwst", "roman", "tobs"])
def test_other_observatories(client, content, observatory):
    made = content(observatory)
    for instrument, header in made.headers(1):
        query = "&".join(f"{key}={quote(value)}" for key, value in header.items())
        page = client.get(f"/explain/?{query}")
        assert page.status_code == 200, (instrument, text(page))
        answer = client.get(f"/api/v1/explain?{query}").json()
        assert answer["agrees"] is True
        one = answer["contexts"][0]["explanation"]["types"][0]["filekind"]
        assert client.get(f"/explain/?{query}&type={one}").status_code == 200
        assert client.get(f"/explain/?instrument={instrument}").status_code == 200
