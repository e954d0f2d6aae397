"""Ids and headers: what the client asks for and what it does with the answer."""

from datetime import UTC, datetime

import pytest
from django.conf import settings
from django.db import OperationalError, connections

from archive import services
from archive.models import Dataset
from common.errors import BadRequest, NotFound, Unavailable

from .conftest import ACS, COS

pytestmark = pytest.mark.django_db(databases=["default", "archive"])


@pytest.fixture(autouse=True)
def hst(settings):
    settings.CRDS_OBSERVATORY = "hst"
    settings.ARCHIVE_SCHEMA = None


# ---- ids of an instrument ------------------------------------------------


def test_ids_are_sorted_two_part_ids(datasets):
    assert services.dataset_ids("acs") == [
        "JBANJOF3Q:JBANJOF3Q", "JCL403010:JCL403ECQ", "JCL403010:JCL403EEQ",
        "JCL403020:JCL403EEQ"]


@pytest.mark.parametrize("since", [
    "2010-01-31 01:07:14", "2010-01-31T01:07:14.9", datetime(2010, 1, 31, 1, 7, tzinfo=UTC)])
def test_ids_since_include_the_moment_itself(datasets, since):
    assert len(services.dataset_ids("ACS", since)) == 4


def test_ids_since_leave_out_older_ones_and_those_without_time(datasets):
    assert services.dataset_ids("ACS", "2010-02-01") == [
        "JCL403010:JCL403EEQ", "JCL403020:JCL403EEQ"]
    assert services.dataset_ids("COS", "1990-01-01") == ["LCE31SW6Q:LCE31SW6Q"]
    assert services.dataset_ids("COS") == ["LCE31SW6Q:LCE31SW6Q", "LCE31SW7Q:LCE31SW7Q"]


def test_no_datasets_give_an_empty_list(datasets):
    assert services.dataset_ids("stis") == []


@pytest.mark.parametrize("name", [None, "", "acs'; --", "x" * 33, 7, ["acs"]])
def test_bad_instrument_names_the_rule(datasets, name):
    with pytest.raises(BadRequest, match="An instrument is"):
        services.dataset_ids(name)


@pytest.mark.parametrize("since", ["yesterday", "", 2010, {}])
def test_bad_dates_are_refused(datasets, since):
    with pytest.raises(BadRequest, match="date"):
        services.dataset_ids("acs", since)


# ---- headers -------------------------------------------------------------


def test_two_part_ids_give_exactly_these_keys(datasets):
    asked = ["JCL403010:JCL403EEQ", "LCE31SW6Q:LCE31SW6Q"]
    answer = services.headers_by_id(asked)
    assert list(answer) == asked
    assert answer["LCE31SW6Q:LCE31SW6Q"] == COS


def test_two_part_id_in_lower_case_is_answered_in_upper_case(datasets):
    assert list(services.headers_by_id(["jcl403010:jcl403ecq"])) == ["JCL403010:JCL403ECQ"]


def test_product_expands_to_its_exposures(datasets):
    assert list(services.headers_by_id(["jcl403010"])) == [
        "JCL403010:JCL403ECQ", "JCL403010:JCL403EEQ"]


def test_exposure_gives_its_entries(datasets):
    assert list(services.headers_by_id(["jcl403ecq"])) == ["JCL403010:JCL403ECQ"]
    assert list(services.headers_by_id(["JCL403EEQ"])) == [
        "JCL403010:JCL403EEQ", "JCL403020:JCL403EEQ"]
    assert services.headers_by_id(["lce31sw6q"]) == {"LCE31SW6Q:LCE31SW6Q": COS}


def test_unknown_id_among_known_ones_has_its_own_error(datasets):
    answer = services.headers_by_id(["LCE31SW6Q", "bar", "JCL403010:JNOTTHERE"])
    assert answer == {
        "LCE31SW6Q:LCE31SW6Q": COS,
        "BAR:BAR": "NOT FOUND dataset ID does not exist 'bar'",
        "JCL403010:JNOTTHERE": "NOT FOUND dataset ID does not exist 'JCL403010:JNOTTHERE'",
    }
    assert all(key.count(":") == 1 for key in answer)


@pytest.mark.parametrize("name", ["BAR:BAR", "bar"])
def test_an_id_of_no_instrument_fails_the_call(datasets, name):
    with pytest.raises(NotFound) as caught:
        services.headers_by_id([name])
    assert str(caught.value) == "Can't determine instrument for dataset 'BAR'"


def test_a_missing_dataset_of_an_instrument_has_its_own_error(datasets):
    assert services.headers_by_id(["JBANJOF9Q"]) == {
        "JBANJOF9Q:JBANJOF9Q": "NOT FOUND dataset ID does not exist 'JBANJOF9Q'"}


def test_headers_since_leave_out_older_ones(datasets):
    assert list(services.headers_by_id(["JCL403010"], "2011-01-01")) == ["JCL403010:JCL403EEQ"]
    assert services.headers_by_id(["LCE31SW7Q"], "1990-01-01") == {}


def test_a_known_answer_is_never_hidden_by_an_unknown_id(datasets):
    answer = services.headers_by_id(["LCE31SW6Q", "LCE31SW6Q:LCE31SW6Q", "lce31sw6q"])
    assert answer == {"LCE31SW6Q:LCE31SW6Q": COS}


def test_file_set_and_detector_in_the_spelling_of_people(db_archive, settings):
    settings.CRDS_OBSERVATORY = "jwst"
    name = "JW88600071001_02101_00001.NRS1"
    header = {"META.INSTRUMENT.NAME": "NIRSPEC"}
    services.load([(name, name, "", header)])
    assert services.headers_by_id(["jw88600071001_02101_00001_nrs1"]) == {f"{name}:{name}": header}
    written = "JW88600071001_02101_00001_NRS1"
    assert services.headers_by_id([f"{written}:{written}"]) == {f"{written}:{written}": header}


@pytest.mark.parametrize("name", [
    "", ":", "A:", ":B", "A:B:C", "x" * 129, "O'BRIEN", 'A"B', "A B", "A\x00B", "ÄCS", "A\nB",
    "A%B", "%s", "..\\x", "A;DROP", "/etc", None, 5, [], {}])
def test_hostile_ids_are_refused_by_the_rule(datasets, name):
    with pytest.raises(BadRequest, match="128 characters"):
        services.headers_by_id(["LCE31SW6Q", name])


@pytest.mark.parametrize("ids", ["LCE31SW6Q", None, 5])
def test_ids_must_be_a_list(datasets, ids):
    with pytest.raises(BadRequest, match="list"):
        services.headers_by_id(ids)


def test_no_ids_give_no_headers(datasets):
    assert services.headers_by_id([]) == {}


def test_find_answers_under_the_ids_as_asked(datasets):
    found = services.find(["jcl403010", "NOPE", "LCE31SW6Q"])
    assert [entry.key for entry in found["jcl403010"]] == [
        "JCL403010:JCL403ECQ", "JCL403010:JCL403EEQ"]
    assert found["NOPE"] == []
    entry = found["LCE31SW6Q"][0]
    assert (entry.instrument, entry.source) == ("COS", "tests")
    assert entry.updated is not None


def test_lookup_and_instrument(datasets):
    assert services.lookup("jcl403ecq") == [("JCL403010:JCL403ECQ", ACS)]
    assert services.lookup("JNOTTHERE") == []
    assert services.instrument_of("jcl403ecq") == "ACS"
    with pytest.raises(NotFound, match="Can't determine instrument for dataset 'nope'"):
        services.instrument_of("nope")


def test_entries_read_all_of_an_instrument(datasets, monkeypatch):
    monkeypatch.setattr("archive.backends.own._PAGE", 2)
    assert sorted(entry.key for entry in services.entries("acs")) == services.dataset_ids("acs")
    assert [e.exposure for e in services.entries("cos", "2000-01-01")] == ["LCE31SW6Q"]


def test_counts(datasets):
    acs, cos = services.counts()
    assert (acs.instrument, acs.datasets) == ("ACS", 4)
    assert acs.latest == datetime(2011, 1, 31, 1, 7, 14, 960000, tzinfo=UTC)
    assert (cos.datasets, cos.earliest) == (2, cos.latest)


# ---- cost and failure ----------------------------------------------------


@pytest.mark.parametrize("number", [1, 10, 900])
def test_number_of_queries_does_not_grow_with_the_ids(
        datasets, number, django_assert_max_num_queries):
    ids = [f"JBANJ{n:04}" for n in range(number)]
    with django_assert_max_num_queries(2, connection=connections["archive"]):
        services.headers_by_id(ids)


def test_more_ids_than_one_query_takes(datasets, django_assert_max_num_queries):
    ids = [f"JBANJ{n:04}" for n in range(3000)] + ["LCE31SW6Q"]
    with django_assert_max_num_queries(8, connection=connections["archive"]):
        answer = services.headers_by_id(ids)
    assert len(answer) == 3001
    assert answer["LCE31SW6Q:LCE31SW6Q"] == COS


def test_a_list_of_ids_reads_no_headers(datasets, django_assert_num_queries):
    with django_assert_num_queries(1, using="archive") as queries:
        services.dataset_ids("acs", "2000-01-01")
    assert "header" not in queries.captured_queries[0]["sql"]


@pytest.mark.parametrize("call", [
    lambda: services.dataset_ids("acs"),
    lambda: services.headers_by_id(["LCE31SW6Q"]),
    lambda: services.counts(),
    lambda: list(services.entries("acs")),
])
def test_a_database_that_does_not_answer(datasets, call, monkeypatch):
    def refuse(*args, **kwargs):
        raise OperationalError("(2002, \"Can't connect to local server\")")

    monkeypatch.setattr(connections["archive"], "cursor", refuse)
    with pytest.raises(Unavailable, match="Try again later"):
        call()


def test_datasets_lie_in_their_own_database(datasets):
    assert Dataset.objects.all().db == "archive"
    table = Dataset._meta.db_table
    assert table in connections["archive"].introspection.table_names()
    assert table not in connections["default"].introspection.table_names()
    assert settings.DATABASE_ROUTERS == ["archive.routers.ArchiveRouter"]
