"""The tables of an existing archive serve the same answers, and are only read."""

import copy

import pytest
from django.core.management import call_command
from django.db import connections

from archive import services
from archive.backends.schema import SchemaError, parse_schema
from archive.checks import check_archive_schema
from archive.routers import ArchiveRouter
from common.errors import Unavailable

# DDL ends transactions on MariaDB, so these tests cannot be rolled back.
pytestmark = pytest.mark.django_db(databases=["default", "archive"], transaction=True)

TABLES = {
    "ext_acs": "(asn CHAR(9), data_set CHAR(9), acs_detector CHAR(8), acs_gain FLOAT,"
               " acs_start DATETIME, archived CHAR(1))",
    "ext_cos": "(member_id INTEGER, cos_name CHAR(9), cos_detector CHAR(8), cos_day CHAR(10),"
               " cos_time CHAR(12), cos_badttab CHAR(20))",
    "ext_member": "(id INTEGER, asn CHAR(9))",
}
ROWS = {
    "ext_acs": [
        ("jcl403010", "jcl403ecq", "WFC", 2.0, "2010-01-31 01:07:14", "Y"),
        ("jcl403010", "jcl403eeq", "WFC", 2.0, "2011-01-31 01:07:14", "Y"),
        (None, "jbanjof3q", None, 1.5, "2012-01-31 01:07:14", "Y"),
        (None, "jbanjof4q", "HRC", 1.5, None, "Y"),
        (None, "jbanjof5q", "HRC", 1.5, "2012-01-31 01:07:14", "N"),
    ],
    "ext_cos": [
        (1, "LCE31SW6Q", "FUV  ", "2015-06-01", "12:00:00", "s7o1739kl_badt.fits"),
        (2, "LCE31SW7Q", "NUV", "2016-06-01", "12:00:00", None),
    ],
    "ext_member": [(1, "LCE31S010"), (2, "LCE31S010")],
}
SCHEMA = {
    "label": "MIRROR",
    "instruments": {
        "acs": {
            "table": "ext_acs",
            "where": {"archived": "Y"},
            "product": "asn",
            "exposure": "data_set",
            "date": "acs_start",
            "ids_case": "lower",
            "id_pattern": "J",
            "header": {
                "INSTRUME": {"constant": "ACS"},
                "DETECTOR": "acs_detector",
                "CCDGAIN": "acs_gain",
                "DATE-OBS": {"column": "acs_start", "as": "date"},
                "TIME-OBS": {"column": "acs_start", "as": "time"},
            },
        },
        "cos": {
            "table": "ext_cos",
            "joins": [{"table": "ext_member", "kind": "left",
                       "on": {"ext_cos.member_id": "ext_member.id"}}],
            "product": "ext_member.asn",
            "exposure": "ext_cos.cos_name",
            "date": ["ext_cos.cos_day", "ext_cos.cos_time"],
            "header": {
                "INSTRUME": {"constant": "COS"},
                "DETECTOR": "ext_cos.cos_detector",
                "DATE-OBS": "ext_cos.cos_day",
                "TIME-OBS": "ext_cos.cos_time",
                "BADTTAB": "cos_badttab",
            },
        },
    },
}


@pytest.fixture
def archive(settings):
    """An archive of one table for each instrument, which this server does not own."""
    settings.CRDS_OBSERVATORY = "hst"
    settings.ARCHIVE_SCHEMA = copy.deepcopy(SCHEMA)
    with connections["archive"].cursor() as cursor:
        for name, columns in TABLES.items():
            cursor.execute(f"CREATE TABLE {name} {columns}")
        for name, rows in ROWS.items():
            marks = ", ".join(["%s"] * len(rows[0]))
            cursor.executemany(f"INSERT INTO {name} VALUES ({marks})", rows)
    yield settings.ARCHIVE_SCHEMA
    with connections["archive"].cursor() as cursor:
        for name in TABLES:
            cursor.execute(f"DROP TABLE IF EXISTS {name}")


def test_ids(archive):
    assert services.dataset_ids("acs") == [
        "JBANJOF3Q:JBANJOF3Q", "JBANJOF4Q:JBANJOF4Q",
        "JCL403010:JCL403ECQ", "JCL403010:JCL403EEQ"]
    assert services.dataset_ids("cos") == ["LCE31S010:LCE31SW6Q", "LCE31S010:LCE31SW7Q"]
    assert services.dataset_ids("stis") == []


@pytest.mark.parametrize("instrument, since, number", [
    ("acs", "2011-01-31 01:07:14", 2), ("acs", "2011-01-31 01:07:15", 1),
    ("cos", "2015-06-01 12:00:00", 2), ("cos", "2015-06-01 12:00:01", 1),
    ("cos", "2016-06-02", 0),
])
def test_ids_since(archive, instrument, since, number):
    assert len(services.dataset_ids(instrument, since)) == number
    assert len(list(services.entries(instrument, since))) == number


def test_headers(archive):
    assert services.headers_by_id(["JBANJOF3Q", "lce31sw6q:x", "LCE31S010:LCE31SW6Q"]) == {
        "JBANJOF3Q:JBANJOF3Q": {
            "INSTRUME": "ACS", "DETECTOR": "UNDEFINED", "CCDGAIN": "1.5",
            "DATE-OBS": "2012-01-31", "TIME-OBS": "01:07:14"},
        "LCE31SW6Q:X": services.missing_text("lce31sw6q:x"),
        "LCE31S010:LCE31SW6Q": {
            "INSTRUME": "COS", "DETECTOR": "FUV", "DATE-OBS": "2015-06-01",
            "TIME-OBS": "12:00:00", "BADTTAB": "s7o1739kl_badt.fits"},
    }


def test_half_ids(archive):
    assert list(services.headers_by_id(["jcl403010", "LCE31S010"])) == [
        "JCL403010:JCL403ECQ", "JCL403010:JCL403EEQ",
        "LCE31S010:LCE31SW6Q", "LCE31S010:LCE31SW7Q"]
    assert services.instrument_of("lce31sw7q") == "COS"
    assert services.find(["JCL403ECQ"])["JCL403ECQ"][0].source == "MIRROR"


def test_rows_outside_the_condition_do_not_exist(archive):
    assert services.lookup("JBANJOF5Q") == []


def test_headers_since(archive):
    assert list(services.headers_by_id(["JCL403010", "JBANJOF4Q"], "2011-01-01")) == [
        "JCL403010:JCL403EEQ"]


def test_id_pattern_saves_queries(archive, django_assert_num_queries):
    with django_assert_num_queries(4, using="archive"):  # two halves of two instruments
        services.find(["JBANJOF3Q"] + [f"J{n:08}" for n in range(800)])
    archive["instruments"]["cos"]["id_pattern"] = "L"
    archive = dict(archive)
    from django.test import override_settings
    with override_settings(ARCHIVE_SCHEMA=archive), django_assert_num_queries(2, using="archive"):
        services.find(["JBANJOF3Q"])


def test_counts_and_status(archive, capsys):
    counts = {count.instrument: count.datasets for count in services.counts()}
    assert counts == {"ACS": 4, "COS": 2}
    call_command("archive_status")
    assert "read only" in capsys.readouterr().out


def test_several_tables_of_one_instrument(archive, settings):
    acs = archive["instruments"]["acs"]
    other = {**acs, "where": {"archived": "N"}}
    settings.ARCHIVE_SCHEMA = {"instruments": {"ACS": [acs, other]}}
    assert len(services.dataset_ids("acs")) == 5
    assert services.lookup("JBANJOF5Q")


@pytest.mark.parametrize("change", [{"table": "ext_none"}, {"exposure": "none"}])
def test_a_mapping_that_does_not_fit_the_tables(archive, settings, change, caplog):
    schema = copy.deepcopy(SCHEMA)
    schema["instruments"]["cos"].update(change)
    settings.ARCHIVE_SCHEMA = schema
    with pytest.raises(Unavailable) as caught:
        services.dataset_ids("cos")
    assert "none" not in caught.value.message, "callers need not know the tables"
    assert "none" in caplog.text, "operators must"


def test_our_tables_are_not_made_there(archive, settings):
    assert not ArchiveRouter().allow_migrate("archive", "archive")
    settings.ARCHIVE_SCHEMA = None
    assert ArchiveRouter().allow_migrate("archive", "archive")


# ---- mistakes in the mapping ---------------------------------------------


def _drop(key):
    return lambda acs: acs.pop(key)


def _set(key, value):
    return lambda acs: acs.__setitem__(key, value)


@pytest.mark.parametrize("mistake, why", [
    (_drop("table"), "'table' is missing"),
    (_drop("date"), "'date' is missing"),
    (_set("tabel", "x"), "'tabel' is unknown"),
    (_set("table", 'x"; DROP TABLE y'), "no plain table or column name"),
    (_set("table", "a.b.c.d"), "no plain table or column name"),
    (_set("exposure", "UPPER(x)"), "no plain table or column name"),
    (_set("exposure", None), "no plain table or column name"),
    (_set("product", "%s"), "no plain table or column name"),
    (_set("date", []), "one column, or two"),
    (_set("ids_case", "title"), "'title' is none of 'upper', 'lower'"),
    (_set("id_pattern", "("), "no regular expression"),
    (_set("joins", {"table": "x"}), "must be a list"),
    (_set("joins", [{"table": "x", "on": {}}]), "must map columns"),
    (_set("joins", [{"table": "x", "on": {"a": "b"}, "kind": "cross"}]), "'cross' is none of"),
    (_set("where", {"a": None}), "a text or a number"),
    (_set("where", {"a = 1 OR b": 1}), "no plain table or column name"),
    (_set("header", {}), "must map each header key"),
    (_set("header", {"DETECTOR": "d"}), "no key names the instrument"),
    (_set("header", {"INSTRUME": {"column": "x", "as": "hex"}}), "'hex' is none of"),
    (_set("header", {"INSTRUME": 7}), "must be a dict"),
])
def test_mistakes_are_named_with_their_place(mistake, why, settings):
    schema = copy.deepcopy(SCHEMA)
    mistake(schema["instruments"]["acs"])
    with pytest.raises(SchemaError) as caught:
        parse_schema(schema)
    assert why in caught.value.message
    assert "['acs']" in caught.value.message
    settings.ARCHIVE_SCHEMA = schema
    assert [error.id for error in check_archive_schema(None)] == ["archive.E001"]


@pytest.mark.parametrize("schema", [{}, [], "table", {"instruments": {}}, {"instruments": []},
                                    {"instruments": {"A B": {}}}])
def test_mappings_that_are_none(schema):
    with pytest.raises(SchemaError):
        parse_schema(schema)


def test_a_sound_mapping_passes_the_check(settings):
    settings.ARCHIVE_SCHEMA = SCHEMA
    assert check_archive_schema(None) == []
    settings.ARCHIVE_SCHEMA = None
    assert check_archive_schema(None) == []
