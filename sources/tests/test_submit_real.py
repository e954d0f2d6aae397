"""The unmodified client submits real reference files against the real rules: a sample.

``benchmarks/submit_real_files.py`` does it with all of them, for each observatory.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from . import submitting_real as real
from .submitting import Desks

#: Who submits which file in which way: instruments are locked, so each is another one.
SUBMISSIONS = {
    "anne": ("16j16005o_apd.fits", real.submit), "otto": ("v8q14451j_idc.fits", real.submit),
    "sara": ("s7g1700hl_dead.fits", real.rc_submit)}


@pytest.fixture(scope="module")
def desk(make_instance, tmp_path_factory, test_data):
    desks = Desks(make_instance, tmp_path_factory)
    made = desks.open("hst", "real", {person: [] for person in SUBMISSIONS})
    folder, published = test_data / "references" / "hst", real.checksums(made)
    with ThreadPoolExecutor(len(SUBMISSIONS)) as pool:
        started = {name: pool.submit(submit, made, person, folder / name)
                   for person, (name, submit) in SUBMISSIONS.items()}
    made.ended = {name: one.result() for name, one in started.items()}
    made.expected = {name: real.expected_errors(made, folder / name, published)
                     for name in started}
    yield made
    desks.close()


@pytest.mark.parametrize("name", [name for name, _ in SUBMISSIONS.values()])
def test_each_ends_as_it_must(desk, name):
    assert real.problems(desk, desk.ended[name], desk.expected[name]) == [], \
        desk.ended[name].text[-4000:]


def test_what_is_there_already_is_a_duplicate(desk):
    assert [name for name, codes in desk.expected.items() if codes] == ["v8q14451j_idc.fits"]


def test_other_clients_see_the_new_context(desk):
    accepted = [outcome for outcome in desk.ended.values() if outcome.context]
    assert len(accepted) == 2
    assert real.seen_by_clients(desk, desk.before, real.edit_context(desk), accepted) == []
