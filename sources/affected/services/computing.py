"""Compares two contexts over the archive, from the difference of their rules to the result."""

from __future__ import annotations

import fcntl
import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from common import dates
from common.errors import BadRequest, ServiceError
from interactive.models import AffectedDatasets
from interactive.services.server_info import bad_files

from ..models import AffectedRun, RunState
from . import archive_columns, reports, results

#: Ids up to this number are kept in the catalogue; more stay in the run's folder.
KEPT_IDS = 200_000

IDS = "affected_ids.txt"


class AlreadyRunning(ServiceError):
    """Another process computes this run."""

    status = 409


@dataclass(frozen=True)
class Hooks:
    """How a run tells its caller how far it is, and how it writes its end.

    ``progress`` gets (done, total, text) and may raise to end the run.
    """

    progress: Callable[[float, float, str], None] = lambda done, total, text: None
    transaction: Callable[[], AbstractContextManager] = transaction.atomic


def folder_of(run: AffectedRun) -> Path:
    """The run's folder; made on first use, named by the time of the request."""
    if not run.folder:
        run.folder = f"{run.created:%Y-%m-%d-%H%M%S}-run{run.pk}"
        AffectedRun.objects.filter(pk=run.pk).update(folder=run.folder)
    return settings.INSTANCE.monitor_reprocessing.absolute() / run.folder


def compute(run: AffectedRun, hooks: Hooks | None = None, processes: int | None = None) -> None:
    """Do what is left of ``run`` and store its result.

    What an earlier process has finished is not done again.  Raises AlreadyRunning if another
    process is at it, and BadRequest with the library's reason for rules that cannot be
    compared.
    """
    hooks = hooks or Hooks()
    folder = folder_of(run)
    folder.mkdir(parents=True, exist_ok=True)
    with locked(folder):
        started = time.monotonic()
        _note(run, state=RunState.RUNNING, started=timezone.now(), problem="")
        change = _change(run)
        comparison = _Comparison(run, folder, change, hooks)
        comparison.run(processes)
        comparison.store(run.seconds + time.monotonic() - started)


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Only one process at a time works in ``folder``; the lock goes with the process."""
    with open(folder / "lock", "w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise AlreadyRunning(
                "Another process computes this comparison now. Look at the page Affected"
                " datasets for how far it is.") from None
        yield


def is_locked(folder: Path) -> bool:
    """Whether a process works in ``folder``."""
    if not folder.is_dir():
        return False
    try:
        with locked(folder):
            return False
    except AlreadyRunning:
        return True


def _note(run: AffectedRun, **values) -> None:
    for name, value in values.items():
        setattr(run, name, value)
    AffectedRun.objects.filter(pk=run.pk).update(**values)


def _change(run: AffectedRun):
    from rules.bulk.change import examine
    from rules.loading import shared_cache

    shared_cache()
    try:
        return examine(settings.CRDS_OBSERVATORY, run.old_context, run.new_context)
    except Exception as exc:
        raise BadRequest(
            f"The contexts '{run.old_context}' and '{run.new_context}' cannot be compared:"
            f" {exc}") from exc


class _Comparison:
    """One run at work."""

    def __init__(self, run: AffectedRun, folder: Path, change, hooks: Hooks):
        self.run_, self.folder, self.change, self.hooks = run, folder, change, hooks
        self.bad_files = frozenset(name.lower() for name in bad_files())

    def run(self, processes: int | None) -> None:
        from rules.bulk import affected_workers, compiled_folder

        with results.Writer(self.folder) as writer:
            parts, done, total = self._parts(writer)
            many = self.relevant > affected_workers.LITTLE
            processes = processes or ((os.cpu_count() or 1) if many else 1)
            task = affected_workers.Task(
                str(settings.INSTANCE.file_cache), str(compiled_folder()), self.change,
                self.bad_files)
            rows = dict(parts)
            for part, effects in affected_workers.compare(task, rows, processes):
                writer.put(part.instrument, part.number, effects)
                done += rows[part]
                self.hooks.progress(done, max(total, 1), f"{done:,} of {total:,} datasets")
            writer.finish()

    def _parts(self, writer: results.Writer) -> tuple[list, int, int]:
        """((part, datasets in it) still to be compared, datasets that are done, and of all)."""
        from rules.bulk.affected_workers import Part
        from rules.bulk.columns import observed

        found, done, total = [], 0, 0
        self.relevant = 0
        for instrument in self.change.types:
            columns = archive_columns.obtain(
                instrument, self.folder / "archive", self._reading(instrument))
            since = _server_since(self.change.start(instrument))
            ready = writer.begin(instrument, columns.revision)
            total += columns.datasets
            for number, chunk in enumerate(columns.chunks):
                if number in ready or chunk.latest < since:
                    done += chunk.rows
                    continue
                self.relevant += int((observed(chunk.path) >= since).sum())
                found.append((Part(instrument, number, chunk.path, since), chunk.rows))
        self.total = total
        return found, done, total

    def _reading(self, instrument: str):
        def tell(done: int) -> None:
            self.hooks.progress(
                0, 1, f"reading the archive: {done:,} datasets of {instrument.upper()}")

        return tell

    # ---- the result ------------------------------------------------------------------

    def store(self, seconds: float) -> None:
        whole = results.total(self.folder)
        self._judge_contexts(whole)
        affected, products = results.numbers(self.folder)
        now = timezone.now()
        errors = sum(whole.errors.values())
        report = reports.Report(self.run_, self.change, whole, products, now, seconds)
        self._write(IDS, "".join(f"{name}\n" for name in results.products(self.folder)))
        self._write("errors.txt", report.errors())
        self._write("errors.json", json.dumps(report.kinds_of_errors()))
        self._write("bestrefs.log", report.text())
        counts: dict[str, dict[str, int]] = {}
        for (instrument, kind), count in sorted(whole.counts.items()):
            counts.setdefault(instrument.lower(), {})[kind] = count
        with self.hooks.transaction():
            if self.run_.published:
                self._publish(report, products, counts, errors)
            _note(self.run_, state=RunState.DONE, finished=now, datasets=self.total,
                  compared=whole.compared, affected=affected, products=products,
                  errors=errors, counts=counts, seconds=seconds)

    def _publish(self, report, products: int, counts: dict, errors: int) -> None:
        kept = products <= KEPT_IDS
        AffectedDatasets.objects.update_or_create(
            observatory=settings.CRDS_OBSERVATORY, old_context=self.run_.old_context,
            new_context=self.run_.new_context,
            defaults={
                "computed_at": report.finished, "status": int(errors > 0),
                "error_summary": report.text(), "directory": str(self.folder),
                "affected_ids": list(results.products(self.folder)) if kept else [],
                "counts": counts})

    def _judge_contexts(self, whole) -> None:
        """Count contexts with rules that are marked bad, as the client does, once each."""
        for instrument in sorted(whole.seen):
            for name, context in (("New-context", self.run_.new_context),
                                  ("Old-context", self.run_.old_context)):
                if self.bad_files and _rules_of(context, instrument) & self.bad_files:
                    whole.fail("ALL", "ALL", (
                        f"{name} = {context!r} is bad or contains bad rules.  Use is not"
                        " recommended,  results may not be scientifically valid."), 1, "ALL")

    def _write(self, name: str, text: str) -> None:
        temporary = self.folder / f"{name}.writing"
        with open(temporary, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        temporary.rename(self.folder / name)


def _server_since(start: str) -> int:
    """The time from which the server gives ids of datasets; of no known time it gives none."""
    from rules.bulk.columns import UNKNOWN, microseconds

    try:
        return microseconds(dates.parse(start))
    except BadRequest:  # a USEAFTER that is no date: nothing is left out for it
        return int(UNKNOWN) + 1


def _rules_of(context: str, instrument: str) -> set[str]:
    """Names of the rules of an instrument under a context, of all if it has none."""
    from rules.loading import shared_cache

    mapping = shared_cache().part(context)
    try:
        mapping = mapping.get_imap(instrument)
        return {mapping.basename, *mapping.selections._xx_selector.values()}
    except Exception:
        return set(shared_cache().get(context).mapping_names())


def ids_of(row: AffectedDatasets) -> list[str]:
    """All ids of a stored result, whether they are in the catalogue or in its folder."""
    if row.affected_ids or not row.directory:
        return row.affected_ids
    try:
        return (Path(row.directory) / IDS).read_text(encoding="utf-8").split()
    except OSError:
        return row.affected_ids


__all__ = ["AlreadyRunning", "Hooks", "compute", "folder_of", "ids_of", "is_locked"]
