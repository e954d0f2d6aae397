"""Dataset ids as people and programs write them."""

from __future__ import annotations

import re
from dataclasses import dataclass

from common.errors import BadRequest

_ID = re.compile(r"[A-Za-z0-9.:+_-]{1,128}")
_HALF = re.compile(r"[A-Z0-9.+_-]{1,128}")
_INSTRUMENT = re.compile(r"[A-Z0-9_-]{1,32}")

#: Halves of ids that an observatory gives out.  An id of this form that nobody knows is
#: taken for a missing dataset, any other for something that is no dataset at all.
_FORMS = {
    # Instrument letter, program, observation set, member.
    "hst": re.compile(r"[IJLNOUVWXYZ][A-Z0-9]{8}"),
    "jwst": re.compile(r"JW[0-9].*"),
    "roman": re.compile(r"R[0-9].*"),
}

RULE = ("A dataset id is PRODUCT:EXPOSURE or one of the two, at most 128 characters out of"
        " letters, digits and . : - + _")


@dataclass(frozen=True, slots=True)
class AskedId:
    """An id as asked for: ``product`` is None where only one half was given.

    ``text`` is the id as it was written, ``product`` and ``exposure`` are upper case.
    """

    text: str
    product: str | None
    exposure: str

    @property
    def key(self) -> str:
        """The two-part id that answers about it go under where nothing better is known."""
        return f"{self.product or self.exposure}:{self.exposure}"


def parse(text) -> AskedId:
    """What ``text`` asks for; BadRequest, naming the rule, if it cannot be an id."""
    if not isinstance(text, str):
        raise BadRequest(f"A dataset id is missing: got {type(text).__name__}. {RULE}.")
    if not _ID.fullmatch(text):
        shown = text if len(text) <= 40 else text[:40] + "…"
        raise BadRequest(f"Bad dataset id {shown!r}. {RULE}.")
    halves = text.upper().split(":")
    if len(halves) > 2 or not all(halves):
        raise BadRequest(f"Bad dataset id {text!r}. {RULE}.")
    return AskedId(text, halves[0] if len(halves) == 2 else None, halves[-1])


def is_half(text: str) -> bool:
    """True if upper-case ``text`` can be a product or an exposure."""
    return bool(_HALF.fullmatch(text))


def instrument_name(text) -> str:
    """``text`` in upper case; BadRequest if it cannot name an instrument."""
    name = text.strip().upper() if isinstance(text, str) else ""
    if not _INSTRUMENT.fullmatch(name):
        shown = text[:40] if isinstance(text, str) else type(text).__name__
        raise BadRequest(f"Bad instrument {shown!r}. An instrument is at most 32 letters,"
                         " digits, - and _, such as 'acs'.")
    return name


def formal(half: str) -> str:
    """``JW…_00001.NRS1`` for ``JW…_00001_NRS1``: people write the second, archives the first."""
    if "." in half:
        return half
    name, underscore, detector = half.rpartition("_")
    return f"{name}.{detector}" if underscore and name and detector else half


def foreign_half(asked: AskedId, observatory: str) -> str | None:
    """The first half of ``asked`` that is not formed like an id of ``observatory``."""
    form = _FORMS.get(observatory)
    for half in (asked.product, asked.exposure):
        if half and not (form and form.fullmatch(half)):
            return half
    return None
