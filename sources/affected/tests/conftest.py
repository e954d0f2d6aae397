"""Rules of the demonstration, no more of a catalogue than is needed, and some datasets."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime

import pytest
from django.conf import settings

from archive import services as archive
from interactive.models import CatalogFile, ContextHistory, ContextPointer
from jobs import execution, leases

CONTEXTS = [f"hst_000{number}.pmap" for number in range(1, 6)]

_generated: list = []


def publish(name: str) -> CatalogFile:
    """A row of the catalogue for ``name``; its bytes are in the demonstration's cache."""
    extension = f".{name.rpartition('.')[2]}"
    kind = "reference" if extension == ".fits" else "mapping"
    return CatalogFile.objects.create(
        name=name, observatory="hst", type=kind, extension=extension, stored=True,
        state="latest", size=2880, sha1sum="a" * 40)


@pytest.fixture
def datasets(db, instance, demo_cache):
    """Five contexts, and about 40 generated datasets of each instrument; their number."""
    from conftest import rules_of
    from rules import environment, loading
    from rules.headers import generate_archive

    folder = demo_cache("hst")
    settings.INSTANCE = dataclasses.replace(instance, overrides={"file_cache": folder})
    rules_of(folder)
    environment.prepare("hst", folder)
    rows = [publish(name) for name in CONTEXTS]
    for kind in ("latest", "edit"):
        ContextPointer.objects.create(kind=kind, context=rows[-1])
    ContextHistory.objects.create(
        context=CONTEXTS[3], state="latest", start_date=datetime(2026, 1, 1, tzinfo=UTC))
    if not _generated:
        _generated.extend(generate_archive(loading.load(CONTEXTS[-1]), "hst", 40, seed=7))
    return archive.load(_generated, source="tests").added


@pytest.fixture
def work():
    """``work()`` runs the jobs that wait."""
    def run() -> None:
        while job := leases.claim("test"):
            execution.run(job)

    return run
