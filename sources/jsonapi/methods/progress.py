"""Messages of long running work (contract 4.7)."""

from __future__ import annotations

from jpoll import services as jpoll
from jsonapi import checks
from jsonapi.registry import rpc


@rpc
def jpoll_pull_messages(request, key, since_id=None):
    """Messages of a channel with ids above ``since_id``, or since the last pull."""
    return jpoll.pull(checks.text(key, "key"), since_id)


@rpc
def jpoll_abort(request, key):
    """Ask the work behind a channel to stop at its next message."""
    jpoll.abort(checks.text(key, "key"))
    return True
