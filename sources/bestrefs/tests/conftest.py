"""Rules of demonstration and real contexts, with no more of a catalogue than pages need."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest
from django.db import connections
from django.test.utils import CaptureQueriesContext

from archive import services as archive
from interactive.models import CatalogFile, ContextPointer
from rules import environment, headers, loading, parameters

#: Contexts of each cache, the latest first; more rules than tests of one kind ever need at once.
DEMO = {
    "hst": ["hst_0005.pmap", "hst_0001.pmap"],
    "jwst": ["jwst_0005.pmap", "jwst_0001.pmap"],
    "roman": ["roman_0005.pmap", "roman_0001.pmap"],
    "tobs": ["tobs_0003.pmap"],
}
REAL = {
    "hst": ["hst_0500.pmap", "hst_0300.pmap"],
    "jwst": ["jwst_0300.pmap", "jwst_0150.pmap"],
    "roman": ["roman_0004.pmap"],
}
BUDGET = 4 * 2**30

_loaded: dict[Path, loading.RuleCache] = {}


@dataclass(frozen=True)
class Content:
    """What a test works on; ``contexts`` are published, the first of them is the latest."""

    observatory: str
    contexts: list[str]

    @property
    def latest(self) -> str:
        return self.contexts[0]

    def headers(self, count: int, context: str = "", seed: int = 1):
        """(instrument, header) of every instrument."""
        rule = loading.load(context or self.latest)
        for instrument in headers.instruments(rule):
            for header in headers.generate(rule, instrument, count, seed=seed):
                yield instrument, header


@pytest.fixture
def rules_from(monkeypatch, settings):
    """``rules_from("jwst", folder)``: this test's rules come from the cache in ``folder``."""
    def use(observatory: str, folder: Path) -> None:
        settings.CRDS_OBSERVATORY = observatory
        settings.ARCHIVE_SCHEMA = None
        environment.prepare(observatory, folder)
        loading.silence_library()
        rules = _loaded.setdefault(folder, loading.RuleCache(BUDGET))
        monkeypatch.setattr(loading, "shared_cache", lambda: rules)
        parameters._values_of_rmap.cache_clear()

    of_process = loading.shared_cache
    yield use
    parameters._values_of_rmap.cache_clear()
    of_process.cache_clear()


@pytest.fixture
def content(request, db, rules_from, demo_cache):
    """``content("hst")``, ``content("jwst", real=True)``: rules, and published contexts."""
    def make(observatory: str, real: bool = False) -> Content:
        folder = (request.getfixturevalue("real_cache") if real else demo_cache(observatory))
        rules_from(observatory, folder)
        names = (REAL if real else DEMO)[observatory]
        rows = [publish(name, observatory) for name in names]
        ContextPointer.objects.create(kind="latest", context=rows[0])
        ContextPointer.objects.create(kind="edit", context=rows[0])
        return Content(observatory, names)

    return make


def publish(name: str, observatory: str = "hst", **fields) -> CatalogFile:
    """A row of the catalogue for ``name``; its bytes are not needed."""
    extension = f".{name.rpartition('.')[2]}"
    kind = "mapping" if extension in (".pmap", ".imap", ".rmap") else "reference"
    values = {"stored": True, "state": "latest", "size": 2880, "sha1sum": "a" * 40, **fields}
    return CatalogFile.objects.create(
        name=name, observatory=observatory, type=kind, extension=extension, **values)


@pytest.fixture
def hst(content):
    """The demonstration rules of HST, and some datasets."""
    made = content("hst")
    rule = loading.load(made.latest)
    items = headers.generate_archive(rule, "hst", 12, seed=7)
    archive.load(
        ((product, exposure, instrument, header)
         for product, exposure, instrument, header in items), source="tests")
    return made


@pytest.fixture
def queries(client):
    """``queries(address)``: the number of queries that a page takes, of both databases."""
    def count(address: str) -> int:
        with (CaptureQueriesContext(connections["default"]) as one,
              CaptureQueriesContext(connections["archive"]) as other):
            response = client.get(address)
        assert response.status_code == 200, response.content[:500]
        return len(one) + len(other)

    return count
