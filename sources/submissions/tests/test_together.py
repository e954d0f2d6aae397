"""Several people at once: no accepted change is lost, what touches is refused with both changes."""

from __future__ import annotations

import os

import pytest
from bs4 import BeautifulSoup

from interactive.models import CatalogFile
from interactive.services import rule_graph
from jobs import execution, leases
from jobs.models import Job
from locking import services as locking
from submissions.models import Kind, Level, State, Submission
from submissions.services import deciding, starting
from submissions.tests.helpers import (
    Desk,
    demo_reference,
    edit_context,
    faults,
    in_child_all,
    run_job,
)

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "archive"])


def selected() -> set[str]:
    """References of the edit context."""
    return set(rule_graph.closure(edit_context()).references)


def as_worker(number: int):
    """Take jobs until none is left, as one of several workers."""
    def work():
        while job := leases.claim(f"host{number}:{os.getpid()}:0"):
            execution.run(job)
    return work


def deletions(people, count: int) -> list[Submission]:
    """Submissions of as many people, two on each of several rmaps, each for another reference."""
    context = edit_context()
    found = []
    rmaps = CatalogFile.objects.mappings().filter(
        extension=".rmap", links_up__parent__links_up__parent__name=context).order_by("name")
    for rmap in rmaps:
        names = list(CatalogFile.objects.references().filter(links_up__parent=rmap, stored=True)
                     .order_by("name").values_list("name", flat=True)[:2])
        if len(names) == 2:
            found += names
        if len(found) >= count:
            break
    submissions = []
    for number, name in enumerate(found[:count]):
        user = people(f"user{number}")
        # Without the lock of the instrument, as if it had expired: it must not matter.
        submission = starting.start(Kind.DELETE_REFERENCES, user, fields={
            "deleted_files": name, "description": f"Change number {number}"})
        run_job(submission.job)
        locking.release_all(user)
        submission.refresh_from_db()
        assert submission.state == State.READY, submission.error
        submissions.append(submission)
    return submissions


def confirmed_at_once(people, count: int) -> None:
    before = selected()
    submissions = deletions(people, count)
    for submission in submissions:
        deciding.confirm(submission, submission.user)
    assert in_child_all([as_worker(number) for number in range(count)]) == [0] * count
    states = [Submission.objects.get(pk=one.pk) for one in submissions]
    assert [(one.state, one.error) for one in states] == [(State.CONFIRMED, "")] * count
    # Every accepted change is in the final context, and nothing else.
    assert before - selected() == {name for one in states for name in one.names}
    new = [one.new_context for one in states]
    assert len(set(new)) == count and edit_context() == max(new)
    made = [name for one in states for name in one.files.filter(
        type="mapping").values_list("name", flat=True)]
    assert len(made) == len(set(made))
    assert not Job.objects.exclude(state="done").filter(kind="confirm_submission").exists()
    assert faults() == []


def test_several_confirm_at_once(content, people):
    confirmed_at_once(people, 4)


@pytest.mark.exhaustive
def test_twenty_confirm_at_once(content, people):
    confirmed_at_once(people, 20)


def test_changes_that_do_not_touch_are_brought_together(desk, people):
    """The rules of the second are made anew on those of the first; numbers grow along."""
    first = desk
    second = Desk(people("carl"))
    first.bring(number=1)
    one = first.processed()
    locking.release_all(first.user)
    second.bring(number=2, USEAFTER="May 31 2024 01:02:03")
    other = second.processed()
    assert other.state == State.READY, other.error
    assert other.findings.filter(code="collision").exists()
    second.confirmed(other)
    middle = edit_context()
    locking.release_all(second.user)
    rmap = one.rule_changes.get().new
    one = first.confirmed(one)
    assert one.state == State.CONFIRMED, (one.error, list(one.findings.values_list("text")))
    assert one.rebased_on == middle and edit_context() == one.new_context
    change = one.rule_changes.get()
    assert change.old == other.rule_changes.get().new and change.new > change.old
    assert change.new != rmap and not CatalogFile.objects.filter(name=rmap).exists()
    names = {row.name for each in (one, other) for row in each.files.filter(type="reference")}
    assert names <= selected()
    assert faults() == []


def test_changes_that_touch_are_refused_with_both_shown(desk, people):
    first, second = desk, Desk(people("carl"))
    first.bring(number=1)
    one = first.processed()
    locking.release_all(first.user)
    second.bring(number=2)
    other = second.confirmed(second.processed())
    winner = other.files.get(type="reference").name
    locking.release_all(second.user)
    before = edit_context()
    one = first.confirmed(one)
    assert one.state == State.READY and edit_context() == before
    conflict = one.findings.get(stage="conflicts", level=Level.ERROR)
    assert winner in conflict.text and one.files.get(type="reference").name in conflict.text
    assert "Cancel this submission" in one.error
    mine = one.files.get(type="reference").name
    assert not CatalogFile.objects.filter(name=mine).exists()
    assert faults() == []
    deciding.cancel(one, first.user)
    again = first.processed()
    assert again.state == State.READY, again.error
    assert first.confirmed(again).state == State.CONFIRMED
    assert faults() == []


def test_a_branch_is_refused_once_the_edit_context_has_moved(desk):
    old = (CatalogFile.objects.filter(extension=".pmap").exclude(name=edit_context())
           .order_by("-name").first().name)
    name = demo_reference("acs", "biasfile")
    branch = desk.processed(Kind.DELETE_REFERENCES, deleted_files=name, pmap_mode="pmap_text",
                            pmap_text=old)
    if branch.state != State.READY:
        pytest.skip(f"The context {old} does not select {name}")
    desk.confirmed(desk.processed(
        Kind.DELETE_REFERENCES, deleted_files=demo_reference("acs", "darkfile")))
    before = edit_context()
    branch = desk.confirmed(branch)
    assert branch.state == State.READY and "has moved from" in branch.error
    assert edit_context() == before and faults() == []


def test_the_same_file_of_two_people_is_published_once(content, people, settings):
    settings.UPLOAD_SETTLE_SECONDS = 0
    first, second = Desk(people("anne")), Desk(people("otto"))
    submissions = []
    for desk in (first, second):
        desk.bring(uploaded_as=f"{desk.user}.fits")
        submissions.append(desk.processed())
        assert submissions[-1].state == State.READY, submissions[-1].error
        locking.release_all(desk.user)
    one = first.confirmed(submissions[0])
    assert one.state == State.CONFIRMED, one.error
    # Its bytes changed with the official name; the uploads were equal all the same.
    other = second.confirmed(submissions[1])
    assert other.state == State.READY and "otto.fits: It is identical to" in other.error
    assert edit_context() == one.new_context
    assert faults() == []


def test_the_new_context_is_found_under_the_one_that_was_asked_for(desk, client):
    """The client asks before it uploads; by the time the work begins the context has moved."""
    asked = edit_context()
    late = desk.start(Kind.DELETE_REFERENCES, pmap_name=asked,
                      deleted_files=demo_reference("acs", "biasfile"))
    desk.confirmed(desk.processed(
        Kind.DELETE_REFERENCES, deleted_files=demo_reference("acs", "darkfile")))
    middle = edit_context()
    assert middle != asked
    run_job(late.job)
    late.refresh_from_db()
    assert late.base_context == middle, late.error
    late = desk.confirmed(late)
    page = BeautifulSoup(client.get(f"/display_result/{late.pk}").content, "html.parser")
    assert {page.find(id=name).a.string for name in (asked, middle)} == {late.new_context}
