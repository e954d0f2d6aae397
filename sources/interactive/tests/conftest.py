from __future__ import annotations

import pytest
from django.core.cache import cache
from django.db import connections
from django.test.utils import CaptureQueriesContext


@pytest.fixture(autouse=True)
def empty_shared_cache():
    """Revisions of one test's catalogue repeat in the next."""
    cache.clear()


@pytest.fixture
def queries(client):
    """``queries(address)``: the number of queries that a page takes."""
    def count(address: str) -> int:
        with CaptureQueriesContext(connections["default"]) as captured:
            response = client.get(address)
        assert response.status_code == 200, response.content[:500]
        return len(captured)

    return count
