"""The search: its index, its queries, its page."""

from __future__ import annotations

import random
import re

import numpy as np
import pytest
from django.core.management import call_command
from django.utils import timezone

from interactive.models import CatalogFile, SearchWord
from interactive.services import contexts, revision
from interactive.services.search import index, parse, postings, search, shortcuts, words

from . import catalogue

pytestmark = pytest.mark.django_db

HOSTILE = (
    "%", "_", "%%%", "'; DROP TABLE x; --", "\0", "a\0b", "😀", "*", "?", "**?**", '"', '""', "-",
    "--", ":", "=:", "x" * 5000, "a " * 3000, "filter:", "-filter:*", "after:", "[a-z]", "\\",
    "after:9999-99-99", "before:0001-01-01", "<script>alert(1)</script>", "(((", "a:b:c", "is:",
    "\ufb01", "\u0130stanbul", "\u202e", "\uff11\uff12", "after:9999-12-31", "*" * 200 + "a",
    "filter1:*6*", "-*", "*:*")


@pytest.fixture
def files(instance):
    """A few files with texts and values, indexed."""
    made = {}

    def make(name, **fields):
        made[name] = catalogue.file(name, **fields)

    make("hst_0001.pmap", description="First context")
    make("hst_acs_biasfile_0001.rmap", instrument="acs", filekind="biasfile",
         description="Bias rules", state="archived")
    make("q9e1206hj_bia.fits", instrument="acs", filekind="biasfile", pedigree="INFLIGHT",
         description="New superbias for the flat field of F606W", history="made from 24 frames",
         uploaded_as="my_bias.fits")
    make("q9e1207hj_bia.fits", instrument="acs", filekind="biasfile", state="archived",
         description="A field that is flat", comment="see q9e1206hj_bia.fits", rejected=True)
    make("w1z0002ti_pfl.fits", instrument="wfc3", filekind="pfltfile", creator_name="Zoë Müller",
         sha1sum="abcdef" + "1" * 34)
    made["secret"] = catalogue.file("n0t0001hj_bia.fits", state="uploaded", instrument="acs")
    key = {name: file.pk for name, file in made.items()}
    index.add(key.values(), [
        (("CCDGAIN", "FILTER1"), ("1.0|2.0", "F606W"), [key["q9e1206hj_bia.fits"]]),
        (("META.INSTRUMENT.DETECTOR", "FILTER1"), ("NRCA1-X", "*"), [key["w1z0002ti_pfl.fits"]]),
    ])
    revision.bump()
    return made


def found(text, **more) -> list[str]:
    return [hit.file.name for hit in search(text, **more).hits]


BIAS, OTHER, FLAT = "q9e1206hj_bia.fits", "q9e1207hj_bia.fits", "w1z0002ti_pfl.fits"
RULES, CONTEXT = "hst_acs_biasfile_0001.rmap", "hst_0001.pmap"


@pytest.mark.parametrize("text, expected", [
    ("q9e1206hj_bia.fits", [BIAS, OTHER]),
    ("q9e120", [BIAS, OTHER]),
    ("my_bias.fits", [BIAS]),
    ("superbias", [BIAS]),
    ("superb", [BIAS]),
    ("flat field", [BIAS, OTHER]),
    ('"flat field"', [BIAS]),
    ("field -superbias", [OTHER]),
    ("F606W", [BIAS]),
    ("f606w acs", [BIAS]),
    ("filter1:F606W", [BIAS]),
    ("filter1=f606w", [BIAS]),
    ("filter1:F6*", [BIAS]),
    ("filter2:F606W", []),
    ("CCDGAIN=2.0", [BIAS]),
    ("ccdgain:2", [BIAS]),
    ("ccdgain:3", []),
    ("detector:NRCA1-X", [FLAT]),
    ("NRCA1-X", [FLAT]),
    ("META.INSTRUMENT.DETECTOR:nrca1-x", [FLAT]),
    ("abcdef1", [FLAT]),
    ("sha1:ABCDEF1", [FLAT]),
    ("instrument:wfc3", [FLAT]),
    ("wfc3", [FLAT]),
    ("type:pfltfile", [FLAT]),
    ("muller", [FLAT]),
    ("creator:ZOË", [FLAT]),
    ("pedigree:inflight", [BIAS]),
    ("history:24", [BIAS]),
    ("description:24", []),
    ("is:rejected", [OTHER]),
    ("rejected", [OTHER]),
    ("acs is:latest", [BIAS]),
    ("acs -is:latest -is:rejected", [RULES]),
    ("*_bia.fits", [BIAS, OTHER]),
    ("q9e120?hj*", [BIAS, OTHER]),
    ("*.pmap", [CONTEXT]),
    ("ext:rmap", [RULES]),
    ("after:2000-01-01 wfc3", [FLAT]),
    ("before:2000-01-01 wfc3", []),
    ("superbias nothing", []),
])
def test_what_is_found(files, text, expected):
    assert found(text) == expected


def test_provisional_files_are_never_found(files):
    assert found("n0t0001hj_bia.fits") == found("n0t*") == []


@pytest.mark.parametrize("text, jump", [
    (BIAS, BIAS), (f" {BIAS} ", BIAS), ("abcdef" + "1" * 34, FLAT), (f"name:{BIAS}", BIAS),
    (f'"{BIAS}"', None), ("q9e1206", None), ("abcdef1", None), (f"{BIAS} acs", None),
    ("0" * 40, None), ("n0t0001hj_bia.fits", None)])
def test_a_whole_name_or_checksum_names_its_file(files, text, jump):
    assert search(text).jump == jump


def test_exact_names_come_first_then_latest_then_newest(files):
    assert found(OTHER)[0] == OTHER
    CatalogFile.objects.filter(name=BIAS).update(state="archived")
    CatalogFile.objects.filter(name=OTHER).update(delivery_date=timezone.now())
    revision.bump()
    assert found("field") == [OTHER, BIAS]
    CatalogFile.objects.filter(name=BIAS).update(state="latest")
    revision.bump()
    assert found("field") == [BIAS, OTHER]


def test_facets_count_what_matches_and_narrow(files):
    answer = search("acs")
    assert answer.total == 3
    assert dict(answer.facets["type"]) == {"reference": 2, "mapping": 1}
    assert dict(answer.facets["state"]) == {"archived": 2, "latest": 1}
    assert found("acs", only={"type": "mapping"}) == [RULES]


def test_matches_say_where(files):
    (hit,) = search("F606W superbias").hits
    labels = {match.label: match for match in hit.matches}
    assert labels["rules"].text == "FILTER1 = F606W"
    assert ("superbias", True) in labels["description"].pieces
    assert ("F606W", True) in labels["description"].pieces


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_queries_find_or_find_nothing(files, client, text):
    response = client.get("/search/", {"q": text})
    assert response.status_code in (200, 302)
    assert b"<script>alert" not in response.content
    answer = client.get("/api/v1/search", {"q": text})
    assert answer.status_code in (200, 422), answer.content


def test_marks_of_sql_match_only_themselves(files):
    assert search("%").total == search("_").total == search("*%*").total == 0


def test_long_queries_are_cut_and_say_so(files):
    answer = search("superbias " * 100)
    assert answer.query.text.startswith("superbias superbias")
    assert any("Only the first" in remark for remark in answer.remarks)
    assert answer.total == 1


# ---- the index -------------------------------------------------------------------


def test_adding_again_changes_nothing(files):
    def rows():
        return sorted((row.word, row.field, row.count, bytes(row.files))
                      for row in SearchWord.objects.all())

    before = rows()
    index.add([files[BIAS].pk], [(("FILTER1",), ("F606W",), [files[BIAS].pk])])
    assert rows() == before


def test_files_added_later_are_found_with_the_others(files):
    new = catalogue.file("x0x0001hj_bia.fits", instrument="acs", description="superbias too")
    index.add([new.pk], [(("FILTER1",), ("F606W",), [new.pk])])
    revision.bump()
    assert set(found("superbias")) == set(found("F606W")) == {BIAS, new.name}


def test_changed_texts_are_forgotten_when_removed_first(files):
    CatalogFile.objects.filter(name=BIAS).update(description="entirely different")
    index.remove([files[BIAS].pk])
    index.add([files[BIAS].pk])
    revision.bump()
    assert found("superbias") == [] and found("entirely") == [BIAS]


def test_rebuilding_gives_the_same_index_as_the_import(hst_demo):
    def rows():
        return {(row.word, row.field): postings.unpack(row.files).tolist()
                for row in SearchWord.objects.all()}

    imported = rows()
    assert ("f606w", "filter1") in imported or any(field == "ccdgain" for _, field in imported)
    SearchWord.objects.filter(word__gte="m").delete()
    call_command("index_catalogue", "--quiet", verbosity=0)
    assert rows() == imported


@pytest.mark.parametrize("keys", [
    [], [0], [1], [5, 900_000], list(range(1000)), [*range(0, 5000, 3), 70_000],
    sorted(random.Random(1).sample(range(100_000), 20_000))])
def test_sets_of_files_come_back_from_bytes(keys):
    data = postings.pack(np.array(keys, np.int64))
    assert postings.unpack(data).tolist() == keys
    mask = np.zeros(50_000, bool)
    postings.mark(mask, data)
    assert np.flatnonzero(mask).tolist() == [key for key in keys if key < 50_000]
    for key in (0, 1, 2, 5, 69_999, 70_000, 10**9):
        assert postings.contains(data, key) == (key in keys)
    assert len(data) <= 4 * len(keys) + 1


@pytest.mark.parametrize("text, expected", [
    ("Flat-Field of F606W", ["flat", "field", "of", "f606w"]),
    ("gain 2.0, 2, 2.50 and 1e3", ["gain", "2", "2.5", "and", "1e3"]),
    ("version 1.18.2", ["version", "1", "18", "2"]),
    ("hst_acs_biasfile_0250.rmap", ["hst", "acs", "biasfile", "0250", "rmap"]),
    ("Zoë  MÜLLER", ["zoe", "muller"]), ("😀 * %", []), ("page 3.", ["page", "3"])])
def test_words_of_texts(text, expected):
    assert words.words(text) == expected


def test_terms_of_queries():
    terms = parse('a -b:c "d e" -"f" g=h').terms
    assert [(t.text, t.field, t.negative, t.phrase) for t in terms] == [
        ("a", "", False, False), ("c", "b", True, False), ("d e", "", False, True),
        ("f", "", True, True), ("h", "g", False, False)]


# ---- the page ----------------------------------------------------------------------


def text_of(response) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", response.content.decode()))


def test_the_page_jumps_to_the_file_that_is_named(files, client):
    response = client.get("/search/", {"q": BIAS})
    assert (response.status_code, response["Location"]) == (302, f"/browse/{BIAS}")


def test_the_page_shows_hits_facets_and_where_they_match(files, client):
    page = client.get("/search/", {"q": "bias"})
    assert "1 to 3 of 3 files" in text_of(page)
    assert "<mark>" in page.content.decode()
    assert 'href="?q=bias&amp;type=mapping"' in page.content.decode()


def test_all_that_was_found_can_be_downloaded(files, client):
    page = client.get("/search/", {"q": "acs", "type": "reference"}).content.decode()
    address = re.search(r'href="([^"]*format=csv[^"]*)"', page)[1].replace("&amp;", "&")
    answer = client.get("/search/" + address)
    assert answer["Content-Disposition"] == 'attachment; filename="search.csv"'
    lines = b"".join(answer.streaming_content).decode().splitlines()
    found = search("acs", only={"type": "reference"}, length=1000)
    assert len(lines) == found.total + 1 > 1
    assert {line.split(",")[3] for line in lines[1:]} == {hit.file.name for hit in found.hits}
    assert b"".join(client.get("/search/?format=json").streaming_content) == b"[]"
    assert client.get("/search/?q=acs&format=exe").status_code == 400


def test_the_page_offers_shortcuts(files, client):
    latest = CatalogFile.objects.get(name=CONTEXT)
    from interactive.models import ContextPointer

    ContextPointer.objects.create(kind="latest", context=latest)
    revision.bump()
    pointers = contexts.pointers()
    assert [s.text for s in shortcuts.of(parse("latest acs biasfile"), pointers)] == [
        "The latest context, hst_0001.pmap", "All biasfile files of ACS", "All files of ACS",
        "All biasfile files"]
    assert shortcuts.of(parse("1"), pointers)[0].context == CONTEXT
    page = client.get("/search/", {"q": "acs biasfile"}).content.decode()
    assert 'href="/browse_db/?instrument=acs&amp;filekind=biasfile"' in page


def test_nothing_found_says_what_to_do(files, client):
    page = text_of(client.get("/search/", {"q": "nosuchthing"}))
    assert "No published file matches “nosuchthing”" in page and "every word has to match" in page
    assert "What can be searched" in text_of(client.get("/search/"))


@pytest.mark.parametrize("page", ["0", "x", "-3", "99999999", "2" * 500, "²"])
def test_any_page_number_shows_a_page(files, client, page):
    response = client.get("/search/", {"q": "bias", "page": page})
    assert response.status_code == 200 and "of 3 files" in text_of(response)


def test_queries_do_not_grow_with_query_or_catalogue(files, queries):
    addresses = ("/search/?q=bias", '/search/?q=acs+"flat+field"+F606W+-is:rejected+*_bia.fits'
                 "+abcdef1+ccdgain:2")
    queries(addresses[0])
    few = [queries(address) for address in addresses]
    for number in range(60):
        file = catalogue.file(f"y0y{number:04d}hj_bia.fits", instrument="acs",
                              description="flat field bias F606W")
        index.add([file.pk], [(("CCDGAIN",), ("2",), [file.pk])])
    revision.bump()
    queries(addresses[0])
    assert [queries(address) for address in addresses] == few
    assert max(few) <= 12


def test_rest_search(files, client):
    answer = client.get("/api/v1/search", {"q": "bias", "limit": 2, "type": "reference"})
    body = answer.json()
    assert (body["total"], len(body["items"]), body["exact"]) == (2, 2, None)
    assert body["items"][0]["name"] == BIAS and body["items"][0]["matches"]
    assert body["facets"]["state"] == [{"value": "latest", "count": 1},
                                       {"value": "archived", "count": 1}]
    again = client.get("/api/v1/search", {"q": "bias", "limit": 2, "type": "reference"},
                       HTTP_IF_NONE_MATCH=answer["ETag"])
    assert again.status_code == 304
