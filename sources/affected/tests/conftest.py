"""Demonstration content with datasets, and the library in the client's place."""

from __future__ import annotations

import pytest


@pytest.fixture
def datasets(hst_demo):
    """The demonstration with 40 generated datasets of each instrument; number of these."""
    from interactive.management.datasets import load_generated

    return load_generated("hst_0005.pmap", 40)


@pytest.fixture
def work():
    """``work()`` runs the jobs that wait, in this process's children."""
    from jobs import execution, leases

    def run() -> None:
        while job := leases.claim("test"):
            execution.run(job)

    return run
