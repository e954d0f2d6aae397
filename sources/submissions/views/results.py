"""Progress, results and decisions of one submission."""

from __future__ import annotations

import re

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import ensure_csrf_cookie
from django.views.decorators.http import require_POST, require_safe

from common.errors import BadRequest, NotFound, ServiceError

from ..models import State, Submission
from ..presenting import log_lines, page_of
from ..services import deciding
from .finding import submission_at

#: Seconds that the answer to a confirmation waits for its end.
PATIENCE = 120

#: The id of a file of a submission.
ID = re.compile(r"[0-9]{1,18}")

TITLES = {
    "certify": "Certify results", "batch": "Batch submission",
    "extended": "Extended batch submission", "mappings": "Submission of mappings",
    "references": "Submission of references", "add-references": "References to add",
    "delete-references": "References to delete"}


@never_cache
@ensure_csrf_cookie
@require_safe
def display_result(request: HttpRequest, results_id: str) -> HttpResponse:
    """How far a submission is, or what came of it; for everybody who has the link."""
    submission = submission_at(results_id)
    part = request.GET.get("part", "")
    if part == "progress" and request.htmx:
        return _progress(request, submission)
    if part == "log":
        return render(request, "submissions/results/log_page.html", {
            "submission": submission, "lines": log_lines(submission)})
    if part == "checks":
        return _checks(submission, request.GET.get("file", ""))
    return _page(request, submission)


def _checks(submission: Submission, file: str) -> HttpResponse:
    """All that the checks of one file printed, as text."""
    row = submission.files.filter(pk=int(file)).first() if ID.fullmatch(file) else None
    if row is None:
        raise NotFound("This submission has no such file.")
    return HttpResponse(row.log, content_type="text/plain; charset=utf-8")


def alias(request: HttpRequest, results_id: str) -> HttpResponse:
    return redirect("display_result", str(submission_at(results_id).pk))


def _progress(request: HttpRequest, submission: Submission) -> HttpResponse:
    """The part that renews itself; when the work has ended the whole page does."""
    shown = page_of(submission, request.user, logs=False)
    response = render(request, "submissions/results/progress.html", {"shown": shown})
    if not shown.results.is_busy:
        response["HX-Refresh"] = "true"
    return response


def _page(request: HttpRequest, submission: Submission, refusal: str = "",
          reason: str = "") -> HttpResponse:
    shown = page_of(submission, request.user)
    return render(request, "submissions/results/page.html", {
        "shown": shown, "submission": shown.results.submission, "results": shown.results,
        "title": TITLES[submission.kind], "refusal": refusal, "reason": reason})


@never_cache
@ensure_csrf_cookie
@require_POST
@login_required
def decide(request: HttpRequest) -> HttpResponse:
    """Confirm, force or cancel; answers with the page of what then is.

    A refusal has status 200 and its text as the client reads it (contract 4.4).
    """
    submission = submission_at(request.POST.get("results_id", ""))
    reason = request.POST.get("reason", "")
    try:
        submission = _decided(request, submission, reason)
    except ServiceError as exc:
        submission.refresh_from_db()
        return _page(request, submission, exc.message, reason)
    if submission.state == State.READY and submission.error:
        return _page(request, submission, submission.error, reason)
    return redirect("display_result", str(submission.pk))


def _decided(request: HttpRequest, submission: Submission, reason: str) -> Submission:
    button = request.POST.get("button", "")
    if button == "cancel":
        return deciding.cancel(submission, request.user, reason)
    if button not in ("confirm", "force"):
        raise BadRequest(
            f"'{button[:20]}' is no decision. Confirm, force or cancel with the buttons.")
    act = deciding.confirm if button == "confirm" else deciding.force
    return deciding.wait(act(submission, request.user, reason), PATIENCE)
