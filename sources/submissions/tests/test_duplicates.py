"""What counts as a duplicate of what was submitted before."""

from __future__ import annotations

import uuid

import pytest

from submissions.models import Kind, Origin, State, Submission, SubmittedFile
from submissions.services.processing import checking

pytestmark = pytest.mark.django_db


@pytest.fixture
def pair_of(submitter):
    """``pair_of("a", state, h="11", d="22")``: rows of a GEIS pair with these checksums."""
    def make(stem: str, state: str, *, h: str, d: str) -> list[SubmittedFile]:
        submission = Submission.objects.create(
            id=uuid.uuid4(), kind=Kind.BATCH, user=submitter, state=state)
        return [SubmittedFile.objects.create(
            submission=submission, uploaded_as=f"{stem}.r3{half}", name=f"{stem}.r3{half}",
            origin=Origin.UPLOADED, type="reference", uploaded_sha1sum=sha1sum * 20)
            for half, sha1sum in (("h", h), ("d", d))]

    return make


def test_a_pair_is_a_duplicate_only_with_both_halves(pair_of):
    pair_of("one", State.CONFIRMED, h="11", d="aa")
    pair_of("two", State.CONFIRMED, h="22", d="aa")
    pair_of("given_up", State.CANCELLED, h="44", d="aa")
    for h in ("33", "44"):
        assert checking.identical(pair_of("new", State.RUNNING, h=h, d="aa")) == {}
    assert checking.identical(pair_of("new", State.RUNNING, h="11", d="bb")) == {}
    same = checking.identical(pair_of("new", State.RUNNING, h="11", d="aa"))
    assert {name: found[0].text.split(",")[0] for name, found in same.items()} == {
        "new.r3h": "It is identical to one.r3h", "new.r3d": "It is identical to one.r3d"}
