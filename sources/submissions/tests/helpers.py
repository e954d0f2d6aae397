"""What tests of submissions do again and again."""

from __future__ import annotations

import os
import shutil
import signal
import traceback
from datetime import timedelta
from pathlib import Path

from django.conf import settings
from django.db import connections
from django.utils import timezone

from common import faultpoints
from interactive.models import CatalogFile, ContextPointer
from interactive.services import invariants, store
from jobs import execution, leases
from jobs.models import Job
from submissions.models import Kind, Submission
from submissions.services import deciding, starting

WORKER = "test:1:0"


def run_job(job) -> Job:
    """Run a queued job in this process, as a worker's child would."""
    Job.objects.exclude(pk=job.pk).filter(state="queued", lane="quick").update(lane="background")
    Job.objects.filter(pk=job.pk).update(lane="quick")
    claimed = leases.claim(WORKER)
    assert claimed.pk == job.pk, claimed
    execution.run(claimed)
    claimed.refresh_from_db()
    return claimed


def edit_context() -> str:
    return ContextPointer.objects.get(kind="edit").context.name


def faults(rules: bool = True) -> list:
    """Broken invariants of catalogue, store and submissions; ``rules`` reads all rule files."""
    return invariants.faults(invariants.check(rules=rules))


def demo_reference(instrument: str, filekind: str) -> str:
    """A stored demonstration reference that the edit context selects."""
    return (CatalogFile.objects.references().filter(
        instrument=instrument, filekind=filekind, stored=True,
        links_up__parent__links_up__parent__links_up__parent__name=edit_context())
        .order_by("-name").values_list("name", flat=True).first())


def changed_copy(name: str, target: Path, number: int = 1, **keywords) -> Path:
    """A copy of the stored HST reference ``name`` with other bytes that certifies as well."""
    from astropy.io import fits

    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(store.path(name), target)
    target.chmod(0o644)
    with fits.open(target, mode="update", checksum=False) as hdus:
        header = hdus[0].header
        header.add_history(f"Another copy, number {number}.")
        for key, value in keywords.items():
            header[key] = value
    return target


class Desk:
    """A submitter, the upload area, and the way from there to a confirmed submission."""

    def __init__(self, user):
        from fileupload.services import drafts

        self.user = user
        self.draft = drafts.default(user)

    @property
    def folder(self) -> Path:
        from fileupload.services import drafts

        folder = drafts.folder(self.draft)
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def bring(self, instrument: str = "acs", filekind: str = "darkfile", number: int = 1,
              uploaded_as: str = "", **keywords) -> Path:
        """Put a new reference of the type into the upload area."""
        name = demo_reference(instrument, filekind)
        path = self.folder / (uploaded_as or f"new_{filekind}_{number}.fits")
        return changed_copy(name, path, number, **keywords)

    def start(self, kind: str = Kind.BATCH, **fields) -> Submission:
        return starting.start(kind, self.user, draft=self.draft, fields={
            "description": "A test of the demonstration", "creator": "Test team",
            "pmap_mode": "pmap_edit", "change_level": "SEVERE", **fields})

    def processed(self, kind: str = Kind.BATCH, **fields) -> Submission:
        """Started and worked on to its end."""
        submission = self.start(kind, **fields)
        run_job(submission.job)
        submission.refresh_from_db()
        return submission

    def confirmed(self, submission: Submission) -> Submission:
        """Decided and worked on to its end."""
        submission = deciding.confirm(submission, self.user)
        run_job(submission.decision_job)
        submission.refresh_from_db()
        return submission


def root() -> Path:
    return settings.INSTANCE.server_files


# ---- processes that die --------------------------------------------------------


def in_child(work, **environment: str) -> int:
    """Run ``work()`` in a process forked from this one; its exit status, negative for a signal."""
    connections.close_all()
    child = os.fork()
    if child:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    os.environ.update(environment)
    _run_and_exit(work)


def _run_and_exit(work):
    status = 1
    try:
        faultpoints.forget()
        work()
        status = 0
    except BaseException:
        traceback.print_exc()
    finally:
        connections.close_all()
        os._exit(status)


def killed_at(point: str, work) -> None:
    """Run ``work()`` in a process that is killed when it reaches ``point``."""
    assert in_child(work, CRDS_FAULT_POINT=point) == -signal.SIGKILL, point


def points_of(work, trace: Path) -> list[str]:
    """Run ``work()`` to its end in another process; the fault points that it reaches."""
    trace.unlink(missing_ok=True)
    assert in_child(work, CRDS_FAULT_TRACE=str(trace)) == 0
    return trace.read_text().splitlines() if trace.exists() else []


def worker_died() -> None:
    """Let the time pass after which the jobs of dead workers are taken back."""
    Job.objects.filter(state="running").update(lease_until=timezone.now() - timedelta(minutes=1))
    leases.take_back_overdue()


def run_job_if_waiting(job_id) -> None:
    job = Job.objects.get(pk=job_id)
    if job.state == "queued":
        run_job(job)


def in_child_all(works) -> list[int]:
    """Run all of ``works`` side by side in processes of their own; their exit statuses."""
    connections.close_all()
    children = []
    for work in works:
        child = os.fork()
        if not child:
            _run_and_exit(work)
        children.append(child)
    return [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]
