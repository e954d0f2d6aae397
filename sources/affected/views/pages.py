"""Pages of affected datasets: all runs, one result, and what people ask for there."""

from __future__ import annotations

import json

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.csrf import ensure_csrf_cookie
from django.views.decorators.http import require_POST, require_safe

from accounts.access import submitter
from accounts.services import roles
from common.errors import NotFound, ServiceError
from common.lists import list_response
from interactive.services import contexts
from jobs import services as jobs

from ..models import AffectedRun, Reason, RunState
from ..services import computing, results, runs
from .tables import RunTable, UpdateTable

#: Kinds of errors, and frequent changes, that a page shows; downloads have all.
ERRORS, CHANGES = 100, 40


@ensure_csrf_cookie
@require_safe
def listing(request: HttpRequest) -> HttpResponse:
    """All runs, and the form for a what-if."""
    return _list(request, old=request.GET.get("old", ""), new=request.GET.get("new", ""))


def _list(request: HttpRequest, *, old: str = "", new: str = "", problem: str = "",
          ) -> HttpResponse:
    usual = _usual_pair()
    return list_response(
        request, rows=runs.listed(), table=RunTable, name="affected_runs",
        template="affected/list.html", old=(old or usual[0])[:200], new=(new or usual[1])[:200],
        problem=problem, may_start=roles.has(request.user, "submitter"))


def _usual_pair() -> tuple[str, str]:
    """What the form proposes: latest to edit, or if they are the same, to latest."""
    latest, edit = contexts.pointer("latest"), contexts.pointer("edit")
    if latest != edit:
        return latest, edit
    before = [row.context for row in contexts.history() if row.context != latest]
    return (before[0] if before else ""), latest


@submitter
@require_POST
def start(request: HttpRequest) -> HttpResponse:
    """Begin a what-if and show it; the same one that runs already is shown."""
    old, new = request.POST.get("old", ""), request.POST.get("new", "")
    try:
        pair = runs.check_pair(old, new)
        runs.start(*pair, Reason.WHAT_IF, request.user)
    except ServiceError as exc:
        response = _list(request, old=old, new=new, problem=exc.message)
        response.status_code = exc.status
        return response
    return redirect("affected_result", *pair)


@submitter
@require_POST
def cancel(request: HttpRequest, pk: int) -> HttpResponse:
    run = runs.cancel(runs.get(pk), request.user)
    return redirect("affected_result", run.old_context, run.new_context)


@submitter
@require_POST
def again(request: HttpRequest, pk: int) -> HttpResponse:
    run = runs.again(runs.get(pk), request.user)
    return redirect("affected_result", run.old_context, run.new_context)


@ensure_csrf_cookie
@require_safe
def result(request: HttpRequest, old: str, new: str) -> HttpResponse:
    """What a change of contexts affects, or how far its computation is."""
    pair = _published(old), _published(new)
    run = runs.newest(*pair)
    if run is None:
        return render(request, "affected/nothing.html", {
            "old": old, "new": new, "may_start": roles.has(request.user, "submitter")})
    common = {"run": run, "old": old, "new": new, "waiting": _waiting(run),
              "may_change": runs.may_change(run, request.user), **_progress(run)}
    folder = computing.folder_of(run)
    if run.state != RunState.DONE:
        return render(request, "affected/waiting.html", common)
    if not (folder / results.NAME).is_file():
        return render(request, "affected/gone.html", common)
    chosen = {name: request.GET.get(name, "").strip()[:128]
              for name in ("instrument", "filekind", "text")}
    return list_response(
        request, rows=results.Updates(folder, **chosen), table=UpdateTable,
        name=f"affected_{old}_{new}", template="affected/result.html", chosen=chosen,
        counts=_counts(run), changes=results.changes(folder, CHANGES),
        errors=_errors(folder), **common)


def _published(name: str) -> str:
    return contexts.published_mapping(name)


def _waiting(run: AffectedRun) -> AffectedRun | None:
    """A run of the same pair that is not finished, while an older result is shown."""
    for one in AffectedRun.objects.filter(
            old_context=run.old_context, new_context=run.new_context).exclude(pk=run.pk)[:5]:
        if one.created > run.created and runs.refreshed(one).is_active:
            return one
    return None


def _progress(run: AffectedRun) -> dict:
    return {"job": jobs.describe(run.job) if run.job and run.is_active else None}


def _counts(run: AffectedRun) -> list[dict]:
    """(instrument, type, datasets, share of the most frequent) for the table of counts."""
    rows = [(instrument, kind, number) for instrument, kinds in run.counts.items()
            for kind, number in kinds.items()]
    most = max((number for *_, number in rows), default=0)
    return [{"instrument": instrument, "filekind": kind, "number": number,
             "share": round(100 * number / most)} for instrument, kind, number in rows]


def _errors(folder) -> dict:
    try:
        kinds = json.loads((folder / "errors.json").read_text(encoding="utf-8"))
    except OSError:
        kinds = []
    return {"kinds": kinds[:ERRORS], "more": max(0, len(kinds) - ERRORS)}


@require_safe
def progress(request: HttpRequest, old: str, new: str) -> HttpResponse:
    """The part of a page that renews itself while a run goes on."""
    run = runs.newest(old, new)
    if run is None:
        raise NotFound(f"'{old}' and '{new}' were not compared.")
    run = _waiting(run) or run
    response = render(request, "affected/progress.html", {
        "run": run, "old": old, "new": new, **_progress(run)})
    if not run.is_active:
        response["HX-Refresh"] = "true"
    return response
