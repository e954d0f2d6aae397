"""What the database itself refuses, whoever asks; the same on SQLite and MariaDB."""

from __future__ import annotations

import pytest
from django.db import DatabaseError, transaction
from django.utils import timezone

from interactive.models import (
    AllocatedName,
    AuditRecord,
    CatalogFile,
    ContextHistory,
    FileState,
    NameSeries,
    triggers,
)


def make(name="hst_acs_biasfile_0001.rmap", **fields) -> CatalogFile:
    fields = {"observatory": "hst", "type": "mapping", "extension": ".rmap",
              "state": FileState.ARCHIVED, "size": 7, "sha1sum": "a" * 40, **fields}
    return CatalogFile.objects.create(name=name, **fields)


def refused(act) -> str:
    """The message with which the database refuses ``act``."""
    with pytest.raises(DatabaseError) as caught, transaction.atomic():
        act()
    return str(caught.value)


pytestmark = pytest.mark.django_db


def test_a_new_file_takes_its_name():
    make()
    assert AllocatedName.objects.get().taken


def test_an_allocated_name_becomes_taken_with_the_file():
    AllocatedName.objects.create(name="a.rmap")
    make("a.rmap")
    assert AllocatedName.objects.get(name="a.rmap").taken


def test_a_cancelled_files_name_is_not_used_again():
    make(state=FileState.UPLOADED).delete()
    assert "never used twice" in refused(make)


@pytest.mark.parametrize("change", [{"sha1sum": "b" * 40}, {"size": 8}, {"size": None}])
def test_published_content_is_fixed(change):
    make()
    assert "never changes" in refused(lambda: CatalogFile.objects.update(**change))


def test_content_of_a_provisional_file_may_change():
    make(state=FileState.UPLOADED)
    assert CatalogFile.objects.update(sha1sum="b" * 40, size=8) == 1


def test_unknown_size_and_sha1_may_become_known():
    make(sha1sum="", size=None)
    assert CatalogFile.objects.update(sha1sum="b" * 40, size=8) == 1


def test_a_name_is_fixed():
    make(state=FileState.UPLOADED)
    assert "never changes" in refused(lambda: CatalogFile.objects.update(name="other.rmap"))


def test_a_published_file_stays():
    file = make()
    assert "never removed" in refused(file.delete)
    assert "stays published" in refused(
        lambda: CatalogFile.objects.update(state=FileState.UPLOADED))


def test_other_fields_may_change():
    make()
    assert CatalogFile.objects.update(state=FileState.LATEST, blacklisted=True) == 1


def test_names_and_series_stay():
    AllocatedName.objects.create(name="a.rmap", taken=True)
    NameSeries.objects.create(series="a.rmap", last_serial=5)
    assert "stays given out" in refused(AllocatedName.objects.all().delete)
    assert "stays used" in refused(lambda: AllocatedName.objects.update(taken=False))
    assert "only grow" in refused(lambda: NameSeries.objects.update(last_serial=4))
    assert "never removed" in refused(NameSeries.objects.all().delete)
    assert NameSeries.objects.update(last_serial=6) == 1


def test_audit_only_grows():
    AuditRecord.objects.create(user="u", action="a")
    assert "only grows" in refused(lambda: AuditRecord.objects.update(why="x"))
    assert "only grows" in refused(AuditRecord.objects.all().delete)


def test_history_only_grows():
    ContextHistory.objects.create(start_date=timezone.now(), context="hst_0001.pmap")
    assert "only grows" in refused(lambda: ContextHistory.objects.update(context="x"))
    assert "only grows" in refused(ContextHistory.objects.all().delete)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("run", [1, 2])
def test_guards_are_back_after_tables_were_emptied(run):
    """The second run works on tables that were emptied after the first."""
    assert not CatalogFile.objects.exists()
    make()
    assert "never changes" in refused(lambda: CatalogFile.objects.update(size=8))


def test_every_guard_has_a_test_here():
    """A new guard needs a test; this list says which are covered above."""
    assert {guard.name for guard in triggers.GUARDS} == {
        "file_name_once", "file_name_fixed", "file_content_fixed", "file_stays_published",
        "file_stays", "name_stays", "name_stays_taken", "series_stays", "series_grows",
        "audit_no_update", "audit_no_delete", "history_no_update", "history_no_delete"}
