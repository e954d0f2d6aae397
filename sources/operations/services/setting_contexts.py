"""Setting contexts: what pipelines use (latest), what deliveries start from (edit), which context
goes with a release of the calibration software (build), and which names software versions.

Looking first (:mod:`.previews`), then one transaction: history, pointer, states, audit and
revision, or nothing of it.  The caller says which context it saw in place; where another has
come in between, nothing is done.
"""

from __future__ import annotations

import logging
import re

from django.conf import settings
from django.core.mail import send_mail
from django.db import IntegrityError, transaction
from django.db.models import F
from django.utils import timezone

from accounts.models import Role
from accounts.services import roles
from affected.services import events as affected
from common.errors import BadRequest, ServiceError
from common.faultpoints import reach
from interactive.models import (
    BuildContext,
    CatalogFile,
    ContextHistory,
    ContextPointer,
    FileState,
)
from interactive.services import audit, cache_config, contexts, revision, rule_graph

from . import previews

log = logging.getLogger(__name__)

LATEST, EDIT, BUILD, VERSIONS = "latest", "edit", "build", "versions"
KINDS = (LATEST, EDIT, BUILD, VERSIONS)

ACTION = "set default context"

#: A version of the calibration software: numbers, and perhaps a candidate of a release.
CAL_VER = re.compile(r"\d{1,4}\.\d{1,4}(\.\d{1,4})?((rc|\.dev|a|b)\d{1,4})?")

CHUNK = 5000


class Moved(ServiceError):
    """Somebody else set the context in the meantime."""

    status = 409


class NotClean(ServiceError):
    """The context cannot be used for this; the message names what is wrong with it."""

    status = 409


def set_latest(context: str, *, user, reason: str = "", expected: str,
               acknowledged: bool = False) -> str:
    """Make ``context`` what pipelines use from their next synchronisation on.

    ``expected`` is the context that was latest when the caller looked.  Raises :class:`Moved`,
    :class:`NotClean`, BadRequest where a reason is missing.  Returns the context's name.
    """
    return _act(LATEST, context, user, reason, expected, acknowledged=acknowledged)


def set_edit(context: str, *, user, reason: str = "", expected: str) -> str:
    """Make ``context`` the one that new deliveries start from."""
    return _act(EDIT, context, user, reason, expected)


def set_versions(context: str, *, user, reason: str = "", expected: str) -> str:
    """Make ``context`` the one that names the versions of calibration software."""
    return _act(VERSIONS, context, user, reason, expected)


def set_build(cal_ver: str, context: str, *, user, reason: str = "", expected: str,
              banner: bool = False) -> str:
    """Tie ``context`` to the release ``cal_ver``; ``expected`` is what was tied to it, or "".

    With ``banner`` the home page announces it, unless it announces a newer version already.
    """
    return _act(BUILD, context, user, reason, expected, cal_ver=cal_ver, banner=banner)


def act(kind: str, context: str, *, user, reason: str = "", expected: str, cal_ver: str = "",
        banner: bool = False, acknowledged: bool = False) -> str:
    """Any of these by the name of its ``kind``."""
    return _act(kind, context, user, reason, expected, cal_ver=cal_ver, banner=banner,
                acknowledged=acknowledged)


def check_cal_ver(text: str) -> str:
    if not CAL_VER.fullmatch(text or ""):
        raise BadRequest("Write the version of the calibration software as x.y.z, such as 1.16.0.")
    return text


def _act(kind: str, context: str, user, reason: str, expected: str, *, cal_ver: str = "",
         banner: bool = False, acknowledged: bool = False) -> str:
    roles.require(user, Role.OPERATOR, "")
    if kind not in KINDS:
        raise BadRequest(f"There is no kind of context '{kind[:40]}'. It is one of"
                         f" {', '.join(KINDS)}.")
    if kind == BUILD:
        check_cal_ver(cal_ver)
    with transaction.atomic():
        lock()
        reach("set locked")
        # Looked at again, under the lock: what a preview showed may be hours old.
        preview = previews.preview(kind, context, cal_ver)
        if preview.current != expected:
            raise Moved(_moved(preview, expected))
        _require(preview, acknowledged)
        reason = _reason(preview, reason)
        _point(kind, preview, user, reason, cal_ver, banner)
        reach("set pointer")
        if kind == LATEST:
            _take_effect(preview, user, reason)
            affected.latest_changed(preview.current, preview.context)
        _record(kind, preview, user, reason, cal_ver)
        revision.bump()
        transaction.on_commit(after_commit)
        if kind == LATEST:
            transaction.on_commit(lambda: _announce(preview, user, reason))
        reach("set written")
    return preview.context


def lock() -> None:
    """Wait for others who set contexts, mark files or confirm; they wait until the commit."""
    if not ContextPointer.objects.filter(kind__in=(LATEST, EDIT)).update(kind=F("kind")):
        revision.bump()


def after_commit() -> None:
    """The store's own configuration: what its clients see.  Made again with the next change."""
    reach("set committed")
    try:
        cache_config.write()
    except ServiceError as exc:
        log.error("The configuration of the file cache could not be written: %s", exc)


def _moved(preview: previews.Preview, expected: str) -> str:
    now = preview.current or "nothing"
    return (f"Somebody else was faster: {preview.what} is {now} now, not"
            f" {expected or 'nothing'} as when you looked. Nothing was changed. Look at the"
            " preview again and decide anew.")


def _require(preview: previews.Preview, acknowledged: bool) -> None:
    if preview.refusals:
        raise NotClean("\n".join(preview.refusals))
    if preview.to_acknowledge and not acknowledged:
        raise NotClean(f"{preview.to_acknowledge} Tick that you have seen this, or choose another"
                       " context.")


def _reason(preview: previews.Preview, reason: str) -> str:
    reason = " ".join(reason.split()) if "\n" not in reason else reason.strip()
    if "\x00" in reason or len(reason) > previews.LONGEST_REASON:
        raise BadRequest(f"A reason has at most {previews.LONGEST_REASON} characters of text.")
    if not reason and preview.needs_reason:
        raise BadRequest(f"Say why: {preview.why_reason}")
    return reason or preview.reason


# ---- what is written -----------------------------------------------------------------


def _point(kind: str, preview: previews.Preview, user, reason: str, cal_ver: str,
           banner: bool) -> None:
    new = CatalogFile.objects.get(name=preview.context)
    values = {"context": new, "changed_at": timezone.now(), "changed_by": user.get_username(),
              "reason": reason}
    if kind != BUILD:
        _pointer(kind, preview.current, values)
        return
    rows = BuildContext.objects.filter(cal_ver=cal_ver)
    if not rows.update(**values):
        try:
            with transaction.atomic():
                BuildContext.objects.create(cal_ver=cal_ver, **values)
        except IntegrityError:
            raise Moved(_moved(previews.preview(kind, preview.context, cal_ver), "")) from None
    if banner and preview.moves_banner:
        ContextPointer.objects.update_or_create(
            kind=ContextPointer.Kind.BANNER, defaults={**values, "cal_ver": cal_ver})


def _pointer(kind: str, expected: str, values: dict) -> None:
    if expected:
        old = CatalogFile.objects.filter(name=expected).values_list("pk", flat=True).first()
        # A confirmation moves the edit pointer without our lock: compare and swap.
        if ContextPointer.objects.filter(kind=kind, context_id=old).update(**values):
            return
    elif not ContextPointer.objects.filter(kind=kind).exists():
        ContextPointer.objects.create(kind=kind, **values)
        return
    raise Moved(f"Somebody else set the {kind} context at this moment. Look again.")


def _take_effect(preview: previews.Preview, user, reason: str) -> None:
    """The history, and states of all files that come into use or go out of it."""
    now = timezone.now()
    ContextHistory.objects.create(
        start_date=now, context=preview.context, description=reason, user=user.get_username())
    reach("set history")
    wanted = rule_graph.latest_ids()
    present = set(CatalogFile.objects.filter(state=FileState.LATEST).values_list("pk", flat=True))
    for ids, fields in ((wanted - present, {"state": FileState.LATEST}),
                        (present - wanted, {"state": FileState.ARCHIVED})):
        for rows in _rows(ids):
            rows.update(**fields)
    for rows in _rows(wanted):
        rows.filter(activation_date__isnull=True).update(activation_date=now)
    reach("set states")


def _rows(ids: set[int]):
    ordered = sorted(ids)
    for start in range(0, len(ordered), CHUNK):
        yield CatalogFile.objects.filter(pk__in=ordered[start:start + CHUNK])


def _record(kind: str, preview: previews.Preview, user, reason: str, cal_ver: str) -> None:
    details = {"kind": kind, "from": preview.current or "none", "to": preview.context}
    if cal_ver:
        details["cal_ver"] = cal_ver
    if preview.skipped:
        details["skipped"] = [row.name for row in preview.skipped]
    audit.record(ACTION, user=user, file=preview.context, why=reason, **details)


def _announce(preview: previews.Preview, user, reason: str) -> None:
    """A mail to those who hear of contexts; the act is done whether it leaves or not."""
    try:
        send_mail(
            f"{settings.EMAIL_SUBJECT_PREFIX}{preview.context} is the latest context",
            f"{user.get_username()} set it in place of {preview.current or 'none'}.\n\n{reason}\n\n"
            "Pipelines use it after their next synchronisation.\n",
            settings.DEFAULT_FROM_EMAIL, settings.DELIVERY_RECIPIENTS)
    except OSError as exc:
        log.error("The mail about the latest context could not be sent: %s", exc)


def current(kind: str, cal_ver: str = "") -> str:
    """Name of the context that is set for ``kind`` now, ``""`` for none."""
    if kind == BUILD:
        return (BuildContext.objects.filter(cal_ver=cal_ver)
                .values_list("context__name", flat=True).first()) or ""
    return contexts.pointer(kind)
