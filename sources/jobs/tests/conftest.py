from __future__ import annotations

import pytest
from django.conf import settings

from jobs import kinds
from jobs.tests import kinds as _test_kinds  # noqa: F401  registers them
from jobs.tests.workers import WorkerProcess


@pytest.fixture(autouse=True)
def all_kinds():
    """Kinds of the apps beside those of the tests."""
    kinds._discover()


@pytest.fixture
def worker(tmp_path, transactional_db):
    """A worker that is not started yet, with times of seconds."""
    settings.INSTANCE.logs.mkdir(parents=True, exist_ok=True)
    process = WorkerProcess(tmp_path)
    yield process
    process.close()
