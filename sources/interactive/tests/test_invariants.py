"""Every invariant is found broken when it is."""

from __future__ import annotations

import json

import pytest
from django.core.management import call_command
from django.db import connection

from interactive.models import (
    BadFile,
    BuildContext,
    CatalogFile,
    ContextHistory,
    ContextPointer,
    NameSeries,
    RuleLink,
    triggers,
)
from interactive.services import invariants, store
from interactive.services.importing import CacheSource, import_catalog
from interactive.tests.caches import Cache

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def content(db, instance, tmp_path):
    cache = Cache(tmp_path / "cache")
    cache.write_config(bad_files_list=["hst_cos_deadtab_0001.rmap"])
    import_catalog(CacheSource(cache.root, "hst"))


def found(**options) -> set[tuple[str, str]]:
    return {(one.check, one.name) for one in invariants.faults(invariants.check(**options))}


def file(name: str):
    return CatalogFile.objects.filter(name=name)


def spoil(name: str, content: str) -> None:
    path = store.folder_for(name) / name
    path.chmod(0o644)
    path.write_text(content)


def test_all_is_well():
    assert invariants.check(sha1=True) == []


def test_missing_bytes():
    (store.folder_for("hst_0001.pmap") / "hst_0001.pmap").unlink()
    assert found(rules=False) == {("stored", "hst_0001.pmap")}


def test_another_size():
    spoil(Cache.FIRST, "short")
    assert found() == {("stored", Cache.FIRST)}


def test_damaged_bytes_are_found_by_their_sha1():
    size = file(Cache.FIRST).get().size
    spoil(Cache.FIRST, "x" * size)
    assert found() == set()
    assert found(sha1=True) == {("content", Cache.FIRST)}


def test_a_link_out_of_the_store(tmp_path):
    path = store.folder_for(Cache.FIRST) / Cache.FIRST
    (tmp_path / "outside").write_bytes(path.read_bytes())
    path.unlink()
    path.symlink_to(tmp_path / "outside")
    assert found() == {("stored", Cache.FIRST)}


def test_bytes_without_a_row_are_a_note():
    (store.folder_for("hst_0009.pmap") / "hst_0009.pmap").touch()
    violation, = invariants.check()
    assert (violation.check, violation.name, violation.severity) == (
        "orphan", "hst_0009.pmap", "note")


def test_a_link_too_few():
    RuleLink.objects.get(parent__name="hst_cos_deadtab_0001.rmap").delete()
    assert found() == {("links", "hst_cos_deadtab_0001.rmap")}


def test_a_link_too_many():
    RuleLink.objects.create(parent=file("hst_0001.pmap").get(),
                            child=file("hst_cos_0002.imap").get())
    assert ("links", "hst_0001.pmap") in found()


def test_links_of_wrong_kinds():
    reference, context = file(Cache.FIRST).get(), file("hst_0001.pmap").get()
    RuleLink.objects.create(parent=reference, child=context)
    RuleLink.objects.create(parent=context, child=context)
    assert {("links", Cache.FIRST), ("links", "hst_0001.pmap")} <= found()


def test_a_published_rule_that_contains_what_is_not():
    file(Cache.SECOND).update(stored=False)
    new = CatalogFile.objects.create(name="hst_cos_0009.imap", type="mapping", extension=".imap",
                                     observatory="hst")
    RuleLink.objects.create(parent=file("hst_0001.pmap").get(), child=new)
    assert ("closure", "hst_0001.pmap") in found(rules=False)


def test_a_rule_that_is_not_stored():
    file("hst_cos_0001.imap").update(stored=False)
    assert ("closure", "hst_0001.pmap") in found(rules=False)


def test_pointers():
    ContextPointer.objects.filter(kind="edit").delete()
    assert ("pointer", "edit") in found(rules=False)
    ContextPointer.objects.filter(kind="latest").update(context=file("hst_cos_0002.imap").get())
    assert ("pointer", "hst_cos_0002.imap") in found(rules=False)
    ContextPointer.objects.all().delete()
    assert ("pointer", "latest") in found(rules=False)


def test_build_contexts():
    BuildContext.objects.create(cal_ver="1.0", context=file(Cache.FIRST).get())
    assert found(rules=False) == {("pointer", Cache.FIRST)}


def test_history_and_latest():
    ContextHistory.objects.create(start_date="2025-01-01T00:00:00Z", context="hst_0001.pmap")
    assert found(rules=False) == {("history", "hst_0002.pmap")}


def test_states():
    file("hst_0001.pmap").update(state="latest")
    file("hst_0002.pmap").update(state="archived")
    assert found(rules=False) == {("state", "hst_0001.pmap"), ("state", "hst_0002.pmap")}


def test_bad_files_in_the_latest_context_are_a_note():
    BadFile.objects.create(file=file(Cache.FIRST).get())
    file(Cache.FIRST).update(rejected=True)
    violation, = invariants.check()
    assert (violation.check, violation.severity) == ("latest-bad", "note")


def test_flags():
    file("hst_0001.pmap").update(blacklisted=False)
    file("hst_0002.pmap").update(blacklisted=True)
    file(Cache.FIRST).update(rejected=True)
    assert {("blacklist", "hst_0001.pmap"), ("blacklist", "hst_0002.pmap"),
            ("rejected", Cache.FIRST)} == found(rules=False)


def test_names():
    NameSeries.objects.create(series="hst_new.rmap", last_serial=1)
    CatalogFile.objects.create(name="hst_new_0002.rmap", type="mapping", extension=".rmap",
                               observatory="hst")
    assert found(rules=False) == {("names", "hst_new.rmap")}


@pytest.mark.django_db(transaction=True)
def test_a_name_that_does_not_count_as_given_out():
    with connection.cursor() as cursor:
        for statement in triggers.drop_statements():
            cursor.execute(statement)
        cursor.execute("DELETE FROM interactive_allocatedname WHERE name = 'hst_0001.pmap'")
        for statement in triggers.create_statements(connection.vendor):
            cursor.execute(statement)
    assert found(rules=False) == {("names", "hst_0001.pmap")}


def test_unknown_size():
    CatalogFile.objects.create(name="x.fits", type="reference", extension=".fits", stored=True,
                               observatory="hst", state="archived")
    assert ("record", "x.fits") in found(rules=False)


def test_command(capsys):
    call_command("check_invariants", "--sha1")
    assert "0 faults, 0 notes" in capsys.readouterr().out
    file("hst_0001.pmap").update(state="latest")
    with pytest.raises(SystemExit) as caught:
        call_command("check_invariants", "--quick", "--json")
    assert caught.value.code == 1
    told, = json.loads(capsys.readouterr().out)
    assert told["name"] == "hst_0001.pmap" and told["severity"] == "fault"
