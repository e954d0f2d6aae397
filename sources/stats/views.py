"""The operators' page of the server's load."""

from __future__ import annotations

from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.cache import never_cache

from . import charts
from .load import SPANS, Load


@never_cache
@login_required
def stats(request):
    """Load over time, busiest methods, slow calls, failures; ``?span=`` chooses the time."""
    if not request.user.has_perm("stats.view_requestrecord"):
        raise PermissionDenied(
            "The load of the server is shown to operators only. Ask an administrator for the"
            " permission to view request records.")
    span = SPANS.get(request.GET.get("span"), SPANS["day"])
    load = Load(span, timezone.now())
    steps = load.steps()
    return render(request, "stats/stats.html", {
        "span": span,
        "spans": SPANS.values(),
        "start": load.start,
        "steps": steps,
        "chart": charts.bars(steps, span.step),
        "totals": totals(steps),
        "busiest": load.busiest(),
        "slowest": load.slowest(),
        "failures": load.failures(),
    })


def totals(steps: list[dict]) -> dict:
    sums = {key: sum(row[key] for row in steps) for key in
            ("requests", "refused", "failed", "duration", "size")}
    sums["mean"] = sums["duration"] / sums["requests"] if sums["requests"] else None
    sums["slowest"] = max((row["slowest"] for row in steps), default=0)
    return sums
