"""Questions in addresses."""

from __future__ import annotations

import pytest
from django.http import QueryDict

from bestrefs.services import questions
from bestrefs.services.questions import Question
from common.errors import BadRequest


@pytest.mark.parametrize("question", [
    Question(id="J8BT05020:J8BT06O6Q", context="hst_0001.pmap"),
    Question(header={"INSTRUME": "ACS", "FILTER": "F555W&x=1 ü+%", "DATE-OBS": "2002-01-01"}),
    Question(header={"META.INSTRUMENT.NAME": "MIRI"}, context="a", context2="b", name="x.fits"),
])
def test_an_address_keeps_the_question(question):
    assert questions.from_query(QueryDict(question.query())) == question


def test_lower_case_names_and_empty_values_are_no_keywords():
    found = questions.header(QueryDict("INSTRUME=ACS&pmap_mode=x&id=y&FILTER=%20&csrf=z&A%0AB=1"))
    assert found == {"INSTRUME": "ACS"}


@pytest.mark.parametrize("query", [
    "id=" + "x" * 300, "INSTRUME=A%00B", "FILTER=" + "x" * 2000,
    "&".join(f"K{n}=1" for n in range(500)),
])
def test_hostile_addresses_are_refused(query):
    with pytest.raises(BadRequest):
        questions.from_query(QueryDict(query))
