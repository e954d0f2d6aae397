"""Fixtures of the tests of differences: jobs that are run at once, in this process."""

from __future__ import annotations

import pytest

from interactive.tests.conftest import empty_shared_cache, queries  # noqa: F401
from jobs import execution, leases
from jobs.models import Job

from .content import Content


@pytest.fixture
def work():
    """``work()`` runs the job that waits longest and returns it."""
    def run() -> Job:
        job = leases.claim("test")
        execution.run(job)
        job.refresh_from_db()
        return job

    return run


@pytest.fixture
def made(client, work):
    """``made(address)``: the page at ``address`` once its difference was computed."""
    def ask(address: str):
        first = client.get(address)
        assert first.status_code == 200, first.content[:500]
        assert b'class="waiting"' in first.content
        job = work()
        assert job.state == "done", job.error
        return client.get(address)

    return ask


@pytest.fixture(scope="session")
def small_cache(tmp_path_factory):
    return Content(tmp_path_factory.mktemp("differences") / "cache").root


@pytest.fixture
def content(db, instance, small_cache):
    """The small cache in the test's database and store."""
    from conftest import rules_of
    from interactive.services.importing import CacheSource, import_catalog

    rules_of(small_cache)
    return import_catalog(CacheSource(small_cache, "hst", link=True))
