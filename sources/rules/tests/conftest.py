"""Fixtures of the tests of rules."""

from __future__ import annotations

import os

import pytest

from rules import environment


@pytest.fixture
def library():
    """Points the library at a cache for one test (``library(observatory, folder)``), and back."""
    saved = {name: os.environ.get(name) for name in environment.LIBRARY_VARIABLES}
    yield environment.prepare
    for name, value in saved.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value
    from crds.core import utils

    utils.clear_function_caches()
