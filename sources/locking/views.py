"""Locks: the public answer for clients, and the page for people."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, JsonResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import ensure_csrf_cookie
from django.views.decorators.http import require_POST, require_safe

from accounts import access
from accounts.models import Role
from accounts.services import roles
from interactive.services import file_lists

from . import services


@never_cache
@require_safe
def lock_status(request: HttpRequest, user: str) -> JsonResponse:
    """Asked by the client before it logs in, so without any cookie."""
    return JsonResponse(services.status(user))


@ensure_csrf_cookie
@never_cache
@login_required
@require_safe
def locks(request):
    """Who works on what, to everybody with an account."""
    held = services.lasting()
    taken = {lock.name for lock in held}
    return render(request, "locking/locks.html", {
        "locks": [(lock, roles.has(request.user, Role.OPERATOR, lock.name)) for lock in held],
        "free": [name for name in file_lists.values("instrument") if name not in taken],
        "may_lock": roles.has(request.user, Role.SUBMITTER),
    })


@access.submitter
@require_POST
def take(request):
    lock = services.take(request.POST.get("instrument", ""), request.user)
    messages.success(request, f"You have locked instrument {lock.name}.")
    return redirect("locks")


@ensure_csrf_cookie
@never_cache
@login_required
@require_POST
def release(request):
    """Gives back an own lock."""
    name = request.POST.get("instrument", "")
    if services.release(name, request.user):
        messages.success(request, f"Instrument {name} is free.")
    else:
        messages.info(request, f"You had no lock of instrument {name} any more.")
    return redirect("locks")


@access.operator
@require_POST
def take_over(request):
    lock = services.take_over(
        request.POST.get("instrument", ""), request.user, request.POST.get("reason", ""))
    messages.success(
        request, f"You have the lock of instrument {lock.name} now. The reason is in the"
                 " recent activity.")
    return redirect("locks")
