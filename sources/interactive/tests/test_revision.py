"""States of the catalogue by number and by name."""

from __future__ import annotations

import pytest

from interactive.models import CatalogRevision
from interactive.services import revision

pytestmark = pytest.mark.django_db


def test_each_change_is_another_state():
    seen = [(revision.current(), revision.state())]
    for _ in range(3):
        number = revision.bump()
        seen.append((number, revision.state()))
        assert revision.current() == number
    assert len(set(seen)) == 4
    assert [number for number, _ in seen] == sorted(number for number, _ in seen)


def test_a_number_that_comes_again_names_another_state():
    """As after a restored backup: what was kept for the number must not be taken for it."""
    revision.bump()
    before = revision.state()
    number = revision.current()
    CatalogRevision.objects.filter(pk=revision.ROW).update(number=number - 1)
    assert revision.bump() == number
    assert revision.state() != before


def test_a_catalogue_without_its_row_gets_one():
    CatalogRevision.objects.all().delete()
    assert revision.state().startswith("0.")
    assert revision.current() == 0
