"""Killed between any two steps: nothing half is seen, nothing is lost, and the work goes on."""

from __future__ import annotations

import pytest

from interactive.models import CatalogFile
from submissions.models import Kind, State, Submission
from submissions.services import deciding, sweeping
from submissions.tests.helpers import (
    demo_reference,
    edit_context,
    faults,
    killed_at,
    points_of,
    run_job,
    run_job_if_waiting,
    worker_died,
)

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "archive"])

START = ["start.folder", "start.taken", "start.rows", "start.committed"]
PROCESS = [
    "process.started", "process.checking.collect", "process.checking.identify",
    "process.certified", "process.checking.duplicates", "process.rulemaking.trial",
    "process.named", "process.renaming", "process.naming.rename", "process.rule-named",
    "process.rule-made", "process.rulemaking.insert", "process.rulemaking.certify",
    "process.difference", "process.reviewing.review", "process.ready"]
CONFIRM = [
    "decide.confirm", "confirm.planned", "confirm.placed", "confirm.rows", "confirm.before-commit",
    "confirm.committed", "complete.complete_delivery", "complete.write_configuration",
    "complete.clear_uploads", "complete.remove_folder", "complete.done"]
CANCEL = ["decide.cancel", "decide.cancelled", "decide.stopped"]


class Story:
    """Submissions one after the other, each killed somewhere, on one catalogue."""

    def __init__(self, desk):
        self.desk, self.number = desk, 0

    def brought(self):
        self.number += 1
        for old in self.desk.folder.iterdir():
            old.unlink()
        return self.desk.bring(number=self.number)

    def taken_back(self, submission: Submission) -> Submission:
        """After a kill: the worker is missed, the job begins again and ends."""
        worker_died()
        for job in (submission.job_id, submission.decision_job_id):
            if job:
                run_job_if_waiting(job)
        submission.refresh_from_db()
        assert faults(rules=False) == []
        return submission

    def start(self, point: str) -> None:
        path = self.brought()
        before = Submission.objects.count()
        killed_at(point, self.desk.start)
        assert path.exists() and faults(rules=False) == []
        if point == "start.committed":
            submission = self.taken_back(Submission.objects.first())
            assert submission.state == State.READY
        else:
            assert Submission.objects.count() == before
            submission = self.desk.processed()
        self.confirm_rest(submission)

    def process(self, point: str) -> None:
        self.brought()
        submission = self.desk.start()
        killed_at(point, lambda: run_job(submission.job))
        assert faults(rules=False) == [] and not self.published(submission)
        names = set(submission.files.exclude(name="").values_list("name", flat=True))
        self.taken_back(submission)
        assert submission.state == State.READY, (point, submission.error)
        # Names that were given stay with their files.
        assert names <= set(submission.files.values_list("name", flat=True))
        self.confirm_rest(submission)

    def confirm(self, point: str) -> None:
        path = self.brought()
        submission = self.desk.processed()
        before = edit_context()

        def work():
            decided = deciding.confirm(submission, self.desk.user)
            run_job(decided.decision_job)

        killed_at(point, work)
        submission.refresh_from_db()
        assert faults(rules=False) == []
        done = submission.state == State.CONFIRMED
        # All of it or nothing of it.
        assert done == (edit_context() != before) == self.published(submission)
        if point == "decide.confirm":
            assert submission.state == State.READY
            return self.confirm_rest(submission)
        self.taken_back(submission)
        assert submission.state == State.CONFIRMED, (point, submission.error)
        assert edit_context() == submission.new_context and submission.completed_at
        assert not path.exists() and not (submission.folder / "files").exists()

    def cancel(self, point: str) -> None:
        path = self.brought()
        submission = self.desk.processed()
        killed_at(point, lambda: deciding.cancel(submission, self.desk.user, "no"))
        submission.refresh_from_db()
        assert faults(rules=False) == [] and path.exists()
        if point == "decide.cancel":
            assert submission.state == State.READY
            deciding.cancel(submission, self.desk.user)
        else:
            assert submission.state == State.CANCELLED
            sweeping.sweep()
        assert not (submission.folder / "files").exists() and not self.published(submission)

    def confirm_rest(self, submission: Submission) -> None:
        assert self.desk.confirmed(submission).state == State.CONFIRMED, submission.error
        assert faults(rules=False) == []

    def published(self, submission: Submission) -> bool:
        names = submission.files.exclude(name="").values_list("name", flat=True)
        return CatalogFile.objects.filter(name__in=list(names)).exists()


def test_killed_at_some_steps(desk):
    """A fair sample of :func:`test_killed_at_every_step`."""
    story = Story(desk)
    story.process("process.rule-named")
    story.confirm("confirm.before-commit")
    story.confirm("confirm.committed")
    story.cancel("decide.cancelled")
    assert faults() == []


@pytest.mark.exhaustive
def test_killed_at_every_step(desk):
    story = Story(desk)
    for act, points in (("start", START), ("process", PROCESS), ("confirm", CONFIRM),
                        ("cancel", CANCEL)):
        for point in points:
            getattr(story, act)(point)
    assert faults() == []


@pytest.mark.exhaustive
def test_the_lists_of_steps_are_complete(desk, tmp_path):
    """Every fault point that a submission reaches is among those at which it is killed."""
    trace = tmp_path / "trace"
    desk.bring()

    def all_of_it():
        assert desk.confirmed(desk.processed()).state == State.CONFIRMED

    reached = {point.partition(":")[0] for point in points_of(all_of_it, trace)
               if not point.startswith(("deliver", "take.", "clear."))}
    known = {*START, *PROCESS, *CONFIRM}
    assert reached - known <= {
        "process.checking.lock", "process.checking.certify", "process.photometry.make_tables",
        "process.photometry.test_ensemble"}
    assert known <= reached


def test_a_confirmation_that_dies_too_often_is_reported(desk):
    name = demo_reference("acs", "darkfile")
    submission = desk.processed(Kind.DELETE_REFERENCES, deleted_files=name)
    decided = deciding.confirm(submission, desk.user)
    for _ in range(decided.decision_job.max_attempts):
        killed_at("confirm.placed", lambda: run_job(decided.decision_job))
        worker_died()
    deciding.standing(submission, desk.user)
    assert submission.state == State.READY
    assert "It was not confirmed" in submission.error and "try again" in submission.error
    assert faults(rules=False) == []
    assert desk.confirmed(submission).state == State.CONFIRMED
    assert faults(rules=False) == []


def test_work_that_dies_too_often_is_reported(desk):
    path = desk.bring()
    submission = desk.start()
    for _ in range(submission.job.max_attempts):
        killed_at("process.checking.collect", lambda: run_job(submission.job))
        worker_died()
    assert deciding.wait(submission, 0).state == State.FAILED
    assert "killed" in submission.error or "stopped answering" in submission.error
    assert path.exists() and submission.active_draft is None and faults(rules=False) == []
