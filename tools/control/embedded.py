"""The programs of the django use case: gunicorn and the worker, nothing else."""

from __future__ import annotations

import signal

from . import django as management
from . import processes
from .checkout import CHECKOUT, python
from .service import Service

GUNICORN_CONFIGURATION = CHECKOUT / "servers" / "gunicorn.conf.py"


def services(instance) -> list[Service]:
    """In the order of starting."""
    command = [str(python(instance)), "-m", "gunicorn", "--config", str(GUNICORN_CONFIGURATION)]
    return [
        Service("web", "web server", command, instance.logs / "error.log",
                instance.run / "web.pid"),
        worker(instance),
    ]


def worker(instance, user: str | None = None) -> Service:
    """Works on background jobs until it is told to end."""
    return Service("worker", "worker", management.command(instance, "run_worker"),
                   instance.logs / "worker.log", instance.run / "worker.pid",
                   patience=30.0, settling=2.0, user=user)


def reload_web(leader: processes.Process, renewed) -> None:
    """Gunicorn starts new workers, and old ones finish what they serve."""
    before = processes.family(leader)
    leader.signal(signal.SIGHUP)
    renewed(lambda: bool(processes.family(leader) - before))
