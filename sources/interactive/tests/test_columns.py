"""Columns of the catalogue as arrays: what they select and sort equals what the database does."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from fnmatch import fnmatchcase

import numpy as np
import pytest
from django.db.models import F

from common import arrays
from interactive.models import CatalogFile
from interactive.services import columns, file_lists, revision
from interactive.services.file_lists import FileFilter

from . import catalogue

pytestmark = pytest.mark.django_db

START = datetime(1965, 1, 1, tzinfo=UTC)


@pytest.fixture
def files(instance):
    """Two hundred files of random properties, some without dates, size and uploaded name."""
    rng = random.Random(5)
    for number in range(200):
        kind = rng.choice(("bia", "drk", "bia_long"))
        catalogue.file(
            f"{rng.randrange(36**6):07x}j_{kind}.{rng.choice(('fits', 'rmap'))}",
            instrument=rng.choice(("acs", "stis", "")), filekind=kind,
            state=rng.choice(("latest", "archived", "submitted", "uploaded")),
            stored=rng.random() < 0.5, rejected=rng.random() < 0.1,
            uploaded_as=rng.choice(("", f"my_{kind}_{number}.fits", "übung.fits")),
            size=rng.choice((None, rng.randrange(10**10))),
            delivery_date=rng.choice((None, START + timedelta(days=rng.randrange(30_000)))),
            activation_date=rng.choice((None, START + timedelta(days=rng.randrange(30_000)))),
            useafter_date=rng.choice((None, START + timedelta(seconds=rng.randrange(10**9)))))
    revision.bump()
    return CatalogFile.objects.published()


def names(rows) -> list[str]:
    return [row.name for row in rows]


@pytest.mark.parametrize("wanted, query", [
    (FileFilter(), {}),
    (FileFilter(instrument="acs"), {"instrument": "acs"}),
    (FileFilter(state="latest", stored=True), {"state": "latest", "stored": True}),
    (FileFilter(rejected=True, extension=".fits"), {"rejected": True, "extension": ".fits"}),
    (FileFilter(since=datetime(2001, 5, 5, tzinfo=UTC)),
     {"delivery_date__gte": datetime(2001, 5, 5, tzinfo=UTC)}),
    (FileFilter(until=datetime(1980, 1, 1, tzinfo=UTC)),
     {"delivery_date__lt": datetime(1980, 1, 1, tzinfo=UTC)}),
    (FileFilter(uploaded_as="übung.fits"), {"uploaded_as": "übung.fits"}),
    (FileFilter(instrument="nothing"), {"instrument": "nothing"}),
])
def test_filters_select_what_queries_select(files, wanted, query):
    rows = file_lists.rows(wanted)
    assert sorted(names(rows[:1000])) == sorted(names(files.filter(**query)))
    assert rows.count() == files.filter(**query).count()


@pytest.mark.parametrize("pattern", [
    "*", "*.fits", "0*", "*_bia*", "*bia*fits", "0*_bia.*", "*?_bia.fits", "??????*", "*a*b*c*",
    "*.*.*", "?", "", "*_bia_long.rmap", "*bia.fitsbia.fits", "*fits*fits", "*[0-9]*", "*\0*"])
def test_patterns_select_what_the_shell_selects(files, pattern):
    everything = names(files)
    expected = {name for name in everything
                if fnmatchcase(name, pattern.replace("[", "[[]"))}
    found = columns.current().named(pattern)
    assert set(columns.current().name_of(found)) == expected


@pytest.mark.parametrize("column", ["delivery_date", "useafter_date", "size"])
@pytest.mark.parametrize("sign", ["", "-"])
def test_sorting_puts_what_is_not_known_last(files, column, sign):
    order = F(column).desc(nulls_last=True) if sign else F(column).asc(nulls_last=True)
    expected = list(files.order_by(order).values_list(column, flat=True))
    rows = file_lists.rows(FileFilter(), order=f"{sign}{column}")
    assert [getattr(row, column) for row in rows[:1000]] == expected
    # Names have numbers that rise: among what is not known the newest come first, or last.
    unknown = [row.name for row in rows[:1000] if getattr(row, column) is None]
    assert unknown == sorted(unknown, reverse=bool(sign)) and unknown
    # Pages are parts of the same order, however they are cut.
    assert names(rows[:7]) + names(rows[7:150]) + names(rows[150:999]) == names(rows)


@pytest.mark.parametrize("column", file_lists.SORTABLE)
def test_every_sortable_column_sorts_both_ways(files, column):
    for sign in ("", "-"):
        values = [getattr(row, column) for row in
                  file_lists.rows(FileFilter(), order=f"{sign}{column}")[:1000]]
        known = [value for value in values if value not in (None, "")]
        assert known == sorted(known, reverse=bool(sign)) and known


def test_an_empty_catalogue_has_columns(instance):
    revision.bump()
    rows = file_lists.rows(FileFilter(name="*", instrument="acs"))
    assert (rows.count(), rows[:50], list(rows)) == (0, [], [])


def test_new_files_are_seen_with_the_next_revision(files):
    before = file_lists.rows(FileFilter()).count()
    catalogue.file("zz_new_bia.fits")
    revision.bump()
    assert file_lists.rows(FileFilter()).count() == before + 1
    assert file_lists.rows(FileFilter(name="zz_new_bia.fits")).count() == 1


def test_keys_of_names(files):
    some = list(files.values_list("name", "pk")[:5])
    keys = columns.current().keys_of([name for name, _ in some] + ["nothing", "zzzz", ""])
    assert keys.tolist() == [pk for _, pk in some] + [-1, -1, -1]


def test_packed_arrays_come_back():
    given = {"a": np.arange(5), "b": np.array([b"x", b"longer"]), "c": np.zeros(0, np.int8)}
    found, notes = arrays.unpack(memoryview(arrays.pack(given, word="ü", number=1)))
    assert notes == {"word": "ü", "number": 1}
    for name, values in given.items():
        assert found[name].tolist() == values.tolist() and found[name].dtype == values.dtype
