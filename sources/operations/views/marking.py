"""The page Mark Files Bad, and the guided way to a context without bad files."""

from __future__ import annotations

from django.contrib import messages
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from accounts.access import submitter
from accounts.models import Role
from accounts.services import roles
from common.errors import ServiceError
from interactive.models import BadFile

from ..forms import MarkForm
from ..services import cleaning, marking_files
from .setting import address_of

#: Bad files that the page lists.
LISTED = 200


@submitter
@require_http_methods(["GET", "HEAD", "POST"])
def mark_bad(request):
    """What the marks would mean comes first; the second click acts."""
    if request.method != "POST":
        return _page(request, MarkForm(initial={"files": request.GET.get("files", "")}))
    form = MarkForm(request.POST)
    if not form.is_valid():
        return _page(request, form, status=400)
    sent = form.cleaned_data
    bad = sent["mark_as"] == "bad"
    act = request.POST.get("act", "look")
    try:
        names = marking_files.parse_names(sent["files"])
        if act == "start":
            clean_up = cleaning.start(names, user=request.user, reason=sent["reason"])
            return redirect("clean_up", key=clean_up.pk)
        if act == "mark":
            found = marking_files.mark(names, bad=bad, user=request.user, reason=sent["reason"])
            cleaning.close_marked(request.user)
            messages.success(request, _done(found))
            return redirect("mark_bad")
        return _page(request, form, effects=marking_files.effects(names, bad))
    except ServiceError as exc:
        return _page(request, form, problem=exc.message, status=exc.status)


def _done(found: marking_files.Effects) -> str:
    number = len(found.files) - len(found.unchanged)
    word = "bad" if found.bad else "OK"
    return (f"{number} file{'s' if number != 1 else ''} marked {word}."
            " Pipelines learn of it with their next synchronisation.")


def _page(request, form, *, effects=None, problem: str = "", status: int = 200):
    bad = BadFile.objects.select_related("file").order_by("-marked_at", "-pk")
    return render(request, "operations/mark_bad.html", {
        "form": form, "effects": effects, "problem": problem,
        "may_mark": roles.has(request.user, Role.OPERATOR),
        "bad_files": bad[:LISTED], "bad_total": bad.count(),
        "clean_ups": [cleaning.standing(one) for one in cleaning.open_ones()],
    }, status=status)


# ---- clean-ups -----------------------------------------------------------------------


@submitter
@require_http_methods(["GET", "HEAD", "POST"])
def clean_up(request, key: int):
    """One clean-up: where it stands, and the button of its next step."""
    found = cleaning.get(key)
    if request.method != "POST":
        return _clean_up_page(request, found)
    act = request.POST.get("act", "")
    try:
        if act == "build":
            cleaning.build(found, request.user)
            messages.success(request, "The submission is on its way. Confirm it when it is ready.")
        elif act == "mark":
            messages.success(request, _done(cleaning.mark(found, request.user)))
        elif act == "give-up":
            cleaning.give_up(found, request.user)
            messages.success(request, "The clean-up was given up; nothing was marked.")
        else:
            return _clean_up_page(request, found, "There is no such step.", 400)
    except ServiceError as exc:
        return _clean_up_page(request, found, exc.message, exc.status)
    return redirect("clean_up", key=found.pk)


def _clean_up_page(request, found, problem: str = "", status: int = 200):
    now = cleaning.standing(found)
    return render(request, "operations/clean_up.html", {
        "clean_up": found, "now": now, "problem": problem,
        "files": marking_files.find(found.files),
        "effects": marking_files.effects(found.files, True),
        "set_address": address_of("latest", now.clean) if now.clean else "",
        "may_mark": roles.has(request.user, Role.OPERATOR),
    }, status=status)
