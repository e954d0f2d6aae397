"""``manage certify_files``: what a submission would find about files, without one."""

from __future__ import annotations

import hashlib
from pathlib import Path

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from common.errors import ServiceError
from interactive.models import CatalogFile
from interactive.services import contexts

#: Names or sums that are asked for at once.
BATCH = 500


class Command(BaseCommand):
    help = ("Certify references and rules as a submission does, each in a process of its own, and"
            " look for files that CRDS has already. Nothing is changed. Exit status 0 without"
            " errors, 1 with some, 2 if certifying could not be done.")

    def add_arguments(self, parser):
        parser.add_argument("files", nargs="+", type=Path, metavar="FILE")
        parser.add_argument("--context", default=f"{settings.CRDS_OBSERVATORY}-edit",
                            help="to certify against (default: the edit context)")
        parser.add_argument("--no-comparison", action="store_true",
                            help="do not compare tables with those that they replace")
        parser.add_argument("--processes", type=int, help="files at a time (one for each core)")
        parser.add_argument("--log", action="store_true", help="also show what the checks said")

    def handle(self, *, files, context, no_comparison, processes, log, **options):
        from rules import certifying

        names = [path.name for path in files]
        twice = {name for name in names if names.count(name) > 1}
        if twice:
            raise CommandError(f"Two files have the name {min(twice)}.", returncode=2)
        try:
            context = contexts.resolve(context)
            outcomes = certifying.certify(
                [certifying.Candidate(path.absolute(), path.name) for path in files],
                context=context, compare_old_reference=not no_comparison, processes=processes,
                unknown=_unknown, on_finished=lambda one: self._progress(one, log))
        except ServiceError as exc:
            raise CommandError(exc.message, returncode=2) from exc
        except certifying.CertifyingError as exc:
            raise CommandError(str(exc), returncode=2) from exc
        same = _duplicates(files)
        self._table(outcomes, same, context)
        if any(one.errors for one in outcomes) or same:
            raise SystemExit(1)

    def _progress(self, outcome, log: bool) -> None:
        self.stderr.write(f"{outcome.name}: {outcome.verdict}")
        if log:
            self.stdout.write(f"{outcome.log}\n")

    def _table(self, outcomes, same: dict, context: str) -> None:
        width = max(len(one.name) for one in outcomes)
        self.stdout.write(f"{'file':<{width}}  errors  warnings  type     (against {context})")
        for one in outcomes:
            errors = one.errors + len(same.get(one.name, ()))
            kind = " ".join(filter(None, (one.instrument, one.filekind)))
            self.stdout.write(f"{one.name:<{width}}  {errors:6}  {one.warnings:8}  {kind}".rstrip())
            for found in [*one.findings, *same.get(one.name, ())]:
                times = f" ({found.times} times)" if found.times > 1 else ""
                self.stdout.write(f"    {found.level} [{found.code}] {found.text}{times}")
                if found.advice:
                    self.stdout.write(f"        {found.advice}")


def _duplicates(files: list[Path]) -> dict:
    from rules import duplicates

    sums = {path.name: _sha1(path) for path in files if path.is_file()}
    return duplicates.find(sums, _published)


def _published(wanted: set[str]) -> dict[str, set[str]]:
    """Names of published files by those of the checksums that they have."""
    found: dict[str, set[str]] = {}
    for chunk in _chunks(wanted):
        for sha1sum, name in (CatalogFile.objects.published().filter(sha1sum__in=chunk)
                              .values_list("sha1sum", "name")):
            found.setdefault(sha1sum, set()).add(name)
    return found


def _unknown(names: set[str]) -> set[str]:
    known = {name for chunk in _chunks(names)
             for name in CatalogFile.objects.published().filter(name__in=chunk)
             .values_list("name", flat=True)}
    return names - known


def _chunks(values: set[str]):
    ordered = sorted(values)
    for start in range(0, len(ordered), BATCH):
        yield ordered[start:start + BATCH]


def _sha1(path: Path) -> str:
    with open(path, "rb") as stream:
        return hashlib.file_digest(stream, "sha1").hexdigest()
