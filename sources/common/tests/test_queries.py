"""Queries whose SQL is written once."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import Group

from common.queries import Query

pytestmark = pytest.mark.django_db

BY_NAME = Query(lambda name: Group.objects.filter(name=name).values_list("pk", "name"))
OTHERS = Query(lambda name: Group.objects.exclude(name=name).order_by("name").values_list("name"))


@pytest.fixture(autouse=True)
def groups():
    return [Group.objects.create(name=name) for name in ("first", "second", "it's", "100%")]


def test_each_value_gives_its_own_rows(groups):
    for group in groups:
        assert BY_NAME.rows(group.name) == [(group.pk, group.name)]
        assert BY_NAME.value(group.name) == group.pk


def test_several_values_and_none(groups):
    both = Query(lambda first, second: Group.objects.filter(name__gte=first, name__lt=second)
                 .order_by("name").values_list("name"))
    assert both.rows("a", "g") == [("first",)]
    assert both.rows("a", "z") == [("first",), ("it's",), ("second",)]
    everything = Query(lambda: Group.objects.order_by("name").values_list("name"))
    assert [name for (name,) in everything.rows()] == sorted(group.name for group in groups)


def test_no_row():
    assert BY_NAME.rows("third") == []
    assert BY_NAME.value("third") is None


def test_fixed_values_and_order_are_those_of_the_queryset():
    assert OTHERS.rows("second") == [("100%",), ("first",), ("it's",)]


def test_the_queryset_is_made_once(groups):
    calls = []

    def make(name):
        calls.append(name)
        return Group.objects.filter(name=name).values_list("name")

    query = Query(make)
    assert [query.value(group.name) for group in groups] == [group.name for group in groups]
    assert len(calls) == 1


def test_rows_are_always_those_of_this_moment(groups, django_assert_num_queries):
    Group.objects.filter(name="first").update(name="renamed")
    with django_assert_num_queries(1):
        assert BY_NAME.value("renamed") == groups[0].pk
    assert BY_NAME.value("first") is None
