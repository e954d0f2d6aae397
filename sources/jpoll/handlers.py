"""Python logging that ends up on a status channel."""

from __future__ import annotations

import logging

from . import services


class ChannelHandler(logging.Handler):
    """Sends log records to a channel.

    Unlike other handlers it lets :class:`~jpoll.services.ChannelAborted` pass:
    that is how work learns, in the middle of a library, that nobody wants it
    any more.
    """

    def __init__(self, key: str, level: int = logging.INFO):
        super().__init__(level)
        self.key = key

    def emit(self, record: logging.LogRecord) -> None:
        try:
            services.log(self.key, message_type(record.levelno), self.format(record))
        except services.ChannelAborted:
            raise
        except Exception:
            self.handleError(record)


def message_type(level: int) -> str:
    """The type of message for a level of logging."""
    if level >= logging.ERROR:
        return "error"
    if level >= logging.WARNING:
        return "warning"
    if level >= logging.INFO:
        return "log_message"
    return "verbose"
