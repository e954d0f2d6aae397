"""Names of files, folders and pairs."""

from __future__ import annotations

import hashlib
import os
import re

from common.errors import BadRequest

#: Names that clients and rules can bear (contract 6.1).
BASENAME = re.compile(r"[A-Za-z0-9._\- ]{1,128}")
DRAFT = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.\-]{0,63}")
_PLAIN = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.@+-")
_GEIS = re.compile(r"(.+\.r\d)([hd])", re.IGNORECASE)

#: Bytes that a folder's name may have on usual file systems, with some to spare.
_LONGEST = 200


def problem(name: str) -> str:
    """Why ``name`` cannot be that of an uploaded file; empty if it can."""
    if name.startswith("."):
        return "its name begins with a dot"
    if len(name) > 128:
        return "its name is longer than 128 characters"
    if not BASENAME.fullmatch(name):
        return "its name has characters other than letters, digits, space and . _ -"
    return ""


def check(name: str) -> str:
    """``name``, or BadRequest that says what is wrong with it."""
    if reason := problem(name):
        raise BadRequest(
            f"{shown(name)[:200]!r} cannot be uploaded: {reason}. Rename the file and upload it"
            " again.")
    return name


def shown(name: str) -> str:
    """``name`` as it can be shown and sent, also if its bytes are no text."""
    try:
        raw = os.fsencode(name)
    except UnicodeEncodeError:
        raw = name.encode("utf-8", "backslashreplace")
    return raw.decode("utf-8", "backslashreplace")


def user_folder(username: str) -> str:
    """The folder of a user below ``ingest``; each user name has its own.

    Letters, digits and ``_ . @ + -`` stay; each byte of anything else, and a dot at the
    beginning, becomes ``%`` and two hexadecimal digits.  What gets too long is cut, and ends
    in ``%%`` and the sha256 of the whole name, which no other name can lead to.
    """
    raw = username.encode("utf-8", "surrogatepass")
    safe = "".join(chr(byte) if byte in _PLAIN and (byte != 0x2E or place) else f"%{byte:02X}"
                   for place, byte in enumerate(raw))
    if len(safe) > _LONGEST:
        return f"{safe[:120]}%%{hashlib.sha256(raw).hexdigest()}"
    return safe or "%%"


def partner(name: str) -> str:
    """The other half of a GEIS pair (``x.r3h`` and ``x.r3d``); empty for other files."""
    found = _GEIS.fullmatch(name)
    if not found:
        return ""
    other = {"h": "d", "d": "h", "H": "D", "D": "H"}[found[2]]
    return found[1] + other
