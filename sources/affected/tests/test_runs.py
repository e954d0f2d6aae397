"""Runs: the result, going on after a kill, what is published, events, the monitor, mail."""

from __future__ import annotations

from itertools import islice

import pytest
from django.contrib.auth.models import User
from django.core import mail
from django.core.management import CommandError, call_command

from affected.models import AffectedRun, Reason, RunState
from affected.services import computing, events, finishing, foreground, monitoring, results, runs
from common.errors import ServiceError
from interactive.models import AffectedDatasets, BadFile, CatalogFile, ContextPointer
from jobs.models import Job
from rules.loading import load

from .conftest import publish

pytestmark = pytest.mark.django_db(databases=["default", "archive"])

OLD, NEW = "hst_0001.pmap", "hst_0005.pmap"


def _one_by_one(old: str, new: str) -> dict[str, set[str]]:
    """Datasets with another reference by type, selected by the library one by one."""
    from crds.core import rmap

    from archive import services as archive
    from rules.bulk.change import examine

    change = examine("hst", old, new)
    found: dict[str, set[str]] = {}
    for instrument, types in change.types.items():
        for entry in archive.entries(instrument):
            time = f"{entry.header['DATE-OBS']} {entry.header['TIME-OBS']}"
            if time < change.start(instrument):
                continue
            before, after = (rmap.get_best_references(load(name), dict(entry.header), types)
                             for name in (old, new))
            for kind in types:
                one, other = before.get(kind), after.get(kind)
                failed = other is None or (
                    other.startswith("NOT FOUND") and not other.upper().startswith(
                        "NOT FOUND N/A"))
                if one != other and not failed:
                    found.setdefault(kind, set()).add(entry.key)
    return found


def test_result_is_that_of_a_selection_one_by_one(datasets):
    expected = _one_by_one(OLD, NEW)
    assert expected
    run = foreground.run(OLD, NEW, Reason.COMMAND)
    rows = results.Updates(computing.folder_of(run))
    found: dict[str, set[str]] = {}
    for row in rows:
        found.setdefault(row.filekind, set()).add(row.id)
    assert found == expected
    assert len(rows) == sum(map(len, found.values()))
    assert [row.id for row in rows[3:6]] == [row.id for row in islice(rows, 3, 6)]
    assert run.affected == len(set().union(*found.values()))
    # What the client's query is told, in the words of the contract.
    stored = AffectedDatasets.objects.get(old_context=OLD, new_context=NEW)
    assert stored.affected_ids == sorted(stored.affected_ids)
    assert len(stored.affected_ids) == run.products > 0
    assert stored.status == int(run.errors > 0)
    assert f"{OLD} --> {NEW}" in stored.error_summary
    assert stored.directory == str(computing.folder_of(run))
    assert {instrument: sum(kinds.values()) for instrument, kinds in stored.counts.items()}


def test_ids_beyond_what_the_catalogue_keeps_are_in_the_folder(datasets, monkeypatch):
    monkeypatch.setattr(computing, "KEPT_IDS", 1)
    run = foreground.run(OLD, NEW, Reason.COMMAND)
    stored = AffectedDatasets.objects.get()
    assert stored.affected_ids == []
    assert len(computing.ids_of(stored)) == run.products > 1


def test_goes_on_behind_the_last_part(datasets, monkeypatch):
    """A run that ends in the middle leaves what it did, and the next does only the rest."""
    from rules.bulk import columns

    monkeypatch.setattr(columns, "ROWS", 10)
    whole = foreground.run(OLD, NEW, Reason.COMMAND, anew=True)
    expected = list(results.Updates(computing.folder_of(whole)))

    def stop(done, total, text):
        if done > total / 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        foreground.run(OLD, NEW, Reason.COMMAND, progress=stop)
    stopped = AffectedRun.objects.first()
    assert stopped.state == RunState.CANCELLED
    parts = []
    again = foreground.run(OLD, NEW, Reason.COMMAND,
                           progress=lambda done, total, text: parts.append((done, total)))
    assert again.pk == stopped.pk
    assert parts[0][0] > parts[0][1] / 3
    assert list(results.Updates(computing.folder_of(again))) == expected
    assert again.compared == whole.compared


def test_a_changed_archive_is_looked_at_anew(datasets):
    from archive import services as archive

    first = foreground.run(OLD, NEW, Reason.COMMAND)
    row = next(iter(results.Updates(computing.folder_of(first))))
    header = next(entry.header for entry in archive.entries(row.instrument)
                  if entry.key == row.id)
    archive.load([("NEWPROD01", "NEWEXP01Q", row.instrument, header)])
    second = foreground.run(OLD, NEW, Reason.COMMAND)
    assert second.affected == first.affected + 1
    assert "newprod01" in computing.ids_of(AffectedDatasets.objects.get())


def test_bad_rules_and_files_are_errors(datasets):
    run = foreground.run(OLD, NEW, Reason.COMMAND)
    row = next(iter(results.Updates(computing.folder_of(run))))
    new = next(one.new for one in results.Updates(computing.folder_of(run))
               if one.new.endswith(".fits"))
    old_imap = load(OLD).get_imap(row.instrument).basename
    for name in (new, old_imap):
        BadFile.objects.create(file=publish(name))
    again = foreground.run(OLD, NEW, Reason.COMMAND)
    text = (computing.folder_of(again) / "errors.txt").read_text()
    assert f"File {new.upper()!r} is bad" in text
    assert f"Old-context = {OLD!r} is bad or contains bad rules" in text
    assert again.errors > run.errors
    assert again.affected == run.affected


@pytest.mark.parametrize(("old", "new", "message"), [
    (OLD, OLD, "Both are"), ("", NEW, "Name the old context"),
    (OLD, "hst_9999.pmap", "Unknown mapping"), ("hst_acs_0001.imap", NEW, "Unknown mapping")])
def test_names_that_are_no_two_contexts(datasets, old, new, message):
    with pytest.raises(ServiceError, match=message):
        runs.check_pair(old, new)


def test_two_fast_changes_are_both_computed(datasets, work, settings):
    settings.CRDS_AFFECTED_DATASETS_RECIPIENTS = ["reprocessing@example.invalid"]
    finishing.write_old_context("hst_0003.pmap")
    ContextPointer.objects.filter(kind="latest").update(
        context=CatalogFile.objects.get(name=NEW))
    assert events.latest_changed(NEW, NEW) is None
    first = events.latest_changed("hst_0003.pmap", "hst_0004.pmap")
    second = events.latest_changed("hst_0004.pmap", NEW)
    assert events.latest_changed("hst_0004.pmap", NEW).pk == second.pk
    assert "--> " not in monitoring.watch().text
    assert Job.objects.count() == 2
    work()
    assert runs.get(first.pk).state == runs.get(second.pk).state == RunState.DONE
    assert AffectedDatasets.objects.count() == 2
    assert finishing.old_context() == NEW
    assert len(mail.outbox) == 2
    assert f"hst_0004.pmap --> {NEW}" in mail.outbox[1].subject
    finishing.finish(runs.get(second.pk))
    assert len(mail.outbox) == 2


def test_monitor_computes_what_was_missed(datasets):
    call_command("monitor_reprocessing")
    latest = ContextPointer.objects.get(kind="latest").context.name
    assert finishing.old_context() == latest
    finishing.write_old_context(OLD)
    call_command("monitor_reprocessing")
    run = AffectedRun.objects.get()
    assert (run.old_context, run.new_context, run.reason) == (OLD, latest, Reason.MONITOR)
    assert run.state == RunState.DONE
    assert (computing.folder_of(run) / computing.IDS).is_file()
    assert finishing.old_context() == latest
    call_command("monitor_reprocessing")
    assert AffectedRun.objects.count() == 1


def test_mail_that_could_not_be_sent_is_tried_again(datasets, settings, monkeypatch):
    settings.CRDS_AFFECTED_DATASETS_RECIPIENTS = ["reprocessing@example.invalid"]

    def refuse(self, *args):
        raise OSError("no mail server")

    finishing.write_old_context("hst_0004.pmap")
    with monkeypatch.context() as broken:
        broken.setattr("django.core.mail.EmailMessage.send", refuse)
        monitoring.watch()
    assert AffectedRun.objects.get().mailed is None
    monitoring.watch()
    assert len(mail.outbox) == 1


def test_a_what_if_is_not_published(datasets, work):
    user = User.objects.create_superuser("somebody")
    run = runs.start(OLD, NEW, Reason.WHAT_IF, user)
    assert runs.start(OLD, NEW, Reason.WHAT_IF, user).pk == run.pk
    work()
    assert runs.get(run.pk).state == RunState.DONE
    assert not AffectedDatasets.objects.exists()
    assert finishing.old_context() == ""


def test_cancelled_and_gone_on_with(datasets, work):
    user = User.objects.create_superuser("somebody")
    run = runs.start(OLD, NEW, Reason.WHAT_IF, user)
    assert runs.cancel(run, user).state == RunState.CANCELLED
    assert runs.again(runs.get(run.pk), user).is_active
    work()
    assert runs.get(run.pk).state == RunState.DONE


def test_rules_that_cannot_be_compared_are_told(datasets, work, monkeypatch):
    from rules.bulk import change

    def broken(*args):
        raise ValueError("syntax error in hst_0005.pmap")

    monkeypatch.setattr(change, "examine", broken)
    run = runs.start(OLD, NEW, Reason.WHAT_IF, User.objects.create_superuser("somebody"))
    work()
    failed = runs.get(run.pk)
    assert failed.state == RunState.FAILED
    assert "syntax error in hst_0005.pmap" in failed.problem
    with pytest.raises(CommandError, match="syntax error"):
        call_command("affected", OLD, NEW)


def test_only_one_process_computes_a_run(datasets):
    run = AffectedRun.objects.create(old_context=OLD, new_context=NEW, reason=Reason.COMMAND)
    folder = computing.folder_of(run)
    folder.mkdir(parents=True)
    with computing.locked(folder), pytest.raises(computing.AlreadyRunning):
        computing.compute(run)
