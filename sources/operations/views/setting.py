"""The page Set Context: choose, look, decide."""

from __future__ import annotations

from urllib.parse import urlencode

from django.contrib import messages
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from accounts.access import operator
from common.errors import ServiceError
from interactive.models import BuildContext
from interactive.services import contexts

from ..forms import EXPLAINED, ChooseForm, DecideForm
from ..services import cleaning, previews, setting_contexts


@operator
@require_http_methods(["GET", "HEAD", "POST"])
def set_default_context(request):
    if request.method == "POST":
        return _decide(request)
    asked = "kind" in request.GET or "context" in request.GET
    choose = ChooseForm(request.GET if asked else None)
    if not asked:
        return _page(request, choose)
    if not choose.is_valid():
        return _page(request, choose, status=400)
    chosen = choose.cleaned_data
    try:
        preview = previews.preview(chosen["kind"], chosen["context"], chosen["cal_ver"])
    except ServiceError as exc:
        return _page(request, choose, problem=exc.message, status=exc.status)
    return _page(request, choose, preview=preview,
                 decide=DecideForm(initial={"reason": preview.reason}))


def address_of(kind: str, context: str) -> str:
    """The preview of setting ``context``, to link to."""
    query = urlencode({"kind": kind, "pmap_mode": "pmap_text", "pmap_text": context})
    return f"{reverse('set_default_context')}?{query}"


def _decide(request):
    decide = DecideForm(request.POST)
    if not decide.is_valid():
        return _page(request, ChooseForm(), problem=_errors(decide), status=400)
    sent = decide.cleaned_data
    try:
        name = setting_contexts.act(
            sent["kind"], sent["context"], user=request.user, reason=sent["reason"],
            expected=sent["expected"], cal_ver=sent["cal_ver"], banner=sent["banner"],
            acknowledged=sent["acknowledged"])
    except ServiceError as exc:
        return _refused(request, decide, exc)
    messages.success(request, f"{name} is {previews.WHAT[sent['kind']]} now.")
    return redirect("set_default_context")


def _refused(request, decide: DecideForm, exc: ServiceError):
    """The preview as it is now, with what was typed; nothing is lost."""
    sent = decide.cleaned_data
    choose = ChooseForm({"kind": sent["kind"], "cal_ver": sent["cal_ver"],
                         "pmap_mode": "pmap_text", "pmap_text": sent["context"]})
    try:
        preview = previews.preview(sent["kind"], sent["context"], sent["cal_ver"])
    except ServiceError:
        preview = None
    return _page(request, choose, preview=preview, decide=decide, problem=exc.message,
                 status=exc.status)


def _errors(form) -> str:
    return " ".join(f"{form.fields[name].label or name}: {' '.join(texts)}"
                    for name, texts in form.errors.items() if name in form.fields)


def _page(request, choose, *, preview=None, decide=None, problem: str = "", status: int = 200):
    pointers = contexts.pointers()
    previous = previews.previous()
    return render(request, "operations/set_context.html", {
        "choose": choose, "preview": preview, "decide": decide, "problem": problem,
        "media": choose.media,
        "kinds": [{"kind": kind, "pointer": pointers.get(kind), "text": EXPLAINED[kind]}
                  for kind in setting_contexts.KINDS if kind != setting_contexts.BUILD],
        "banner": pointers.get("banner"),
        "builds": sorted(BuildContext.objects.select_related("context"), reverse=True,
                         key=lambda row: contexts.version_numbers(row.cal_ver))[:12],
        "previous": previous,
        "previous_address": address_of("latest", previous) if previous else "",
        "clean_ups": [cleaning.standing(one) for one in cleaning.open_ones()],
    }, status=status)
