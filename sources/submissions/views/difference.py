"""Difference Files: two files, each published or uploaded."""

from __future__ import annotations

from django.shortcuts import redirect, render
from django.views.decorators.http import require_safe

from accounts.access import submitter
from common.errors import ServiceError
from differences.services import pairs

from ..services import comparing


@submitter
@require_safe
def difference(request):
    """The form; two published files lead to their difference, others are compared here."""
    sides = [comparing.side(request.GET, name) for name in ("old", "new")]
    context = {"sides": sides, "uploads": comparing.uploads(request.user)}
    if not any(side.given for side in sides):
        return render(request, "submissions/difference.html", context)
    try:
        if all(side.mode == comparing.KNOWN for side in sides):
            return redirect("diff", *(pairs.resolve(side.name) for side in sides))
        found = comparing.obtain(request.user, *sides)
    except ServiceError as exc:
        return render(request, "submissions/difference.html", {
            **context, "message": exc.message})
    context |= {"kept": found, "renew": request.get_full_path()}
    if found.ready:
        context |= comparing.shown(found)
    elif request.htmx:
        return render(request, "kept/waiting.html", context)
    part = "result" if request.htmx else "difference"
    return render(request, f"submissions/difference{'_result' if part == 'result' else ''}.html",
                  context)
