"""Jobs of submissions: the checks, the confirmation, mails, the sweep."""

from __future__ import annotations

from datetime import timedelta

from jobs import kept
from jobs.kinds import job_kind
from jobs.models import Lane
from jobs.rounds import every


@job_kind("process_submission", title="Check a submission", max_attempts=4,
          time_limit=12 * 3600, memory_limit=4096, lane=Lane.SUBMISSION)
def process_submission(context, submission: str) -> dict:
    """Everything from the uploaded files to results that wait for a decision."""
    from .services import processing

    return processing.run(context, submission)


@job_kind("confirm_submission", title="Confirm a submission", max_attempts=4,
          time_limit=2 * 3600, memory_limit=4096, lane=Lane.QUICK)
def confirm_submission(context, submission: str) -> dict:
    """Publish the files of a submission and move the edit context, or say why not."""
    from .services import confirming

    return confirming.run(context, submission)


@job_kind("send_mails", title="Send mails about submissions", time_limit=600)
def send_mails(context) -> dict:
    """Send what waits; what cannot be sent now gets another job later."""
    from django.utils import timezone

    from jobs import services as jobs
    from jobs.models import Job

    from .services import mails

    told = mails.send_waiting()
    wait = mails.next_try()
    if wait is not None:
        later = jobs.submit("send_mails")
        Job.objects.filter(pk=later.pk).update(
            not_before=timezone.now() + max(wait, timedelta(seconds=30)))
    return told


@job_kind("sweep_submissions", title="Look after submissions", time_limit=3600)
def sweep_submissions(context) -> dict:
    """Remind of, cancel, complete and tidy up what people and accidents left."""
    from .services import sweeping

    return sweeping.sweep()


@kept.maker("upload_difference", version=1, title="Compare uploaded files", time_limit=1800)
def upload_difference(context, folder, old: dict, new: dict) -> None:
    """The difference of two files of which at least one is uploaded."""
    from .services import comparing

    comparing.make(folder, old, new, context.progress)


@kept.maker("rule_edit", version=1, title="Check edited rules", time_limit=300,
            memory_limit=2048, lane=Lane.QUICK)
def rule_edit(context, folder, name: str, edits: list) -> None:
    """The rule file that edits make, its checks, and what selection would change."""
    from .services import editor

    editor.make_preview(folder, name, edits)


@every(600)
def sweep_now_and_then():
    """Have the sweep run as a job, which every host may ask for and one makes."""
    from jobs import services as jobs
    from jobs.models import FINISHED, Job

    from .services import sweeping

    if not sweeping.anything_to_do():
        return
    if not Job.objects.filter(kind="sweep_submissions").exclude(state__in=FINISHED).exists():
        jobs.submit("sweep_submissions")
