"""Times: UTC everywhere, ISO form in and out."""

from __future__ import annotations

from datetime import UTC, datetime

from .errors import BadRequest

FORMATS = (
    "%Y-%m-%d %H:%M:%S.%f",
    "%Y-%m-%d %H:%M:%S",
    "%Y-%m-%dT%H:%M:%S.%f",
    "%Y-%m-%dT%H:%M:%S",
    "%Y-%m-%d %H:%M",
    "%Y-%m-%dT%H:%M",
    "%Y-%m-%d",
)


def parse(text: str) -> datetime:
    """The UTC time that ISO ``text`` names; a zone offset is honoured, none means UTC."""
    text = text.strip()
    plain = text[:-1] if text.endswith("Z") else text
    for form in FORMATS:
        try:
            return datetime.strptime(plain, form).replace(tzinfo=UTC)
        except ValueError:
            continue
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as exc:
        raise BadRequest(
            f"{text!r} is not a date. Write it as YYYY-MM-DD or YYYY-MM-DDTHH:MM:SS (UTC)."
        ) from exc
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def show(moment: datetime | None) -> str:
    """``2014-05-15 15:31:54+00:00``, as the JSON-RPC shows times; ``none`` for None."""
    if moment is None:
        return "none"
    return moment.astimezone(UTC).isoformat(sep=" ")
