"""Taking, keeping and giving back locks."""

from __future__ import annotations

import re
from datetime import timedelta

from django.conf import settings
from django.contrib.auth import get_user_model
from django.db import IntegrityError, transaction
from django.utils import timezone

from accounts.models import Role
from accounts.services import roles
from common.errors import BadRequest, NotFound, ServiceError
from interactive.services import audit

from .models import Lock

#: A lock is written again at most this often while its owner works.
RENEWED_EVERY = timedelta(minutes=1)

#: What clients send at login when they want no lock.
NO_LOCK = ("", "none")

NAME = re.compile(r"[a-z0-9_-]{1,64}")


class LockHeld(ServiceError):
    """Somebody else has the lock."""

    status = 409

    def __init__(self, lock: Lock):
        self.lock = lock
        super().__init__(
            f"Instrument '{lock.name}' is locked by user '{lock.user.get_username()}'"
            f" until {lock.expires:%Y-%m-%d %H:%M:%S} UTC. Wait until then, or ask them to"
            f" confirm or cancel what they submitted."
        )


def lock_duration() -> timedelta:
    return timedelta(hours=getattr(settings, "LOCK_HOURS", 4))


def acquire(name: str, user) -> Lock:
    """Lock instrument ``name`` for ``user``; renews a lock the user has already.

    An expired lock of somebody else is taken over.  Raises LockHeld while
    another user's lock lasts.
    """
    name = _checked(name)
    locks = Lock.objects.filter(kind=Lock.Kind.INSTRUMENT, name=name)
    while True:
        with transaction.atomic():
            _remove_expired(locks.exclude(user=user))
            held = _renewed(name, user) or _created(name, user)
        if held:
            return held
        other = locks.select_related("user").first()
        if other:
            raise LockHeld(other)
        # Given back between two looks: it is free now.


def take_at_login(instrument: str, user) -> Lock | None:
    """The lock of a login: ``none`` keeps what the user has, another one replaces it.

    Who may not submit files of the instrument is let in without the lock, which would keep
    others out.  Raises LockHeld while somebody else has it; then the user keeps the former one.
    """
    if instrument.strip().lower() in NO_LOCK:
        return None
    name = _checked(instrument.strip())
    if not roles.has(user, Role.SUBMITTER, name):
        return None
    lock = acquire(name, user)
    Lock.objects.filter(user=user, kind=Lock.Kind.INSTRUMENT).exclude(pk=lock.pk).delete()
    return lock


def take_over(name: str, user, reason: str) -> Lock:
    """Give operator ``user`` the lock that somebody else has; audited with ``reason``.

    Raises NotFound if nobody has it any more, NotAllowed without the role.
    """
    name, reason = _checked(name), reason.strip()
    roles.require(user, Role.OPERATOR, name)
    if not reason:
        raise BadRequest(
            "Say why the lock is taken over: its owner reads it in the recent activity.")
    with transaction.atomic():
        lock = Lock.objects.select_for_update().select_related("user").filter(
            kind=Lock.Kind.INSTRUMENT, name=name).exclude(user=user).first()
        if lock is None:
            raise NotFound(f"Nobody else has instrument '{name}' locked any more.")
        former, now = lock.user, timezone.now()
        taken = Lock.objects.filter(pk=lock.pk, user=former).update(
            user=user, created_on=now, renewed=now, duration=lock_duration())
        if not taken:
            raise NotFound(f"Instrument '{name}' has just changed hands. Look again.")
        audit.record("take over lock", user=user, why=reason, instrument=name,
                     former_owner=former.get_username())
    return Lock.objects.get(pk=lock.pk)


def renew_all(user) -> list[Lock]:
    """The user is at work: begin the duration of every lock that lasts anew, once a minute.

    Returns the locks that last.
    """
    now = timezone.now()
    locks = lasting(user)
    for lock in locks:
        if lock.renewed <= now - RENEWED_EVERY:
            mine = Lock.objects.filter(pk=lock.pk, user=user)
            mine.update(renewed=now, duration=lock_duration())
            lock.renewed, lock.duration = now, lock_duration()
    return locks


def lasting(user=None) -> list[Lock]:
    """Locks that have not expired, of everybody or of ``user``."""
    locks = Lock.objects.select_related("user")
    if user is not None:
        locks = locks.filter(user=user)
    return [lock for lock in locks if not lock.is_expired]


def _created(name: str, user) -> Lock | None:
    """A new lock; None if another one came first."""
    try:
        with transaction.atomic():
            return Lock.objects.create(name=name, user=user, duration=lock_duration())
    except IntegrityError:
        return None


def _renewed(name: str, user) -> Lock | None:
    mine = Lock.objects.filter(kind=Lock.Kind.INSTRUMENT, name=name, user=user)
    if not mine.update(renewed=timezone.now(), duration=lock_duration()):
        return None
    return mine.first()


def renew(name: str, user) -> bool:
    """Begin the duration anew; False if the user does not have the lock (any more)."""
    return _renewed(_checked(name), user) is not None


def release(name: str, user) -> bool:
    """Give the lock back; False if the user did not have it."""
    count, _ = Lock.objects.filter(
        kind=Lock.Kind.INSTRUMENT, name=_checked(name), user=user).delete()
    return bool(count)


def release_all(user) -> int:
    """Give back every lock of ``user``, as at logout; returns how many."""
    return Lock.objects.filter(user=user).delete()[0]


def holder(name: str):
    """The user whose lock on instrument ``name`` lasts, None when it is free."""
    lock = Lock.objects.filter(kind=Lock.Kind.INSTRUMENT, name=_checked(name)).first()
    return lock.user if lock and not lock.is_expired else None


def clear_expired_locks() -> int:
    """Delete locks whose time is over; returns how many."""
    return _remove_expired(Lock.objects.all())


def _remove_expired(locks) -> int:
    removed = 0
    for lock in locks:
        if lock.is_expired:
            # Renewed since we looked: it stays.
            removed += Lock.objects.filter(pk=lock.pk, renewed=lock.renewed).delete()[0]
    return removed


def _checked(name: str) -> str:
    name = str(name).lower()
    if not NAME.fullmatch(name):
        raise BadRequest("A lock needs the name of an instrument, such as acs.")
    return name


def take(name: str, user) -> Lock:
    """As :func:`acquire`, for who may submit files of the instrument; NotAllowed for others."""
    name = _checked(name)
    roles.require(user, Role.SUBMITTER, name)
    return acquire(name, user)


# ---- the answer for clients ---------------------------------------------


def status(username: str) -> dict:
    """What ``/lock_status/<user>/`` shows: the lock of a user, ``name`` empty without one.

    An unknown user has no lock; the answer does not tell the two apart.
    """
    lock = _lock_to_show(username)
    if lock is None:
        return _status(username)
    return _status(
        username,
        type=lock.kind,
        name=lock.name,
        created_on=lock.created_on.strftime("%Y-%m-%d %H:%M:%S"),
        time_remaining=lock.countdown,
        is_expired=lock.is_expired,
    )


def _lock_to_show(username: str) -> Lock | None:
    """The newest lock that lasts, else the newest."""
    field = f"user__{get_user_model().USERNAME_FIELD}"
    locks = Lock.objects.filter(**{field: username}).order_by("-renewed", "-pk")
    return min(locks, key=lambda lock: lock.is_expired, default=None)


def _status(username: str, **known) -> dict:
    empty = {
        "status": "ok", "user": username, "type": "instrument", "name": "",
        "created_on": "", "time_remaining": "0:00:00", "is_expired": False,
    }
    return {**empty, **known}

