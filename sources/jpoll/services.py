"""Writing to and reading from status channels.

The client polls a channel while its submission is worked on.  It understands
the types of :class:`~jpoll.models.Message.Type` and stops at ``done``; whatever
came in one batch after ``done`` would make it wait for ever, so nothing is
accepted after it.  Times and users play no part in reading: the key is enough.
"""

from __future__ import annotations

import html
import re
import uuid
from datetime import timedelta

from django.db import transaction
from django.utils import timezone

from common.errors import BadRequest, NotFound, ServiceError

from .models import Channel, Message

KEY = re.compile(r"[a-zA-Z0-9:.\-]{1,128}")

#: Values of ``status`` in the data of ``done``, as the client knows them.
COMPLETED, FAILED, CANCELLED = 0, 1, 3

#: Messages that one pull hands out; the reader comes back for the rest.
BATCH = 1000

#: Reading counts as activity, but need not be written down at each poll.
ACTIVITY_GRAIN = timedelta(minutes=5)

KEEP = timedelta(days=7)


class ChannelNotFound(NotFound):
    """No such channel; clients take that for "has not started yet" and ask again."""

    def __init__(self, key: str):
        super().__init__(f"Channel '{key}' not found")


class ChannelAborted(ServiceError):
    """The reader asked the writer to stop."""

    def __init__(self):
        super().__init__("External agent requested calling process termination.")


# ---- opening ------------------------------------------------------------


def open_channel(session_key: str, user=None) -> str:
    """The key of a new channel that belongs to a session.

    Channels of the same session on which nothing was ever said are forgotten.
    """
    key = str(uuid.uuid4())
    with transaction.atomic():
        Channel.objects.filter(session_key=session_key, last_number=0, done=False).delete()
        Channel.objects.create(key=key, session_key=session_key, user=user)
    return key


def channel_for_session(session_key: str | None) -> str | None:
    """The channel that the session opened last and that is not done, None without one."""
    if not session_key:
        return None
    channels = Channel.objects.filter(session_key=session_key, done=False)
    return channels.order_by("-created").values_list("key", flat=True).first()


# ---- writing ------------------------------------------------------------


def log(key: str, type: str, data: str) -> None:
    """Say ``data`` on a channel: log_message, warning, error or verbose.

    Inside a transaction readers see it after the commit.  Ignored once the
    channel is done.  Raises ChannelAborted when the reader wants an end,
    ChannelNotFound without such a channel.
    """
    if type not in Message.Type.values or type == Message.Type.DONE:
        raise ValueError(f"{type!r} is not a type of message for a channel")
    _append(key, type, str(data), stop_if_aborted=True)


def done(key: str, status: int, result: str) -> None:
    """Close a channel: 0 with the address of the result, 1 failed, 3 cancelled, with the reason.

    The first call counts, later ones are ignored.
    """
    data = {"status": int(status), "result": str(result)}
    _append(key, Message.Type.DONE, data, stop_if_aborted=False)


def _append(key: str, type: str, data, *, stop_if_aborted: bool) -> None:
    with transaction.atomic():
        # The update holds the row until the commit: numbers become visible in their order.
        now = timezone.now()
        Channel.objects.filter(key=key).update(last_activity=now)
        channel = _channel(key)
        if stop_if_aborted and channel.aborted:
            raise ChannelAborted
        if channel.done:
            return
        number = channel.last_number + 1
        Channel.objects.filter(key=key).update(last_number=number, done=type == Message.Type.DONE)
        Message.objects.create(channel=channel, number=number, type=type, data=data, created=now)


# ---- reading ------------------------------------------------------------


def pull(key: str, since_id: str | None = None) -> list[dict]:
    """Messages after number ``since_id`` (decimal text), or after the last pull for None.

    Each has ``id``, ``type``, ``data`` and ``time``; texts are HTML-escaped
    once, as the client expects.  At most :data:`BATCH`; ``done`` is the last
    there ever is.
    """
    since = _number(since_id)
    channel = _channel(key)
    if since is None:
        since = channel.pulled_number
    found = list(channel.messages.filter(number__gt=since).order_by("number")[:BATCH])
    _remember(channel, found[-1].number if found else channel.pulled_number)
    return [
        {"id": message.number, "type": message.type, "data": _escaped(message.data),
         "time": message.created.isoformat(sep=" ")}
        for message in found
    ]


def abort(key: str) -> None:
    """Ask the writer to stop; it notices at its next message."""
    _channel(key)
    Channel.objects.filter(key=key).update(aborted=True, last_activity=timezone.now())


def is_aborted(key: str) -> bool:
    """Whether the writer was asked to stop and has not yet said ``done``."""
    return Channel.objects.filter(key=key, aborted=True, done=False).exists()


def _channel(key: str) -> Channel:
    if not isinstance(key, str) or not KEY.fullmatch(key):
        raise BadRequest(
            "A channel key consists of 1 to 128 letters, digits, colons, dots and dashes.")
    try:
        return Channel.objects.get(key=key)
    except Channel.DoesNotExist:
        raise ChannelNotFound(key) from None


def _number(since_id) -> int | None:
    """``since_id`` as a number; clients send decimal text, people at a console numbers."""
    if since_id is None:
        return None
    text = str(since_id)
    if not re.fullmatch(r"[0-9]{1,9}", text):
        raise BadRequest("since_id must be the id of a message as decimal text, or null.")
    return int(text)


def _remember(channel: Channel, number: int) -> None:
    now = timezone.now()
    if number == channel.pulled_number and now - channel.last_activity < ACTIVITY_GRAIN:
        return
    # Without a reader's own count the pointer could also go back; it never does.
    channels = Channel.objects.filter(key=channel.key)
    channels.update(last_activity=now)
    channels.filter(pulled_number__lt=number).update(pulled_number=number)


def _escaped(data):
    if isinstance(data, str):
        return html.escape(data)
    if isinstance(data, list):
        return [_escaped(item) for item in data]
    if isinstance(data, dict):
        return {key: _escaped(value) for key, value in data.items()}
    return data


# ---- tidying ------------------------------------------------------------


def clear_old_channels(keep: timedelta = KEEP) -> int:
    """Forget channels that nobody wrote to or read for ``keep``; returns how many."""
    old = Channel.objects.filter(last_activity__lt=timezone.now() - keep)
    count = old.count()
    old.delete()
    return count
