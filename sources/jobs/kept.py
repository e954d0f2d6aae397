"""Results that a job makes once and that are kept in files.

For what is made from published files: these never change, so neither does what is made
from them.  A *maker* is a job kind that fills a folder; the folder appears under its final
name when it is complete::

    @kept.maker("contents", version=1, title="Look into a reference")
    def look(context, folder, name):
        ...
        kept.write_json(folder / "result.json", found)

    found = kept.obtain("contents", key=row.sha1sum, parameters={"name": row.name})
    if found.ready:
        found.json("result.json")

``key`` names the input, by checksums as a rule; ``version`` the software: a maker whose
results would be different now gets a new number.  All hosts of a server share the folder.
"""

from __future__ import annotations

import inspect
import json
import os
import re
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from django.conf import settings
from django.db import transaction
from django.db.models import Sum
from django.utils import timezone

from common.errors import BadRequest, NotFound, Unavailable

from . import kinds, services
from .models import FINISHED, Job, JobState, KeptResult

#: A result that failed is not tried again before this time has passed.
RETRY_AFTER = timedelta(minutes=10)

#: Results that may wait to be made; who asks for more is told to come back.
WAITING_LIMIT = 60

#: Kept megabytes; beyond, those used longest ago are removed and made again when asked for.
SPACE_MB = 20_000

#: Folders that a killed maker left are removed after this many seconds.
STALE = 24 * 3600

KEY = re.compile(r"[A-Za-z0-9._-]{1,128}")
FILE_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,100}")

#: The folders of a path; its last part is not among them.
FOLDERS = re.compile(r"(?<![\w/.:])/(?:[^\s/'\"]+/)+")

_versions: dict[str, int] = {}


# ---- makers ------------------------------------------------------------------


def maker(kind: str, *, version: int, title: str, **limits):
    """Register the decorated function as the maker of results of ``kind``.

    It gets the job's context, an empty folder and the parameters, and is run as a job
    with ``limits`` (see :func:`jobs.kinds.job_kind`).  What it returns is not used.
    """

    def register(make: Callable) -> Callable:
        _versions[kind] = version

        def run(context, key, parameters):
            _run(context, kind, key, lambda folder: make(context, folder, **parameters))

        run.__doc__ = make.__doc__
        run.make = make
        kinds.job_kind(kind, title=title, **{"max_attempts": 2, "time_limit": 600, **limits})(run)
        return make

    return register


def _run(context, kind: str, key: str, make: Callable[[Path], None]) -> None:
    place = _place(kind, key)
    _clear_stale(place.parent.parent)
    folder = place.parent.parent / f".making-{context.id}-{context.attempt}"
    folder.mkdir(parents=True)
    try:
        make(folder)
        size = _flush(folder)
        place.parent.mkdir(parents=True, exist_ok=True)
        with context.transaction():
            KeptResult.objects.filter(kind=kind, key=key, version=_versions[kind]).update(size=size)
            if not place.exists():
                folder.rename(place)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    shrink()


def _flush(folder: Path) -> int:
    """Write the files of ``folder`` through to the disk; returns their bytes."""
    size = 0
    for path in folder.rglob("*"):
        if path.is_file():
            with open(path, "rb") as file:
                os.fsync(file.fileno())
            size += path.stat().st_size
    return size


def _clear_stale(folder: Path) -> None:
    for left in folder.glob(".making-*"):
        if time.time() - left.stat().st_mtime > STALE:
            shutil.rmtree(left, ignore_errors=True)


def write_json(path: Path, value) -> None:
    path.write_text(json.dumps(value, ensure_ascii=False), encoding="utf-8")


# ---- asking for results ------------------------------------------------------


@dataclass(frozen=True)
class Kept:
    """A result as it stands: ready in ``folder``, or still to be made by ``job``."""

    kind: str
    key: str
    folder: Path | None = None
    job: Job | None = None

    @property
    def ready(self) -> bool:
        return self.folder is not None

    @property
    def failed(self) -> bool:
        return not self.ready and self.job is not None and self.job.is_finished

    @property
    def error(self) -> str:
        """Why it failed, for everybody: without the folders of this machine."""
        return FOLDERS.sub("", self.job.error) if self.failed else ""

    @property
    def progress(self) -> dict:
        """State, share and text of the job for people, see :func:`jobs.services.describe`."""
        return services.describe(self.job) if self.job else {}

    def json(self, name: str = "result.json"):
        return json.loads(self.path(name).read_text(encoding="utf-8"))

    def path(self, name: str) -> Path:
        """File ``name`` of the result; NotFound if it has none of that name."""
        path = self.folder / name if self.ready and FILE_NAME.fullmatch(name) else None
        if path is None or not path.is_file():
            raise NotFound(f"There is no '{name[:100]}' here. Open the page it belongs to.")
        return path


def obtain(kind: str, key: str, parameters: dict) -> Kept:
    """The result of ``kind`` for ``key``; its job is submitted if nobody has asked before.

    Whoever asks at the same time gets the same job.  Raises Unavailable when too many
    results wait to be made.
    """
    _check(kind, key, parameters)
    found = find(kind, key)
    return found if found.ready or (found.job and not _stale(found.job)) else _submit(
        kind, key, parameters)


def find(kind: str, key: str) -> Kept:
    """Like :func:`obtain`, without making anything: neither folder nor job if there is none."""
    place = _place(kind, key)
    if place.is_dir():
        _note_use(kind, key)
        return Kept(kind, key, folder=place)
    row = _rows(kind, key).first()
    job = row and row.job_id and Job.objects.filter(pk=row.job_id).first()
    if job and not job.is_finished:
        job = services.get(job.pk)
    # It may have become ready since we looked.
    if job and job.is_finished and place.is_dir():
        return Kept(kind, key, folder=place)
    return Kept(kind, key, job=job or None)


def _check(kind: str, key: str, parameters: dict) -> None:
    known = kinds.find(kind)
    if not KEY.fullmatch(key):
        raise BadRequest(f"'{key[:130]}' cannot name a result.")
    inspect.signature(known.run.make).bind(None, None, **parameters)


def _stale(job: Job) -> bool:
    """Whether another job should be submitted in place of ``job``."""
    if not job.is_finished:
        return False
    return job.state != JobState.FAILED or job.finished < timezone.now() - RETRY_AFTER


def _submit(kind: str, key: str, parameters: dict) -> Kept:
    with transaction.atomic():
        row, _ = KeptResult.objects.get_or_create(kind=kind, key=key, version=_versions[kind])
        row = KeptResult.objects.select_for_update().select_related("job").get(pk=row.pk)
        if row.job and not _stale(row.job):
            return Kept(kind, key, job=row.job)
        waiting = KeptResult.objects.filter(job__isnull=False).exclude(
            job__state__in=FINISHED).count()
        if waiting >= WAITING_LIMIT:
            raise Unavailable(
                f"{waiting} results wait to be computed, so no more are taken on now."
                " Try again in a few minutes.")
        row.job = services.submit(kind, {"key": key, "parameters": parameters})
        row.save(update_fields=["job"])
    return Kept(kind, key, job=row.job)


# ---- places and space --------------------------------------------------------


def _place(kind: str, key: str) -> Path:
    kinds.find(kind)
    return (settings.INSTANCE.kept / f"{kind}-{_versions[kind]}" / key[:2] / key).absolute()


def _rows(kind: str, key: str):
    return KeptResult.objects.filter(kind=kind, key=key, version=_versions[kind])


def _note_use(kind: str, key: str) -> None:
    """Note that a result was used, at most once a day."""
    yesterday = timezone.now() - timedelta(days=1)
    row = _rows(kind, key).values_list("pk", "used_at").first()
    if row and row[1] < yesterday:
        KeptResult.objects.filter(pk=row[0]).update(used_at=timezone.now())


def shrink(megabytes: int | None = None) -> int:
    """Remove the results used longest ago until the rest fits; returns how many."""
    limit = (SPACE_MB if megabytes is None else megabytes) * 1024 * 1024
    total = KeptResult.objects.aggregate(total=Sum("size"))["total"] or 0
    removed = 0
    for row in KeptResult.objects.filter(size__gt=0).order_by("used_at").iterator():
        if total <= limit:
            break
        place = settings.INSTANCE.kept / f"{row.kind}-{row.version}" / row.key[:2] / row.key
        shutil.rmtree(place, ignore_errors=True)
        total -= row.size
        removed += row.delete()[0]
    return removed
