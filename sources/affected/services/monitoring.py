"""What ``host/monitor_reprocessing`` does every few minutes: see that nothing was missed."""

from __future__ import annotations

import fcntl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from django.conf import settings

from interactive.services import contexts

from ..models import ACTIVE, AffectedRun, Reason
from . import finishing, foreground, runs


@dataclass(frozen=True)
class Watched:
    """What one look found: words for people, and the run that was computed, if any."""

    text: str
    run: AffectedRun | None = None


def watch(progress: Callable[[float, float, str], None] = lambda done, total, text: None,
          processes: int | None = None) -> Watched:
    """Compare the latest context with ``old_context.txt`` and compute what lies between.

    A change of the latest context submits its own job (:mod:`.events`); this finds what
    escaped it, such as an edited ``old_context.txt``.  Never works twice at once.
    """
    with _alone() as alone:
        if not alone:
            return Watched("Another monitor_reprocessing is at work.")
        finishing.mail_left()
        latest, known = contexts.pointer("latest"), finishing.old_context()
        if not latest:
            return Watched("There is no latest context yet.")
        if not known:
            finishing.write_old_context(latest)
            return Watched(f"Changes are followed from {latest} on.")
        if known == latest:
            return Watched(f"{latest} is known: nothing to do.")
        active = [run for run in AffectedRun.objects.filter(
            state__in=ACTIVE, reason__in=finishing.FOLLOWED) if runs.refreshed(run).is_active]
        if active:
            return Watched(f"{active[0]} already.")
        old, new = runs.check_pair(known, latest)
        run = foreground.run(old, new, Reason.MONITOR, progress=progress, processes=processes)
        return Watched(f"{old} --> {new}: {run.products} products are affected.", run)


@contextmanager
def _alone() -> Iterator[bool]:
    folder = settings.INSTANCE.monitor_reprocessing
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / ".lock", "w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
            return
        yield True
