"""What is kept of a header, and what loading again does."""

import json
from datetime import UTC, datetime

import pytest

from archive import services
from archive.headers import observed
from archive.models import Dataset
from common.errors import BadRequest

from .conftest import ACS, ITEMS

pytestmark = pytest.mark.django_db(databases=["default", "archive"])


@pytest.fixture(autouse=True)
def hst(settings):
    settings.CRDS_OBSERVATORY = "hst"
    settings.ARCHIVE_SCHEMA = None


def one(**changes):
    return {**ACS, **changes}


def test_first_load_adds_and_a_second_changes_nothing(db_archive):
    first = services.load(ITEMS)
    assert (first.read, first.added, first.invalid) == (6, 6, 0)
    before = list(Dataset.objects.order_by("pk").values_list())
    second = services.load(ITEMS)
    assert (second.added, second.replaced, second.unchanged) == (0, 0, 6)
    assert list(Dataset.objects.order_by("pk").values_list()) == before


def test_a_changed_header_replaces_the_old_one(datasets):
    count = services.load([("JBANJOF3Q", "JBANJOF3Q", "", one(DETECTOR="HRC"))])
    assert (count.added, count.replaced) == (0, 1)
    assert services.lookup("JBANJOF3Q")[0][1]["DETECTOR"] == "HRC"
    assert Dataset.objects.count() == len(ITEMS)


def test_keep_leaves_what_is_there(datasets):
    count = services.load([("JBANJOF3Q", "JBANJOF3Q", "", one(DETECTOR="HRC")),
                           ("JNEW00000", "JNEW00000", "", ACS)], replace=False)
    assert (count.added, count.kept, count.replaced) == (1, 1, 0)
    assert services.lookup("JBANJOF3Q")[0][1]["DETECTOR"] == "WFC"


def test_of_one_id_twice_in_a_batch_the_last_counts(db_archive):
    count = services.load([("A", "A", "", one(DETECTOR="HRC")), ("a", "a", "", ACS)])
    assert (count.read, count.added) == (2, 1)
    assert services.lookup("A") == [("A:A", ACS)]


def test_values_become_text_and_keys_upper_case(db_archive):
    services.load([("A", "B", "", {
        "instrume": "acs", "ccdgain": 2.0, "chip": 1, "flag": True, "off": False, "none": None,
        "text": "Ünï 'quoted'"})])
    [(key, header)] = services.lookup("a")
    assert key == "A:B"
    assert header == {"INSTRUME": "acs", "CCDGAIN": "2.0", "CHIP": "1", "FLAG": "T", "OFF": "F",
                      "NONE": "UNDEFINED", "TEXT": "Ünï 'quoted'"}
    assert services.instrument_of("A") == "ACS"


def test_instrument_of_the_caller_is_put_into_the_header(db_archive):
    services.load([("A", "A", "cos", {"DETECTOR": "FUV"})])
    assert services.lookup("A")[0][1] == {"DETECTOR": "FUV", "INSTRUME": "COS"}
    assert services.dataset_ids("cos") == ["A:A"]


def test_the_header_knows_its_instrument_best(db_archive):
    services.load([("A", "A", "cos", ACS)])
    assert services.instrument_of("A") == "ACS"


@pytest.mark.parametrize("item, why", [
    (("A", "A", "", {"DETECTOR": "FUV"}), "names the instrument"),
    (("A", "A", "", {}), "empty"),
    (("A", "A", "", "Dataset is gone"), "Dataset is gone"),
    (("A", "A", "", ["x"]), "list"),
    (("A", "A", "", {"INSTRUME": "ACS", "X": {"a": 1}}), "value of X"),
    (("A", "A", "", {"INSTRUME": "A C S"}), "Bad instrument"),
    (("A B", "A", "", ACS), "Bad dataset id"),
    (("A:B", "C", "", ACS), "Bad dataset id"),
    (("", "A", "", ACS), "Bad dataset id"),
    (("A" * 200, "A", "", ACS), "128 characters"),
    (("A\x00", "A", "", ACS), "Bad dataset id"),
])
def test_an_invalid_item_is_reported_and_the_rest_is_loaded(db_archive, item, why):
    count = services.load([item, ("GOOD", "GOOD", "", ACS)])
    assert (count.read, count.added, count.invalid) == (2, 1, 1)
    assert why in count.problems[0]
    assert list(Dataset.objects.values_list("product", flat=True)) == ["GOOD"]


def test_problems_do_not_fill_the_memory(db_archive):
    count = services.load(((f"A{n}", "A", "", {}) for n in range(500)), batch=50)
    assert count.invalid == 500
    assert len(count.problems) == 100


def test_batches_report_their_progress(db_archive):
    seen = []
    services.load(ITEMS, batch=4, progress=lambda count: seen.append((count.read, count.added)))
    assert seen == [(4, 4), (6, 6)]


def test_batches_before_a_failure_stay(db_archive):
    def broken():
        yield from ITEMS
        raise BadRequest("line 7")

    with pytest.raises(BadRequest):
        services.load(broken(), batch=3)
    assert Dataset.objects.count() >= 3


def test_an_external_schema_is_never_written(db_archive, settings):
    settings.ARCHIVE_SCHEMA = {"instruments": {}}
    with pytest.raises(BadRequest, match="only read"):
        services.load(ITEMS)


@pytest.mark.parametrize("header, expected", [
    ({"DATE-OBS": "2010-01-31", "TIME-OBS": "01:07:14.960000"}, (2010, 1, 31, 1, 7, 14, 960000)),
    ({"DATE-OBS": "2010-01-31"}, (2010, 1, 31)),
    ({"DATE-OBS": "2010-01-31", "TIME-OBS": "UNDEFINED"}, (2010, 1, 31)),
    ({"DATE-OBS": "31/01/99", "TIME-OBS": "10:00:00"}, (1999, 1, 31, 10)),
    ({"DATE-OBS": "1999/01/31"}, (1999, 1, 31)),
    ({"META.OBSERVATION.DATE": "2022-07-01", "META.OBSERVATION.TIME": "10:11:12.345"},
     (2022, 7, 1, 10, 11, 12, 345000)),
    ({"ROMAN.META.EXPOSURE.START_TIME": "2027-01-01T00:00:00.000Z"}, (2027, 1, 1)),
    ({"META.EXPOSURE.START_TIME": "2027-01-01 02:00:00+02:00"}, (2027, 1, 1)),
    ({"DATE-OBS": "UNDEFINED", "META_EXPOSURE_START_TIME": "2020-02-02"}, (2020, 2, 2)),
    ({"DATE-OBS": "soon"}, None),
    ({"DATE-OBS": ""}, None),
    ({}, None),
])
def test_time_of_observation(header, expected):
    assert observed(header) == (expected and datetime(*expected, tzinfo=UTC))


def test_stored_header_is_compact_json(datasets):
    text = Dataset.objects.get(product="JBANJOF3Q").header
    assert json.loads(text) == ACS
    assert '", "' not in text
