"""Names are given out once, also to those who ask at the same time."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection, transaction

from common.errors import BadRequest
from interactive.models import AllocatedName, CatalogFile, NameSeries
from interactive.services import names


@pytest.mark.django_db
class TestOne:
    def test_a_series_counts_up(self):
        assert names.allocate("hst_acs_bias.rmap") == "hst_acs_bias_0001.rmap"
        assert names.allocate("hst_acs_bias.rmap") == "hst_acs_bias_0002.rmap"
        assert names.allocate("hst.pmap") == "hst_0001.pmap"

    def test_it_goes_on_after_what_was_registered(self):
        names.register(["hst_0012.pmap", "hst_0003.pmap", "hst_9999.pmap", "hst.pmap"])
        assert names.allocate("hst.pmap") == "hst_0013.pmap"

    def test_registering_again_changes_nothing(self):
        names.register(["hst_0012.pmap"])
        names.register(["hst_0012.pmap", "hst_0003.pmap"])
        assert NameSeries.objects.get().last_serial == 12
        assert AllocatedName.objects.count() == 2

    def test_names_in_the_way_are_passed_over(self):
        AllocatedName.objects.create(name="hst_0001.pmap")
        assert names.allocate("hst.pmap") == "hst_0002.pmap"

    def test_serials_of_five_digits(self):
        NameSeries.objects.create(series="hst.pmap", last_serial=9999)
        assert names.allocate("hst.pmap") == "hst_10000.pmap"

    def test_a_reserved_name_is_gone(self):
        assert names.reserve("v8q14451j_idc.fits") == "v8q14451j_idc.fits"
        with pytest.raises(names.NameTaken):
            names.reserve("v8q14451j_idc.fits")
        assert names.is_taken("v8q14451j_idc.fits") and not names.is_taken("w.fits")

    def test_reserving_moves_the_series(self):
        names.reserve("hst_0007.pmap")
        assert names.allocate("hst.pmap") == "hst_0008.pmap"

    def test_the_name_of_a_removed_file_is_gone(self):
        CatalogFile.objects.create(
            name="hst_0001.pmap", type="mapping", extension=".pmap", observatory="hst").delete()
        assert names.allocate("hst.pmap") == "hst_0002.pmap"

    def test_a_name_of_a_failed_transaction_was_seen_by_nobody(self):
        with pytest.raises(ZeroDivisionError), transaction.atomic():
            names.allocate("hst.pmap")
            raise ZeroDivisionError
        assert names.allocate("hst.pmap") == "hst_0001.pmap"

    @pytest.mark.parametrize("name", ["", "a/b.pmap", "..", "noextension", "a" * 130 + ".x", "ä.x"])
    def test_impossible_names(self, name):
        for ask in (names.allocate, names.reserve):
            with pytest.raises(BadRequest):
                ask(name)


@pytest.mark.django_db(transaction=True)
def test_many_at_once_get_different_names():
    def ask(number: int) -> list[str]:
        try:
            return [names.allocate("hst_acs_bias.rmap") for _ in range(10)]
        finally:
            connection.close()

    with ThreadPoolExecutor(6) as pool:
        given = [name for answer in pool.map(ask, range(6)) for name in answer]
    assert sorted(given) == [f"hst_acs_bias_{number:04}.rmap" for number in range(1, 61)]


@pytest.mark.django_db(transaction=True)
def test_of_many_who_want_one_name_one_gets_it():
    def ask(number: int) -> bool:
        try:
            return bool(names.reserve("v8q14451j_idc.fits"))
        except names.NameTaken:
            return False
        finally:
            connection.close()

    with ThreadPoolExecutor(6) as pool:
        assert sum(pool.map(ask, range(12))) == 1
