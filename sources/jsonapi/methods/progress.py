"""Messages of long running work (contract 4.7)."""

from __future__ import annotations

from jpoll import services as jpoll
from jsonapi import checks
from jsonapi.errors import InvalidParams
from jsonapi.registry import rpc


@rpc
def jpoll_pull_messages(request, key, since_id=None):
    """Messages of a channel with ids above ``since_id``, or since the last pull."""
    return jpoll.pull(checks.text(key, "key"), _since(since_id))


@rpc
def jpoll_abort(request, key):
    """Ask the work behind a channel to stop at its next message."""
    jpoll.abort(checks.text(key, "key"))
    return True


def _since(value) -> int | None:
    if value is None:
        return None
    try:
        return int(checks.text(str(value), "since_id", longest=18))
    except ValueError:
        raise InvalidParams("since_id must be the decimal number of a message.") from None
