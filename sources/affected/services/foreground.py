"""Runs in the process of a command."""

from __future__ import annotations

from collections.abc import Callable

from django.utils import timezone

from ..models import ACTIVE, AffectedRun, Reason, RunState
from . import computing, finishing, runs


def run(old: str, new: str, reason: str, *, processes: int | None = None, anew: bool = False,
        progress: Callable[[float, float, str], None] = lambda done, total, text: None,
        ) -> AffectedRun:
    """The finished run for two contexts, computed here.

    One that was stopped is gone on with, unless ``anew``.  Raises
    :class:`.computing.AlreadyRunning` if the same comparison is computed by somebody else.
    """
    found = None if anew else _unfinished(old, new, reason)
    if found is None:
        found = AffectedRun.objects.create(old_context=old, new_context=new, reason=reason)
    try:
        computing.compute(found, computing.Hooks(progress), processes)
    except computing.AlreadyRunning:
        raise
    except BaseException as exc:
        stopped = not isinstance(exc, Exception)
        AffectedRun.objects.filter(pk=found.pk).update(
            state=RunState.CANCELLED if stopped else RunState.FAILED, finished=timezone.now(),
            problem="It was stopped." if stopped else str(exc))
        raise
    finishing.finish(found)
    return found


def _unfinished(old: str, new: str, reason: str) -> AffectedRun | None:
    """A run of the same pair that a process did not end, or that a job works on."""
    same = AffectedRun.objects.filter(old_context=old, new_context=new).exclude(
        reason=Reason.WHAT_IF)
    for one in same.filter(state__in=ACTIVE):
        if runs.refreshed(one).is_active:
            raise computing.AlreadyRunning(
                f"This comparison is {one.state} already: see the page Affected datasets.")
    newest = same.first()
    if newest and newest.reason == reason and newest.job_id is None and newest.state in (
            RunState.CANCELLED, RunState.FAILED):
        return newest
    return None
