"""What the import commands share: stopping cleanly, and telling what was done."""

from __future__ import annotations

import signal
import sys
from pathlib import Path

from django.core.management.base import BaseCommand, CommandError

from common.errors import ServiceError
from interactive.services.importing import Progress, Source, Summary, import_catalog
from interactive.services.importing.decision import MEANINGS, Finding

#: Names shown for each kind of finding.
SHOWN = 4


class Stopped(BaseException):
    """The process was asked to end."""


class ImportCommand(BaseCommand):
    """A command that imports one :class:`Source`."""

    def add_arguments(self, parser):
        parser.add_argument("--report", metavar="FILE",
                            help="write every finding, one a line, to FILE")
        parser.add_argument("--quiet", action="store_true", help="no progress")

    def run_import(self, source: Source, **options) -> Summary:
        """Import, or end with the reason and exit status 1 (130 or 143 when stopped)."""
        progress = Progress(None if options["quiet"] or options["verbosity"] == 0 else sys.stderr)
        before = _on_termination()
        try:
            summary = import_catalog(source, progress)
        except ServiceError as exc:
            raise CommandError(exc.message) from exc
        except (KeyboardInterrupt, Stopped) as exc:
            status = 130 if isinstance(exc, KeyboardInterrupt) else 143
            raise CommandError("Stopped. The catalogue is as it was; run the command again to go"
                               " on.", returncode=status) from exc
        finally:
            if before is not None:
                signal.signal(signal.SIGTERM, before)
        if options["verbosity"]:
            self._tell(summary)
        if options["report"]:
            self._write_report(Path(options["report"]), summary.findings)
        return summary

    def _tell(self, summary: Summary) -> None:
        write = self.stdout.write
        write(f"Imported from {summary.source}")
        write(f"  published: {summary.rules} rules and {summary.references} references with"
              f" their bytes; known by name only: {summary.known} files")
        write(f"  latest context {summary.latest}, edit context {summary.edit}")
        changes = summary.changes
        if changes:
            write(f"  new: {changes.files} files, {changes.links} links between files,"
                  f" {changes.history} rows of context history, {changes.bad_files} bad files")
        else:
            write("  nothing new: the catalogue has all of this already")
        for title, published in (("Not published", False), ("Published, to look at", True)):
            self._tell_group(title, [f for f in summary.findings if f.published == published])
        if summary.findings:
            write("All findings with their reasons are kept (ImportFinding); --report FILE"
                  " writes them to a file.")

    def _tell_group(self, title: str, findings: list[Finding]) -> None:
        if not findings:
            return
        self.stdout.write(f"{title}:")
        for code in dict.fromkeys(finding.code for finding in findings):
            names = [finding.name for finding in findings if finding.code == code]
            more = " …" if len(names) > SHOWN else ""
            self.stdout.write(f"  {len(names):6d} {MEANINGS.get(code, code)}:"
                              f" {', '.join(names[:SHOWN])}{more}")

    def _write_report(self, path: Path, findings: list[Finding]) -> None:
        lines = [f"{'published' if f.published else 'reported'}\t{f.code}\t{f.name}\t{f.reason}\n"
                 for f in findings]
        try:
            path.write_text("".join(lines), encoding="utf-8")
        except OSError as exc:
            raise CommandError(f"The import is done, but {path} could not be written:"
                               f" {exc.strerror}.") from exc


def _on_termination():
    """Let a polite request to end undo the transaction; returns the handler before."""
    def stop(_number, _frame):
        raise Stopped

    try:
        return signal.signal(signal.SIGTERM, stop)
    except ValueError:  # not in the main thread: the caller deals with signals
        return None
