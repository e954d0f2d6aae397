"""What the library's hooks do to headers, in words.

Hooks are functions of the library that rules name; one that is not known here is
told by its name alone.
"""

from __future__ import annotations

import re
from collections.abc import Callable

_FULL_FRAME = "no bias of this size was found; that of a full frame is tried"
_OTHER_WAY = "the filters are tried the other way round"

#: By hook without its version, and parameter.
_WORDS = {
    "precondition_header_acs_biasfile": {
        "APERTURE": "before the servicing mission of May 2009 the aperture of a bias does not"
                    " count",
        "CCDAMP": "before the servicing mission of May 2009 the amplifiers of a wide bias count as"
                  " the pairs AD and BC",
        "NAXIS1": "columns are compared as a whole number",
        "NAXIS2": "a WFC image that begins in the corner has the rows of two chips; half of them"
                  " are compared",
    },
    "fallback_header_acs_biasfile": dict.fromkeys(
        ("NAXIS1", "NAXIS2", "LTV1", "LTV2", "RAW_LTV1", "RAW_LTV2"), _FULL_FRAME),
    "precondition_header_wfc3_biasfile": {
        "APERTURE": "a subarray that is none of the named ones has no aperture that counts",
    },
    "fallback_header_wfpc2_flatfile": {"FILTER1": _OTHER_WAY, "FILTER2": _OTHER_WAY},
}


def reason(hook: Callable, parameter: str) -> str:
    """Why ``hook`` changed ``parameter``."""
    name = getattr(hook, "__name__", str(hook))
    family = re.sub(r"_v\d+$", "", name)
    # A fallback begins with what the precondition does.
    for each in (family, family.replace("fallback", "precondition")):
        if words := _WORDS.get(each, {}).get(parameter):
            return f"{words} (the library's rule {name})"
    return f"the library's rule {name}"
