"""Lists of submissions, and the record of one."""

from __future__ import annotations

from django.shortcuts import render
from django.views.decorators.http import require_safe

from accounts.access import submitter
from common.lists import list_response

from ..models import Submission
from ..presenting import answers, reminders
from ..services import settling
from ..tables import History, HistoryFilters, Mine
from .finding import submission_at

#: Submissions that wait for somebody, shown above the list.
OPEN_STATES = ("queued", "running", "ready", "confirming")


@submitter
@require_safe
def my_submissions(request):
    """What the user submitted: what goes on or waits, then everything."""
    mine = Submission.objects.filter(user=request.user).select_related("user", "job",
                                                                       "decision_job")
    current = [settling.settle(each) for each in mine.filter(state__in=OPEN_STATES)[:50]]
    return list_response(
        request, rows=mine, table=Mine, name="my_submissions",
        template="submissions/my_submissions.html",
        current=[each for each in current if each.state in OPEN_STATES])


@submitter
@require_safe
def history(request):
    """Everything that was ever submitted, certifications left out."""
    rows = Submission.objects.exclude(kind="certify").select_related("user")
    return list_response(
        request, rows=rows, table=History, filters=HistoryFilters, name="submissions",
        template="submissions/history.html")


@submitter
@require_safe
def detail(request, results_id: str):
    """The record of a submission with the answers of its questionnaire."""
    submission = submission_at(results_id)
    return render(request, "submissions/detail.html", {
        "submission": submission, "answers": answers(submission),
        "reminders": reminders(submission)})
