"""Delivery status: the list, one delivery, and what operators do to it."""

from __future__ import annotations

from django.contrib import messages
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from accounts.access import operator, submitter
from accounts.models import Role
from accounts.services import roles
from common.errors import BadRequest, ServiceError, Unavailable
from common.lists import list_response
from interactive.models import Delivery, DeliveryState

from .. import lists
from ..models import Watch
from ..services import acting, folders, states, switch, watching

#: The way of a delivery, as the page draws it.
JOURNEY = (DeliveryState.SUBMITTED, DeliveryState.DELIVERED, DeliveryState.ARCHIVING,
           DeliveryState.ARCHIVED)


@submitter
@require_http_methods(["GET", "HEAD"])
def delivery_status(request):
    """Every delivery, newest first."""
    operates = roles.has(request.user, Role.OPERATOR)
    return list_response(
        request, rows=lists.rows(), table=lists.Deliveries, filters=lists.DeliveryFilters,
        template="deliveries/list.html", name="deliveries", archiving=switch.is_on(),
        waiting=Delivery.objects.filter(state__in=watching.OPEN).count(),
        troubled=lists.rows().filter(state__in=watching.OPEN).exclude(problem="").filter(
            problem__isnull=False).count(),
        forgotten=acting.forgotten() if operates else [])


@submitter
@require_http_methods(["GET", "HEAD"])
def delivery(request, catalog: str):
    """One delivery with its files."""
    return _page(request, acting.get(catalog))


@operator
@require_POST
def act(request, catalog: str):
    """Deliver again, regenerate from the kept catalog, or count as archived."""
    what, reason = request.POST.get("act", ""), request.POST.get("reason", "")[:4000]
    try:
        if what == "retry":
            acting.retry(acting.get(catalog), request.user, reason)
            messages.success(request, f"{catalog} lies in the folder deliveries again.")
        elif what == "regenerate":
            acting.regenerate(catalog, request.user, reason)
            messages.success(request, f"{catalog} was made again from its catalog.")
        elif what == "accept":
            acting.accept(acting.get(catalog), request.user, reason)
            messages.success(request, f"{catalog} counts as archived.")
        else:
            raise BadRequest("There is no such act.")
    except ServiceError as exc:
        found = Delivery.objects.filter(catalog=catalog).first()
        if found is None:
            raise
        return _page(request, found, exc.message, exc.status)
    return redirect("delivery", catalog=catalog)


def _page(request, found: Delivery, problem: str = "", status: int = 200):
    watch = Watch.objects.filter(delivery=found).first()
    names = states.names(found)
    stuck = watching.is_stuck(found)
    may = roles.has(request.user, Role.OPERATOR)
    return render(request, "deliveries/delivery.html", {
        "delivery": found, "watch": watch, "problem": problem, "stuck": stuck,
        "files": found.files.order_by("name"),
        "seen": _seen(found, names), "journey": _journey(found.state),
        "failed": found.state == DeliveryState.FAILED,
        "may_act": may,
        "may_retry": may and (found.state in (DeliveryState.DELIVERED, DeliveryState.FAILED)
                              or (found.state == DeliveryState.ARCHIVING and stuck)),
        "may_accept": may and found.state in (DeliveryState.DELIVERED, DeliveryState.FAILED,
                                              DeliveryState.ARCHIVING),
        "may_regenerate": may and found.state == DeliveryState.ARCHIVED and switch.is_on(),
        "submissions": found.submissions.all(),
    }, status=status)


def _seen(found: Delivery, names: list[str]):
    """What lies in the folder; None when that is of no interest, or not known."""
    if found.state not in watching.OPEN or found.state == DeliveryState.SUBMITTED:
        return None
    try:
        return folders.seen(found.catalog, names, folders.listing())
    except Unavailable:
        return None


def _journey(state: str) -> list[tuple[str, str]]:
    """(state, passed, current or empty) for each step."""
    at = JOURNEY.index(state) if state in JOURNEY else JOURNEY.index(DeliveryState.ARCHIVING)
    return [(each, "current" if place == at else "passed" if place < at else "")
            for place, each in enumerate(JOURNEY)]
