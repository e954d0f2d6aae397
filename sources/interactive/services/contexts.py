"""Contexts by name, role and date; their history; what pipelines report to use."""

from __future__ import annotations

import os
import re
from datetime import datetime

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from common import dates
from common.errors import BadRequest, InvalidDateBasedContext, NotFound
from common.queries import Query
from interactive.models import (
    BuildContext,
    CatalogFile,
    ContextHistory,
    ContextPointer,
    RemoteContext,
)

from . import audit

MAPPING_EXTENSIONS = (".pmap", ".imap", ".rmap")
ROLES = ("edit", "operational", "latest", "build", "versions")

#: <obs>[-<instrument>[-<type>]]-<when>, all parts before <when> optional (contract 2.3).
SPEC = re.compile(
    r"(?:(?P<observatory>[a-z]{1,8})(?:-(?P<instrument>[a-z][a-z0-9]{1,16})"
    r"(?:-(?P<filekind>[a-z][a-z0-9\-]{1,32}))?)?-)?"
    r"(?P<when>\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?)?|" + "|".join(ROLES) + ")"
)

CAL_VER = re.compile(r"\d+(\.\d+){0,2}")


PUBLISHED_MAPPING = Query(
    lambda name: CatalogFile.objects.published().mappings().filter(name=name)
    .order_by().values_list("name"))
POINTER = Query(
    lambda kind: ContextPointer.objects.filter(kind=kind).order_by().values_list("context__name"))


def published_mapping(name: str) -> str:
    """``name`` if it is a published rule file; an error says that it is not known."""
    if PUBLISHED_MAPPING.value(name) is None:
        raise NotFound(f"Unknown mapping '{name}': it is not among this server's published rules.")
    return name


def pointer(kind: str) -> str:
    """Name of the context that ``kind`` (latest, edit, versions, banner) points at, or ``""``."""
    return POINTER.value(kind) or ""


def pointers() -> dict[str, ContextPointer]:
    """All pointers by kind."""
    return {row.kind: row for row in ContextPointer.objects.select_related("context")}


def default_context(state: str | None = None) -> str:
    """The context for ``state``: latest (also None or operational), edit, versions or build."""
    state = {None: "latest", "operational": "latest"}.get(state, state)
    if state == "build":
        return build_context_newest()
    if state not in ("latest", "edit", "versions"):
        raise BadRequest(
            f"Unknown context state '{state}'. It is one of latest, edit, build, versions.")
    name = pointer(state)
    if not name:
        raise NotFound(f"No {state} context is set on this server. An operator sets it.")
    return name


def build_context_newest() -> str:
    """Context of the newest calibration version, else the latest context."""
    rows = list(BuildContext.objects.select_related("context"))
    if not rows:
        return default_context("latest")
    return max(rows, key=lambda row: version_numbers(row.cal_ver)).context.name


def build_context(cal_ver: str) -> str:
    """Context for calibration software ``cal_ver`` (``d[.d[.d]]``).

    The exact version, else the nearest lower patch of the same minor version.
    """
    if not isinstance(cal_ver, str) or not CAL_VER.fullmatch(cal_ver):
        raise BadRequest(f"'{cal_ver}' is not a calibration version. Write it as x.y.z.")
    wanted = version_numbers(cal_ver)
    candidates = [
        (version, row.context.name)
        for row in BuildContext.objects.select_related("context")
        if (version := version_numbers(row.cal_ver))[:2] == wanted[:2] and version <= wanted
    ]
    if not candidates:
        raise NotFound(
            f"No build context is known for calibration version {cal_ver} or an earlier patch"
            " of it.")
    return max(candidates)[1]


def version_numbers(text: str) -> tuple[int, ...]:
    numbers = [int(n) for n in re.findall(r"\d+", text)[:3]]
    return tuple(numbers + [0] * (3 - len(numbers)))


# ---- symbolic names ------------------------------------------------------


def resolve(spec: str | None, observatory: str | None = None) -> str:
    """Name of the published rule file that ``spec`` stands for.

    ``spec`` is a file name, an observatory, a role such as ``hst-edit`` or
    ``jwst-miri-dark-latest``, or one of these with a date in place of the
    role.  A type that is not applicable gives ``N/A``.
    """
    check_observatory(observatory)
    spec = os.path.basename(spec or settings.CRDS_OBSERVATORY)
    if spec.endswith(MAPPING_EXTENSIONS):
        return published_mapping(spec)
    if spec == settings.CRDS_OBSERVATORY:
        return default_context("latest")
    return _resolve_symbolic(spec)


def resolve_pmap(spec: str | None) -> str:
    """Like :func:`resolve`, for calls that need rules of all instruments."""
    name = resolve(spec)
    if not name.endswith(".pmap"):
        raise BadRequest(f"'{name}' is not a pipeline context; give a .pmap.")
    return name


def check_observatory(observatory: str | None) -> None:
    if observatory not in (None, "", settings.CRDS_OBSERVATORY):
        raise BadRequest(
            f"This server knows observatory '{settings.CRDS_OBSERVATORY}' only,"
            f" not '{observatory}'.")


def _resolve_symbolic(spec: str) -> str:
    parts = SPEC.fullmatch(spec)
    if not parts:
        raise InvalidDateBasedContext(
            f"'{spec}' is not a context. Give a file name such as"
            f" {settings.CRDS_OBSERVATORY}_0001.pmap, a role such as"
            f" {settings.CRDS_OBSERVATORY}-latest, or a date such as"
            f" {settings.CRDS_OBSERVATORY}-2020-01-31T12:00:00.")
    if parts["observatory"] not in (None, settings.CRDS_OBSERVATORY):
        raise InvalidDateBasedContext(
            f"Bad observatory '{parts['observatory']}' in CRDS date based context specification."
            f" This server knows '{settings.CRDS_OBSERVATORY}'.")
    when = parts["when"]
    pmap = default_context(when) if when in ROLES else context_at(dates.parse(when))
    return _part(pmap, parts["instrument"], parts["filekind"])


def context_at(moment: datetime) -> str:
    """The context that was latest at ``moment``; it must be published."""
    entry = (ContextHistory.objects.filter(start_date__lte=moment)
             .order_by("-start_date", "-id").first())
    if entry is None:
        raise InvalidDateBasedContext(
            f"No context was in use at {dates.show(moment)}: the history starts later.")
    if not CatalogFile.objects.published().filter(name=entry.context).exists():
        raise InvalidDateBasedContext(
            f"The context in use at {dates.show(moment)} was '{entry.context}',"
            " which is not published on this server.")
    return entry.context


def _part(pmap: str, instrument: str | None, filekind: str | None) -> str:
    """The imap or rmap of ``pmap`` for instrument and type; the pmap itself for neither."""
    if not instrument:
        return pmap
    imap = _child(pmap, instrument, "instrument")
    return _child(imap, filekind, "filekind") if filekind and imap != "N/A" else imap


def _child(parent: str, key: str, what: str) -> str:
    from rules.loading import load

    children = {k.lower(): name for k, name in load(parent).selector.items()}
    if key not in children:
        raise InvalidDateBasedContext(
            f"Bad {what} '{key}' in CRDS date based context specification.")
    name = children[key]
    return name if name.endswith(MAPPING_EXTENSIONS) else "N/A"


# ---- history -------------------------------------------------------------


def history() -> list[ContextHistory]:
    """Every context that was ever latest, newest first."""
    return list(ContextHistory.objects.order_by("-start_date", "-id"))


def history_rows() -> list[list[str]]:
    """``[start date, context, description]`` newest first, as clients read it."""
    return [[dates.show(h.start_date), h.context, h.description] for h in history()]


# ---- what pipelines report ----------------------------------------------


def push_remote_context(kind: str, key: str, context: str) -> None:
    """Record that pipeline ``key`` now uses ``context``."""
    if kind not in ("latest", "operational"):
        raise BadRequest(f"Unknown kind of context '{kind}'. It is latest or operational.")
    _known_pipeline(key)
    name = resolve_pmap(context)
    with transaction.atomic():
        row, _ = RemoteContext.objects.select_for_update().get_or_create(key=key)
        changed = row.context != name
        row.context, row.kind, row.pushed_at = name, "latest", timezone.now()
        row.save()
        if changed:
            audit.record("push remote context", user=key, file=name,
                         why="the pipeline reports the context it uses")


def remote_context(key: str) -> str:
    """The context that pipeline ``key`` reported last."""
    _known_pipeline(key)
    row = RemoteContext.objects.filter(key=key).first()
    if row is None or not row.context:
        raise NotFound(f"Pipeline '{key}' has not reported its context yet.")
    return row.context


def _known_pipeline(key: str) -> None:
    if key not in settings.REMOTE_CONTEXT_KEYS:
        raise NotFound(
            f"Unknown pipeline '{key}'. Known are {', '.join(settings.REMOTE_CONTEXT_KEYS)};"
            " an operator adds others to REMOTE_CONTEXT_KEYS of the site configuration.")
