"""``manage load_demo``: demonstration content for an empty instance."""

from __future__ import annotations

import sys
import tempfile

from django.conf import settings
from django.core.management.base import CommandError
from django.db import transaction

from interactive.management.datasets import load_generated
from interactive.management.importing import ImportCommand
from interactive.models import BuildContext, CatalogFile, ContextPointer
from interactive.services import audit, cache_config, revision
from interactive.services.importing import CacheSource, Progress
from rules import environment

#: Datasets for each instrument.
DATASETS = {"hst": 600, "jwst": 300, "roman": 2000, "tobs": 0}

#: Calibration versions of the demonstration, oldest first; made up.
CAL_VERS = {
    "hst": ("10.2.0", "10.3.0"),
    "jwst": ("1.17.1", "1.18.0"),
    "roman": ("0.18.0", "0.19.0"),
    "tobs": (),
}

REASON = "demonstration content"


class Command(ImportCommand):
    help = "Load demonstration content: rules, references, contexts and an archive of datasets."

    def handle(self, **options):
        observatory = settings.CRDS_OBSERVATORY
        environment.prepare(observatory, settings.INSTANCE.file_cache)
        settings.INSTANCE.root.mkdir(parents=True, exist_ok=True)
        # Beside the store: the files are linked into it, not copied.
        with tempfile.TemporaryDirectory(
                prefix="demonstration-", dir=settings.INSTANCE.root) as folder:
            self._build(observatory, folder, options)
            source = CacheSource(folder, observatory, link=True)
            source.label = "demonstration content"
            summary = self.run_import(source, **options)
        self._set_build_contexts(observatory, summary.latest)
        if DATASETS[observatory]:
            count = load_generated(summary.latest, DATASETS[observatory])
            self.stdout.write(f"Generated {count} datasets for the archive (no real observations)")

    def _build(self, observatory: str, folder: str, options: dict) -> None:
        from rules.demo import build_demo_cache

        progress = Progress(None if options["quiet"] else sys.stderr)
        progress.stage("Making demonstration files")

        def step(done: int, expected: int) -> None:
            progress.total = expected
            progress.step(done)

        try:
            build_demo_cache(observatory, folder, step)
        except OSError as exc:
            raise CommandError(f"The demonstration files could not be written to {folder}:"
                               f" {exc.strerror or exc}.") from exc
        progress.finish()

    def _set_build_contexts(self, observatory: str, latest: str) -> None:
        """Contexts for two calibration versions, the newer one on the banner."""
        versions = CAL_VERS[observatory]
        if not versions or BuildContext.objects.exists():
            return
        contexts = list(CatalogFile.objects.downloadable().filter(
            extension=".pmap", name__lte=latest).order_by("name"))[-len(versions):]
        with transaction.atomic():
            for cal_ver, context in zip(versions[-len(contexts):], contexts, strict=True):
                BuildContext.objects.create(
                    cal_ver=cal_ver, context=context, changed_by="import", reason=REASON)
            ContextPointer.objects.get_or_create(
                kind=ContextPointer.Kind.BANNER,
                defaults={"context": contexts[-1], "cal_ver": versions[-1],
                          "changed_by": "import", "reason": REASON})
            audit.record("set build contexts", user="import", file=contexts[-1].name,
                         why=REASON, versions=list(versions))
            revision.bump()
        cache_config.write()
