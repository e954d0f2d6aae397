"""What jobs can do: functions that apps register in their ``tasks.py``.

::

    @job_kind("check_invariants", title="Check the catalogue", max_attempts=3)
    def check(context, sha1=False):
        ...
        return {"findings": []}

The function gets a :class:`~jobs.context.JobContext` and the parameters of the
job, and returns what JSON can hold.  It may be killed at any moment and run
again from the start, ``max_attempts`` times in all: what it does must bear
that.  Its module is imported by every process that submits jobs, so heavy
imports, the ``crds`` library first of all, belong into the function.
"""

from __future__ import annotations

import functools
import importlib
import inspect
from collections.abc import Callable
from dataclasses import dataclass

from django.conf import settings
from django.utils.module_loading import autodiscover_modules

from common.errors import BadRequest

from .models import Lane


@dataclass(frozen=True)
class Kind:
    """One sort of job.  ``time_limit`` in seconds, ``memory_limit`` in megabytes."""

    name: str
    run: Callable
    title: str
    max_attempts: int
    time_limit: int
    memory_limit: int
    lane: str

    def check(self, parameters: dict) -> None:
        """Raise BadRequest if ``run`` does not take these parameters."""
        try:
            inspect.signature(self.run).bind(None, **parameters)
        except TypeError as exc:
            raise BadRequest(f"A job {self.name} cannot be submitted like that: {exc}.") from None


_kinds: dict[str, Kind] = {}


def job_kind(name: str, *, title: str = "", max_attempts: int = 3, time_limit: int = 3600,
             memory_limit: int = 2048, lane: str = Lane.BACKGROUND):
    """Register the decorated function as the kind ``name``; ``lane`` as in :mod:`jobs.lanes`."""

    def register(run: Callable) -> Callable:
        if name in _kinds and _kinds[name].run is not run:
            raise ValueError(f"Two functions are registered as job kind {name!r}")
        _kinds[name] = Kind(name, run, title or name.replace("_", " ").capitalize(),
                            max_attempts, time_limit, memory_limit, str(lane))
        return run

    return register


def find(name: str) -> Kind:
    """The kind ``name``; BadRequest if there is none."""
    _discover()
    try:
        return _kinds[name]
    except KeyError:
        raise BadRequest(f"There is no kind of job named {name!r}.") from None


def title(name: str) -> str:
    """How people call the kind; jobs may outlive the code of their kind."""
    _discover()
    return _kinds[name].title if name in _kinds else name


def discover() -> None:
    """Import every ``tasks.py``, so that what they register is known."""
    _discover()


@functools.cache
def _discover() -> None:
    autodiscover_modules("tasks")
    for module in getattr(settings, "JOB_MODULES", ()):
        importlib.import_module(module)
