"""How often somebody may try to sign in.

Attempts are counted in the database, so that all web hosts count together: for the pair of
account and network (/24 or /48), for the network, and for the account over all networks.
After the free attempts of a count each further failure doubles a wait of at most
:data:`LONGEST`.  An attempt is charged before the password is looked at, so that many at once
do not slip through.

Nobody can lock the owner of an account out for good.  A network from which the owner signed
in lately has only the count of the pair, waits end by themselves, sessions go on, and a valid
token is accepted at any time: it cannot be guessed.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import IntegrityError, transaction
from django.db.models import F
from django.utils import timezone
from django.utils.crypto import salted_hmac

from common.errors import ServiceError

from ..models import Attempts

#: The first wait; each further failure doubles it.
FIRST, LONGEST = timedelta(seconds=15), timedelta(minutes=15)
#: Failures are forgotten after this time without one.
FORGET = timedelta(hours=1)
#: A pair from which the owner signed in within this time is known.
KNOWN = timedelta(days=60)


@dataclass(frozen=True)
class Count:
    """One of the counts that an attempt is charged to."""

    scope: str
    free: int


PAIR, NETWORK, ACCOUNT = Count("pair", 5), Count("network", 30), Count("account", 30)
#: Requests with tokens that are not valid, which programs repeat without thinking.
TOKEN = Count("token", 60)


class TooManyAttempts(ServiceError):
    """The next attempt has to wait."""

    status = 429

    def __init__(self, until: datetime):
        self.until = until
        self.seconds = max(1, round((until - timezone.now()).total_seconds()))
        super().__init__(
            "Too many failed attempts to log in."
            f" Try again at {until:%H:%M:%S} UTC, in {_span(self.seconds)}."
            " A token of your account works in the meantime.")


def charge(name: str, network: str) -> None:
    """Count an attempt to sign in as ``name``; raise :class:`TooManyAttempts` to refuse it.

    After a refusal the password must not be looked at.  :func:`succeeded` takes the
    attempt back.
    """
    known = _is_known(name, network, timezone.now())
    counts = [PAIR] if known else [PAIR, NETWORK, ACCOUNT]
    _charge({count: _key(count, name, network) for count in counts})


def charge_token(network: str) -> None:
    """Count a request with a token that is not valid; raise :class:`TooManyAttempts`."""
    _charge({TOKEN: _key(TOKEN, "", network)})


def _charge(keys: dict[Count, str]) -> None:
    now = timezone.now()
    # Before the transaction, which then locks rows in one order only.
    for key in keys.values():
        _make_row(key)
    with transaction.atomic():
        rows = {row.key: row for row in
                Attempts.objects.select_for_update().filter(key__in=keys.values()).order_by("key")}
        waits = [row.blocked_until for row in rows.values()
                 if row.blocked_until and row.blocked_until > now]
        if not waits:
            for count, key in keys.items():
                _add(rows[key], count, now)
    if waits:
        raise TooManyAttempts(max(waits))
    if random.random() < 0.01:
        forget(now)


def succeeded(name: str, network: str) -> None:
    """``name`` signed in: the pair begins anew and is known, the other counts lose one."""
    now = timezone.now()
    pair = _key(PAIR, name, network)
    _make_row(pair)
    with transaction.atomic():
        Attempts.objects.filter(key=pair).update(
            failures=0, blocked_until=None, succeeded_at=now)
        Attempts.objects.filter(
            key__in=[_key(count, name, network) for count in (NETWORK, ACCOUNT)],
            failures__gt=0, last_at__gt=now - FORGET,
        ).update(failures=F("failures") - 1, blocked_until=None)


def forget(now: datetime | None = None) -> None:
    """Delete rows that mean nothing any more."""
    now = now or timezone.now()
    old = Attempts.objects.filter(last_at__lt=now - FORGET - LONGEST)
    old.filter(succeeded_at=None).delete()
    old.filter(succeeded_at__lt=now - KNOWN).delete()


def _is_known(name: str, network: str, now: datetime) -> bool:
    return Attempts.objects.filter(
        key=_key(PAIR, name, network), succeeded_at__gt=now - KNOWN).exists()


def _make_row(key: str) -> None:
    if Attempts.objects.filter(key=key).exists():
        return
    try:
        with transaction.atomic():
            Attempts.objects.create(key=key)
    except IntegrityError:
        # Another attempt made it first.
        pass


def _add(row: Attempts, count: Count, now: datetime) -> None:
    failures = row.failures + 1 if row.last_at > now - FORGET else 1
    wait = None
    if failures >= count.free:
        # More doublings than these reach the longest wait anyway.
        wait = now + min(LONGEST, FIRST * 2 ** min(failures - count.free, 10))
    Attempts.objects.filter(pk=row.pk).update(
        failures=failures, last_at=now, blocked_until=wait)


def _key(count: Count, name: str, network: str) -> str:
    name = name.strip().lower()[:254]
    parts = {PAIR: f"{name}\n{network}", NETWORK: network, ACCOUNT: name, TOKEN: network}
    return salted_hmac(
        f"attempts {count.scope}", parts[count], algorithm="sha256").hexdigest()


def _span(seconds: int) -> str:
    if seconds < 90:
        return f"{seconds} second{'' if seconds == 1 else 's'}"
    return f"{-(-seconds // 60)} minutes"
